//! Arguments of an attribute: `flag`, `key = value` and `key(nested)`, the same for every macro.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Attribute, Expr, ExprLit, Ident, Lit, LitInt, LitStr, Meta, Path, Token, token};

use crate::diag::Diagnostics;
use crate::{duration, similar};

/// The arguments of one attribute that nobody has taken yet.
#[derive(Default)]
pub(crate) struct Arguments {
    left: Vec<Argument>,
}

/// One argument.
pub(crate) struct Argument {
    pub(crate) key: Ident,
    pub(crate) value: Value,
}

pub(crate) enum Value {
    Flag,
    Equals(Expr),
    List(TokenStream),
}

/// An argument that is known but refused here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused {
    pub(crate) key: &'static str,
    /// Where it belongs.
    pub(crate) place: &'static str,
}

impl Arguments {
    /// Parses a comma-separated list; repeated arguments are reported and dropped.
    pub(crate) fn parse(tokens: TokenStream, diag: &mut Diagnostics) -> Self {
        let mut arguments = Self::default();
        let parser = |input: ParseStream<'_>| {
            while !input.is_empty() {
                let argument = Argument::parse(input)?;
                arguments.add(argument, diag);
                if input.is_empty() {
                    break;
                }
                input.parse::<Token![,]>()?;
            }
            Ok(())
        };
        if let Err(error) = parser.parse2(tokens) {
            diag.error(error);
        }
        arguments
    }

    /// The arguments of a helper attribute such as `#[minion_step(..)]`.
    pub(crate) fn of(attribute: &Attribute, diag: &mut Diagnostics) -> Self {
        match &attribute.meta {
            Meta::Path(_) => Self::default(),
            Meta::List(list) => Self::parse(list.tokens.clone(), diag),
            Meta::NameValue(pair) => {
                let name = path_word(&pair.path);
                diag.at(pair, format!("the arguments of `{name}` stand in parentheses: `#[{name}(..)]`"));
                Self::default()
            }
        }
    }

    fn add(&mut self, argument: Argument, diag: &mut Diagnostics) {
        if self.left.iter().any(|known| known.key == argument.key) {
            diag.at(&argument.key, format!("argument `{}` is given twice; keep one of them", argument.key.unraw()));
        } else {
            self.left.push(argument);
        }
    }

    /// Takes an argument out, so that [`Arguments::finish`] does not see it.
    pub(crate) fn take(&mut self, key: &str) -> Option<Argument> {
        let at = self.left.iter().position(|argument| argument.key.unraw() == key)?;
        Some(self.left.remove(at))
    }

    /// `key = "text"`.
    pub(crate) fn string(&mut self, key: &str, diag: &mut Diagnostics) -> Option<LitStr> {
        self.take(key)?.string(diag)
    }

    /// `crate = path`.
    pub(crate) fn path(&mut self, key: &str, diag: &mut Diagnostics) -> Option<Path> {
        let argument = self.take(key)?;
        match argument.value {
            Value::Equals(Expr::Path(expr)) if expr.qself.is_none() => Some(expr.path),
            _ => {
                diag.at(&argument.key, format!("argument `{key}` takes a path: `{key} = some::path`"));
                None
            }
        }
    }

    /// `key`, alone.
    pub(crate) fn flag(&mut self, key: &str, diag: &mut Diagnostics) -> bool {
        let Some(argument) = self.take(key) else {
            return false;
        };
        if !matches!(argument.value, Value::Flag) {
            diag.at(&argument.key, format!("argument `{key}` takes no value; write `{key}` alone"));
        }
        true
    }

    /// Reports whatever nobody took: misplaced or unknown.
    pub(crate) fn finish(self, known: &[&str], refused: &[Refused], diag: &mut Diagnostics) {
        for argument in self.left {
            let key = argument.key.unraw().to_string();
            let message = match refused.iter().find(|refused| refused.key == key) {
                Some(Refused { place, .. }) => format!("argument `{key}` does not belong here; {place}"),
                None if known.is_empty() => format!("unknown argument `{key}`; none is expected here"),
                None => {
                    let hint = similar::hint(&key, known);
                    let list = similar::list(known);
                    format!("unknown argument `{key}`{hint} (expected one of: {list})")
                }
            };
            diag.at(&argument.key, message);
        }
    }
}

impl Argument {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let key = input
            .call(Ident::parse_any)
            .map_err(|error| syn::Error::new(error.span(), "expected the name of an argument"))?;
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            Value::Equals(input.parse()?)
        } else if input.peek(token::Paren) {
            let content;
            syn::parenthesized!(content in input);
            Value::List(content.parse()?)
        } else {
            Value::Flag
        };
        Ok(Self { key, value })
    }

    /// The value as a string literal.
    pub(crate) fn string(self, diag: &mut Diagnostics) -> Option<LitStr> {
        match self.value {
            Value::Equals(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => Some(text),
            Value::Equals(other) => {
                let key = self.key.unraw();
                diag.at(other, format!("argument `{key}` takes a string: `{key} = \"..\"`"));
                None
            }
            Value::Flag | Value::List(_) => {
                let key = self.key.unraw();
                diag.at(&self.key, format!("argument `{key}` takes a string: `{key} = \"..\"`"));
                None
            }
        }
    }

    /// The value as a duration above zero.
    pub(crate) fn duration(self, diag: &mut Diagnostics) -> Option<Duration> {
        self.text(duration::positive, diag)
    }

    /// The value as a string that `parse` understands; its words land on the literal.
    pub(crate) fn text<T>(self, parse: impl FnOnce(&str) -> Result<T, String>, diag: &mut Diagnostics) -> Option<T> {
        let text = self.string(diag)?;
        parse(&text.value()).map_err(|message| diag.at(&text, message)).ok()
    }

    /// The value as a whole number above zero.
    pub(crate) fn count(self, diag: &mut Diagnostics) -> Option<u32> {
        let key = self.key.unraw();
        let wrong = format!("argument `{key}` takes a whole number above zero: `{key} = 8`");
        match self.value {
            Value::Equals(Expr::Lit(ExprLit { lit: Lit::Int(number), .. })) => positive(&number).or_else(|| {
                diag.at(&number, wrong);
                None
            }),
            Value::Equals(other) => {
                diag.at(other, wrong);
                None
            }
            Value::Flag | Value::List(_) => {
                diag.at(&self.key, wrong);
                None
            }
        }
    }

    /// The value as a nested list of arguments.
    pub(crate) fn nested(self, example: &str, diag: &mut Diagnostics) -> Option<Arguments> {
        match self.value {
            Value::List(tokens) => Some(Arguments::parse(tokens, diag)),
            Value::Flag | Value::Equals(_) => {
                let key = self.key.unraw();
                diag.at(&self.key, format!("argument `{key}` takes a list: `{example}`"));
                None
            }
        }
    }
}

fn positive(number: &LitInt) -> Option<u32> {
    number.base10_parse().ok().filter(|number| *number > 0)
}

/// The last segment of a path, as people know an attribute.
pub(crate) fn path_word(path: &Path) -> String {
    path.segments.last().map(|segment| segment.ident.unraw().to_string()).unwrap_or_default()
}

/// Whether the attribute is ours, however its path is qualified.
pub(crate) fn is(attribute: &Attribute, word: &str) -> bool {
    attribute.path().segments.last().is_some_and(|segment| segment.ident.unraw() == word)
}

/// The `cfg` conditions among the attributes, to be repeated on what is generated for the item.
pub(crate) fn conditions(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect()
}

/// What stands between the parentheses of `#[cfg(..)]`.
pub(crate) fn predicate(condition: &Attribute) -> TokenStream {
    match &condition.meta {
        Meta::List(list) => list.tokens.clone(),
        other => other.to_token_stream(),
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn messages(tokens: TokenStream, read: impl FnOnce(&mut Arguments, &mut Diagnostics)) -> Vec<String> {
        let mut diag = Diagnostics::new();
        let mut arguments = Arguments::parse(tokens, &mut diag);
        read(&mut arguments, &mut diag);
        let refused = [Refused { key: "emits", place: "put it on the impl" }];
        arguments.finish(&["name", "crate", "background"], &refused, &mut diag);
        diag.messages()
    }

    #[test]
    fn takes_what_it_knows() {
        let seen = messages(quote!(name = "x", background, crate = a::b), |arguments, diag| {
            assert_eq!(arguments.string("name", diag).unwrap().value(), "x");
            assert!(arguments.flag("background", diag));
            assert!(!arguments.flag("missing", diag));
            assert_eq!(path_word(&arguments.path("crate", diag).unwrap()), "b");
        });
        assert!(seen.is_empty(), "{seen:?}");
    }

    #[test]
    fn reports_every_stranger() {
        let tokens = quote!(nmae = "x", emits(A), background, background);
        let seen = messages(tokens, |arguments, diag| {
            assert!(arguments.flag("background", diag));
        });
        assert_eq!(
            seen,
            [
                "argument `background` is given twice; keep one of them",
                "unknown argument `nmae`; did you mean `name`? (expected one of: `name`, `crate`, `background`)",
                "argument `emits` does not belong here; put it on the impl",
            ]
        );
    }

    #[test]
    fn wrong_values() {
        let seen = messages(quote!(name = 3, background = true, crate = "x"), |arguments, diag| {
            assert!(arguments.string("name", diag).is_none());
            assert!(arguments.flag("background", diag));
            assert!(arguments.path("crate", diag).is_none());
        });
        assert_eq!(
            seen,
            [
                "argument `name` takes a string: `name = \"..\"`",
                "argument `background` takes no value; write `background` alone",
                "argument `crate` takes a path: `crate = some::path`",
            ]
        );
    }

    #[test]
    fn a_syntax_error_is_one_error() {
        assert_eq!(messages(quote!(= 3), |_, _| ()), ["expected the name of an argument"]);
    }
}
