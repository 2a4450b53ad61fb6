//! `app!` as facts: the type that the program gets, and its edges.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Attribute, Expr, ExprLit, Ident, Lit, LitBool, LitInt, LitStr, Path, Token, Type, Visibility};

use crate::diag::Diagnostics;
use crate::text::spelled;
use crate::{attr, similar};

const KEYS: [&str; 4] = ["config", "id", "max_in_flight", "start"];

/// What `app!` was given.
pub(crate) struct App {
    pub(crate) header: Header,
    pub(crate) edges: Vec<Edge>,
    /// False after a syntax error, which hides what follows it.
    pub(crate) is_complete: bool,
}

/// `#[no_main] pub struct Watch;`
pub(crate) struct Header {
    /// Documentation and whatever else is not ours.
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) ident: Ident,
    pub(crate) no_main: bool,
    /// The user's own command line, flattened into ours.
    pub(crate) args: Option<Type>,
}

/// `Pipeline => Minion { .. }`
pub(crate) struct Edge {
    pub(crate) pipeline: Type,
    pub(crate) minion: Type,
    pub(crate) config: Option<LitStr>,
    pub(crate) id: Option<LitStr>,
    pub(crate) max_in_flight: Option<InFlight>,
    pub(crate) start: Option<LitBool>,
    /// How it is written, to find it twice.
    text: String,
}

/// What `max_in_flight` says.
pub(crate) enum InFlight {
    AtMost(LitInt),
    Unlimited,
}

impl App {
    /// Parses the tokens after `[$crate]`.
    pub(crate) fn parse(tokens: TokenStream, diag: &mut Diagnostics) -> Self {
        let mut app = Self { header: Header::absent(), edges: Vec::new(), is_complete: true };
        let parser = |input: ParseStream<'_>| {
            if has_header(input) {
                app.header.parse(input, diag)?;
            }
            while !input.is_empty() {
                let edge = Edge::parse(input, diag)?;
                app.edges.push(edge);
                if input.is_empty() {
                    break;
                }
                if !input.peek(Token![,]) {
                    return Err(input.error("expected `,` between two lines of `app!`"));
                }
                input.parse::<Token![,]>()?;
            }
            Ok(())
        };
        if let Err(error) = parser.parse2(tokens) {
            diag.error(error);
            app.is_complete = false;
        } else if app.edges.is_empty() {
            diag.span(Span::call_site(), "this app has nothing to do; write a line `Pipeline => Minion`");
        }
        app.check(diag);
        app
    }

    fn check(&self, diag: &mut Diagnostics) {
        for (index, edge) in self.edges.iter().enumerate() {
            let earlier = &self.edges[..index];
            if earlier.iter().any(|other| other.text == edge.text) {
                diag.at(
                    &edge.pipeline,
                    format!("`{}` is already there; give one of the two lines its own `{{ config = \"..\" }}` or `{{ id = \"..\" }}`, or remove it", edge.text),
                );
            } else if let Some(id) = &edge.id
                && earlier.iter().filter_map(|other| other.id.as_ref()).any(|other| other.value() == id.value())
            {
                diag.at(
                    id,
                    format!("the id `{}` is taken by another line; every orchestration has its own", id.value()),
                );
            }
        }
    }
}

fn has_header(input: ParseStream<'_>) -> bool {
    input.peek(Token![#]) || input.peek(Token![pub]) || input.peek(Token![struct])
}

impl Header {
    fn absent() -> Self {
        Self {
            attributes: Vec::new(),
            visibility: Visibility::Inherited,
            ident: Ident::new("App", Span::call_site()),
            no_main: false,
            args: None,
        }
    }

    /// Takes over what it reads bit by bit, so that a later mistake does not hide `#[no_main]`.
    fn parse(&mut self, input: ParseStream<'_>, diag: &mut Diagnostics) -> syn::Result<()> {
        for attribute in input.call(Attribute::parse_outer)? {
            if attr::is(&attribute, "no_main") {
                if attribute.meta.require_path_only().is_err() {
                    diag.at(&attribute, "`#[no_main]` takes no value");
                }
                self.no_main = true;
            } else if attr::is(&attribute, "args") {
                match attribute.parse_args() {
                    Ok(ty) if self.args.is_none() => self.args = Some(ty),
                    Ok(_) => diag.at(&attribute, "`#[args(..)]` is given twice; put both into one struct"),
                    Err(_) => {
                        diag.at(&attribute, "`#[args(..)]` takes a type that derives `clap::Args`: `#[args(MyArgs)]`")
                    }
                }
            } else {
                self.attributes.push(attribute);
            }
        }
        self.visibility = input.parse()?;
        if !input.peek(Token![struct]) {
            return Err(input.error("expected `struct Name;`, the type that the program gets, before the first line"));
        }
        input.parse::<Token![struct]>()?;
        self.ident = input.parse()?;
        if !input.peek(Token![;]) {
            return Err(input.error(format!("the type of an app has no fields; write `struct {};`", self.ident)));
        }
        input.parse::<Token![;]>()?;
        Ok(())
    }
}

impl Edge {
    fn parse(input: ParseStream<'_>, diag: &mut Diagnostics) -> syn::Result<Self> {
        let pipeline: Type = input.parse()?;
        if !input.peek(Token![=>]) {
            return Err(input.error("expected `=>` and the minion that reacts: `Pipeline => Minion`"));
        }
        input.parse::<Token![=>]>()?;
        let minion: Type = input.parse()?;
        let text = format!("{} => {}", spelled(&pipeline), spelled(&minion));
        let mut edge = Self { pipeline, minion, config: None, id: None, max_in_flight: None, start: None, text };
        if input.peek(syn::token::Brace) {
            let content;
            syn::braced!(content in input);
            edge.options(&content, diag)?;
        }
        Ok(edge)
    }

    fn options(&mut self, input: ParseStream<'_>, diag: &mut Diagnostics) -> syn::Result<()> {
        let mut seen: Vec<String> = Vec::new();
        let whole: TokenStream = input.fork().parse()?;
        while !input.is_empty() {
            let key = input.call(Ident::parse_any)?;
            if !input.peek(Token![=]) {
                return Err(syn::Error::new(key.span(), format!("expected `{key} = ..`")));
            }
            input.parse::<Token![=]>()?;
            let value: Expr = input.parse()?;
            let name = key.unraw().to_string();
            if seen.contains(&name) {
                diag.at(&key, format!("option `{name}` is given twice; keep one of them"));
            } else {
                self.option(&key, &name, value, diag);
                seen.push(name);
            }
            if input.is_empty() {
                break;
            }
            input.parse::<Token![,]>()?;
        }
        if !whole.is_empty() {
            self.text = format!("{} {{ {whole} }}", self.text);
        }
        Ok(())
    }

    fn option(&mut self, key: &Ident, name: &str, value: Expr, diag: &mut Diagnostics) {
        match name {
            "config" => {
                self.config = text(
                    value,
                    "option `config` takes the path of a file, or a pattern: `config = \"config/audit-*.toml\"`",
                    diag,
                )
            }
            "id" => self.id = text(value, "option `id` takes a name: `id = \"nightly\"`", diag),
            "max_in_flight" => match value {
                Expr::Lit(ExprLit { lit: Lit::Int(number), .. })
                    if number.base10_parse::<u32>().is_ok_and(|number| number > 0) =>
                {
                    self.max_in_flight = Some(InFlight::AtMost(number));
                }
                Expr::Lit(ExprLit { lit: Lit::Str(word), .. }) if word.value() == "unlimited" => {
                    self.max_in_flight = Some(InFlight::Unlimited);
                }
                other => diag.at(
                    other,
                    "option `max_in_flight` takes a whole number above zero, or \"unlimited\": `max_in_flight = 64`",
                ),
            },
            "start" => match value {
                Expr::Lit(ExprLit { lit: Lit::Bool(start), .. }) => self.start = Some(start),
                other => diag.at(other, "option `start` takes true or false: `start = false`"),
            },
            _ => diag.at(
                key,
                format!(
                    "unknown option `{name}`{} (expected one of: {})",
                    similar::hint(name, &KEYS),
                    similar::list(&KEYS)
                ),
            ),
        }
    }
}

fn text(value: Expr, wrong: &str, diag: &mut Diagnostics) -> Option<LitStr> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if !text.value().trim().is_empty() => Some(text),
        other => {
            diag.at(other.into_token_stream(), wrong);
            None
        }
    }
}

/// What the facade's `macro_rules` puts in front: `[$crate]`, or `[$crate builder]` when it was built without the part
/// that a generated `main` runs.
pub(crate) struct Facade {
    pub(crate) root: Path,
    pub(crate) has_main: bool,
}

impl Facade {
    /// Splits it off.
    pub(crate) fn split(tokens: TokenStream) -> syn::Result<(Self, TokenStream)> {
        let parser = |input: ParseStream<'_>| {
            let content;
            syn::bracketed!(content in input);
            let root = content.call(Path::parse_mod_style)?;
            let has_main = content.is_empty();
            content.parse::<TokenStream>()?;
            Ok((Self { root, has_main }, input.parse()?))
        };
        parser.parse2(tokens)
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn parse(tokens: TokenStream) -> (App, Vec<String>) {
        let mut diag = Diagnostics::new();
        let app = App::parse(tokens, &mut diag);
        (app, diag.messages())
    }

    #[test]
    fn reads_everything() {
        let (app, seen) = parse(quote! {
            /// Watches.
            #[args(MyArgs)]
            pub(crate) struct Watch;
            Sitemap => Watcher,
            pages::Sitemap => Auditor { config = "config/audit-*.toml", id = "audit", max_in_flight = 64, start = false },
        });
        assert!(seen.is_empty(), "{seen:?}");
        assert_eq!(app.header.ident, "Watch");
        assert_eq!(app.header.attributes.len(), 1);
        assert!(app.header.args.is_some() && !app.header.no_main);
        assert_eq!(app.edges[1].id.as_ref().unwrap().value(), "audit");
        assert!(matches!(app.edges[1].max_in_flight, Some(InFlight::AtMost(_))));
        assert!(!app.edges[1].start.as_ref().unwrap().value());
        assert_eq!(
            app.edges[1].text,
            "pages::Sitemap => Auditor { config = \"config/audit-*.toml\" , id = \"audit\" , max_in_flight = 64 , start = false }"
        );
    }

    #[test]
    fn as_many_as_come_may_be_in_flight() {
        let (app, seen) = parse(quote!(A => B { max_in_flight = "unlimited" }));
        assert!(seen.is_empty(), "{seen:?}");
        assert!(matches!(app.edges[0].max_in_flight, Some(InFlight::Unlimited)));
    }

    #[test]
    fn the_header_is_optional() {
        let (app, seen) = parse(quote!(A => B));
        assert!(seen.is_empty());
        assert_eq!(app.header.ident, "App");
        let (app, _) = parse(quote!(#[no_main] struct W; A => B));
        assert!(app.header.no_main);
    }

    #[test]
    fn mistakes() {
        let one = |tokens| {
            let (_, mut seen) = parse(tokens);
            assert_eq!(seen.len(), 1, "{seen:?}");
            seen.remove(0)
        };
        assert!(one(quote!()).contains("nothing to do"));
        assert!(one(quote!(A => B, A => B)).contains("`A => B` is already there"));
        assert!(one(quote!(A => B { id = "x" }, C => B { id = "x" })).contains("the id `x` is taken"));
        assert!(one(quote!(A => B { confg = "x" })).contains("did you mean `config`?"));
        assert!(one(quote!(A => B { config = "x", config = "y" })).contains("given twice"));
        assert!(one(quote!(A => B { config = 3 })).contains("takes the path of a file"));
        for wrong in [quote!(0), quote!(-1), quote!(99999999999), quote!("many"), quote!("Unlimited"), quote!(1.5)] {
            let said = one(quote!(A => B { max_in_flight = #wrong }));
            assert!(said.contains("above zero, or \"unlimited\""), "{said}");
        }
        assert!(one(quote!(A => B { start = "no" })).contains("`start` takes true or false"));
        assert!(one(quote!(A B)).contains("expected `=>`"));
        assert!(one(quote!(A => B C => D)).contains("expected `,`"));
        assert!(one(quote!(pub struct W { a: u8 } A => B)).contains("no fields"));
        assert!(one(quote!(#[args] struct W; A => B)).contains("clap::Args"));
        assert!(one(quote!(#[no_main(x)] struct W; A => B)).contains("takes no value"));
        assert!(one(quote!(pub enum W {} A => B)).contains("expected `struct Name;`"));
    }

    #[test]
    fn the_root_is_split_off() {
        let (facade, rest) = Facade::split(quote!([::minions] A => B)).expect("a path");
        assert_eq!(facade.root.segments[0].ident, "minions");
        assert!(facade.has_main);
        assert_eq!(rest.to_string(), "A => B");
        assert!(!Facade::split(quote!([::minions builder] A => B)).expect("a path").0.has_main);
    }
}
