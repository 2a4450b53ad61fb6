//! One step: its arguments and the shape of its method.

use std::time::Duration;

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Ident, Lit, LitStr, PatType, ReturnType, Token, Type};

use crate::attr::{Argument, Arguments, Value};
use crate::block::{Method, Taken, ungrouped};
use crate::diag::Diagnostics;
use crate::duration;
use crate::text::spelled;

const SHAPE: &str =
    "a step is `async fn name(&self, event: &E, context: &mut C)`, optionally followed by `wf: &Workflow`";
const KNOWN: [&str; 5] = ["retry", "timeout", "name", "alias", "on_failure"];
const RETRY: &str = "retry(attempts = 5, backoff = \"200ms..30s\")";

/// A well-formed step.
pub(crate) struct Step {
    pub(crate) ident: Ident,
    /// The stable name in the store.
    pub(crate) name: String,
    pub(crate) name_span: Span,
    pub(crate) event: Type,
    pub(crate) context: Type,
    pub(crate) extra: Vec<Type>,
    pub(crate) output: Option<Type>,
    pub(crate) conditions: Vec<Attribute>,
    pub(crate) declared: Declared,
}

impl Step {
    /// Reads a method marked `#[minion_step]`; nothing when its shape is wrong.
    pub(crate) fn parse(method: &Method, helper: &Attribute, diag: &mut Diagnostics) -> Option<Self> {
        let declared = Declared::parse(helper, diag);
        let before = diag.count();
        check_head(method, diag);
        let parameters: Vec<_> = method.parameters().collect();
        let event = parameters.first().and_then(|parameter| event(parameter, diag));
        let context = parameters.get(1).and_then(|parameter| context(parameter, diag));
        let extra = parameters.iter().skip(2).map(|parameter| (*parameter.ty).clone()).collect();
        match parameters.len() {
            0 => diag.at(&method.signature, format!("this step lacks its event and its context; {SHAPE}")),
            1 if diag.count() == before => {
                diag.at(&method.signature, format!("this step lacks its context; {SHAPE}"));
            }
            _ => {}
        }
        if diag.count() > before {
            return None;
        }
        let output = match &method.signature.output {
            ReturnType::Default => None,
            ReturnType::Type(_, ty) => Some((**ty).clone()),
        };
        let ident = method.signature.ident.clone();
        let (name, name_span) = match &declared.name {
            Some(literal) => (literal.value(), literal.span()),
            None => (method.name(), ident.span()),
        };
        Some(Self {
            ident,
            name,
            name_span,
            event: event?,
            context: context?,
            extra,
            output,
            conditions: method.conditions(),
            declared,
        })
    }
}

/// What `#[minion_step(..)]` says.
#[derive(Default)]
pub(crate) struct Declared {
    name: Option<LitStr>,
    /// Names that it had before.
    pub(crate) aliases: Vec<LitStr>,
    pub(crate) retry: Option<Retry>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) on_failure: bool,
}

/// What `retry(..)` says; one of the two is there.
pub(crate) struct Retry {
    pub(crate) attempts: Option<u32>,
    pub(crate) backoff: Option<(Duration, Duration)>,
}

impl Declared {
    fn parse(helper: &Attribute, diag: &mut Diagnostics) -> Self {
        let mut arguments = Arguments::of(helper, diag);
        let declared = Self {
            name: arguments.string("name", diag).filter(|literal| is_stable_name(literal, diag)),
            aliases: arguments.take("alias").map(|argument| aliases(argument, diag)).unwrap_or_default(),
            retry: arguments.take("retry").and_then(|argument| Retry::parse(argument, diag)),
            timeout: arguments.take("timeout").and_then(|argument| argument.duration(diag)),
            on_failure: arguments.flag("on_failure", diag),
        };
        arguments.finish(&KNOWN, &[], diag);
        declared
    }
}

impl Retry {
    fn parse(argument: Argument, diag: &mut Diagnostics) -> Option<Self> {
        let (key, before) = (argument.key.clone(), diag.count());
        let mut arguments = argument.nested(RETRY, diag)?;
        let attempts = arguments.take("attempts").and_then(|argument| argument.count(diag));
        let backoff = arguments.take("backoff").and_then(|argument| argument.text(duration::pauses, diag));
        arguments.finish(&["attempts", "backoff"], &[], diag);
        if attempts.is_none() && backoff.is_none() && diag.count() == before {
            diag.at(&key, format!("`retry()` retries nothing; write `{RETRY}`"));
        }
        (diag.count() == before).then_some(Self { attempts, backoff })
    }
}

/// `alias = "old"` or `alias("old", "older")`.
fn aliases(argument: Argument, diag: &mut Diagnostics) -> Vec<LitStr> {
    let names = match argument.value {
        Value::List(tokens) => {
            let parser = Punctuated::<LitStr, Token![,]>::parse_terminated;
            let names = parser.parse2(tokens).map(|names| names.into_iter().collect::<Vec<_>>());
            names.ok().filter(|names| !names.is_empty())
        }
        Value::Equals(Expr::Lit(ExprLit { lit: Lit::Str(name), .. })) => Some(vec![name]),
        Value::Equals(_) | Value::Flag => None,
    };
    let Some(names) = names else {
        let wrong = "argument `alias` takes a name that the step had before, or several: `alias = \"..\"`, `alias(\"..\", \"..\")`";
        diag.at(&argument.key, wrong);
        return Vec::new();
    };
    names.into_iter().filter(|name| is_stable_name(name, diag)).collect()
}

/// Whether `#[minion_step(..)]` marks the step that deals with failures; whatever else it says is judged elsewhere.
pub(crate) fn is_on_failure(helper: &Attribute) -> bool {
    let mut ignored = Diagnostics::new();
    let found = Arguments::of(helper, &mut ignored).take("on_failure").is_some();
    ignored.ignore();
    found
}

/// The name stands in rows, metrics and commands, hence no spaces and nothing to quote.
fn is_stable_name(literal: &LitStr, diag: &mut Diagnostics) -> bool {
    let name = literal.value();
    let is_good =
        !name.is_empty() && name.len() <= 64 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if !is_good {
        diag.at(
            literal,
            "the stored name of a step has 1 to 64 ascii letters, digits, `_` and `-`, for example \"fetch_page\"",
        );
    }
    is_good
}

fn check_head(method: &Method, diag: &mut Diagnostics) {
    let signature = &method.signature;
    if signature.asyncness.is_none() {
        diag.at(signature.fn_token, format!("a step must be an `async fn`; {SHAPE}"));
    }
    match method.receiver() {
        Taken::Shared => {}
        Taken::Nothing => diag.at(&signature.ident, format!("a step takes `&self` first; {SHAPE}")),
        Taken::Exclusive => diag.at(
            signature.receiver(),
            "a step takes `&self`: one minion runs many workflows at once; keep what changes in the context",
        ),
        Taken::Other(receiver) => diag.at(receiver, format!("a step takes `&self`; {SHAPE}")),
    }
    // `impl Trait` in a parameter is a type parameter in disguise.
    let in_disguise = method.parameters().any(|parameter| names_impl(parameter.ty.to_token_stream()));
    if in_disguise || !signature.generics.params.is_empty() || signature.generics.where_clause.is_some() {
        diag.at(
            &signature.ident,
            "a step cannot be generic: its event and context are stored and have one type; name the concrete types",
        );
    }
}

fn names_impl(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Group(group) => names_impl(group.stream()),
        TokenTree::Ident(ident) => ident == "impl",
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// The hook `accept` takes the event as the steps do.
pub(crate) fn check_event(accept: &Method, diag: &mut Diagnostics) {
    if let Some(parameter) = accept.parameters().next() {
        event(parameter, diag);
    }
}

fn event(parameter: &PatType, diag: &mut Diagnostics) -> Option<Type> {
    match ungrouped(&parameter.ty) {
        Type::Reference(reference) if reference.mutability.is_none() => Some((*reference.elem).clone()),
        Type::Reference(reference) => {
            let event = spelled(&reference.elem);
            diag.at(
                &parameter.ty,
                format!("the event is shared and cannot change: `&{event}`; keep what changes in the context"),
            );
            None
        }
        other => {
            let event = spelled(other);
            diag.at(&parameter.ty, format!("the event is taken by reference: `&{event}`"));
            None
        }
    }
}

fn context(parameter: &PatType, diag: &mut Diagnostics) -> Option<Type> {
    match ungrouped(&parameter.ty) {
        Type::Reference(reference) if reference.mutability.is_some() => Some((*reference.elem).clone()),
        Type::Reference(reference) => {
            let context = spelled(&reference.elem);
            diag.at(&parameter.ty, format!("the context is taken by exclusive reference: `&mut {context}`"));
            None
        }
        other => {
            let context = spelled(other);
            diag.at(&parameter.ty, format!("the context is taken by exclusive reference: `&mut {context}`"));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::Block;

    fn parse(method: &str) -> (Option<Step>, Vec<String>) {
        let block: Block = syn::parse_str(&format!("impl W {{ {method} }}")).expect("the block parses");
        let method = block.methods().next().expect("one method");
        let mut diag = Diagnostics::new();
        let step = Step::parse(method, method.helper("minion_step").expect("a step"), &mut diag);
        (step, diag.messages())
    }

    #[test]
    fn reads_a_step() {
        let (step, seen) = parse(
            "#[minion_step(name = \"fetch-page\")]
            async fn fetch(&self, Page { url, .. }: &Page, _: &mut Visit, wf: &Workflow) -> Result<Flow> {}",
        );
        assert!(seen.is_empty(), "{seen:?}");
        let step = step.unwrap();
        assert_eq!((step.name.as_str(), spelled(&step.event).as_str()), ("fetch-page", "Page"));
        assert_eq!(step.extra.len(), 1);
        let (step, _) = parse("#[minion_step] async fn r#type(&self, e: &a::B<C>, c: &mut ()) {}");
        let step = step.unwrap();
        assert_eq!((step.name.as_str(), spelled(&step.event).as_str()), ("type", "a::B<C>"));
    }

    #[test]
    fn shapes() {
        for (method, says) in [
            ("fn a(&self, e: &E, c: &mut C) {}", "must be an `async fn`"),
            ("async fn a(&mut self, e: &E, c: &mut C) {}", "keep what changes in the context"),
            ("async fn a(self: Arc<Self>, e: &E, c: &mut C) {}", "a step takes `&self`"),
            ("async fn a(e: &E, c: &mut C) {}", "`&self` first"),
            ("async fn a(&self, e: Vec<E>, c: &mut C) {}", "`&Vec<E>`"),
            ("async fn a(&self, e: &mut E, c: &mut C) {}", "cannot change: `&E`"),
            ("async fn a(&self, e: &E, c: &C) {}", "`&mut C`"),
            ("async fn a(&self, e: &E, c: C) {}", "`&mut C`"),
            ("async fn a(&self, e: &E) {}", "lacks its context"),
            ("async fn a(&self) {}", "lacks its event and its context"),
            ("async fn a<T>(&self, e: &E, c: &mut C) {}", "cannot be generic"),
            ("async fn a(&self, e: &impl Display, c: &mut C) {}", "cannot be generic"),
        ] {
            let (step, seen) = parse(&format!("#[minion_step] {method}"));
            assert!(step.is_none(), "{method}");
            assert!(seen.len() == 1 && seen[0].contains(says), "{method}: {seen:?}");
        }
    }

    #[test]
    fn arguments_are_read() {
        let read = |arguments: &str| {
            let (step, seen) = parse(&format!("#[minion_step({arguments})] async fn a(&self, e: &E, c: &mut C) {{}}"));
            assert!(seen.is_empty(), "{arguments}: {seen:?}");
            step.unwrap().declared
        };
        let (millis, seconds) = (Duration::from_millis, Duration::from_secs);
        let all = read(r#"retry(attempts = 5, backoff = "200ms..30s"), timeout = "10s", alias("b", "c"), on_failure"#);
        let retry = all.retry.unwrap();
        assert_eq!((retry.attempts, retry.backoff), (Some(5), Some((millis(200), seconds(30)))));
        assert_eq!((all.timeout, all.on_failure), (Some(seconds(10)), true));
        assert_eq!(all.aliases.iter().map(LitStr::value).collect::<Vec<_>>(), ["b", "c"]);
        let retry = read(r#"retry(backoff = "1d"), alias = "b""#).retry.unwrap();
        assert_eq!((retry.attempts, retry.backoff), (None, Some((seconds(86_400), seconds(86_400)))));
        assert_eq!(read("retry(attempts = 1)").retry.unwrap().attempts, Some(1));
        assert!(!read("").on_failure);
    }

    #[test]
    fn wrong_arguments() {
        let all =
            |arguments: &str| parse(&format!("#[minion_step({arguments})] async fn a(&self, e: &E, c: &mut C) {{}}")).1;
        for (arguments, says) in [
            ("retry(atempts = 5)", "did you mean `attempts`?"),
            ("retry(attempts = 0)", "above zero"),
            (r#"retry(backoff = "30s..1s")"#, "backwards"),
            ("retry", "takes a list"),
            ("retry()", "retries nothing"),
            (r#"timeout = "10""#, "lacks its unit"),
            (r#"timeout = "0s""#, "is zero"),
            (r#"retires = 3"#, "unknown argument `retires`"),
            (r#"on_failure = "b""#, "write `on_failure` alone"),
            ("alias", "takes a name that the step had before"),
            ("alias()", "takes a name that the step had before"),
            ("alias = 3", "takes a name that the step had before"),
            (r#"alias("b", 3)"#, "takes a name that the step had before"),
            (r#"alias("b c")"#, "1 to 64 ascii"),
            (r#"name = "a b""#, "1 to 64 ascii"),
            (r#"name = "a", name = "b""#, "given twice"),
        ] {
            let seen = all(arguments);
            assert!(seen.len() == 1 && seen[0].contains(says), "{arguments}: {seen:?}");
        }
    }
}
