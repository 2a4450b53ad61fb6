//! One step: its arguments and the shape of its method.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{Attribute, Ident, LitStr, PatType, ReturnType, Type};

use crate::attr::{Arguments, Refused, Why, not_yet};
use crate::block::{Method, Taken, ungrouped};
use crate::diag::Diagnostics;
use crate::duration;
use crate::text::spelled;

const SHAPE: &str =
    "a step is `async fn name(&self, event: &E, context: &mut C)`, optionally followed by `wf: &Workflow`";
const KNOWN: [&str; 3] = ["retry", "timeout", "name"];
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
}

impl Step {
    /// Reads a method marked `#[minion_step]`; nothing when its shape is wrong.
    pub(crate) fn parse(method: &Method, helper: &Attribute, diag: &mut Diagnostics) -> Option<Self> {
        let declared = arguments(helper, diag);
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
        let (name, name_span) = match declared {
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
        })
    }
}

/// Checks `#[minion_step(..)]`; what the runtime does not run yet is checked first and refused then.
fn arguments(helper: &Attribute, diag: &mut Diagnostics) -> Option<LitStr> {
    let mut arguments = Arguments::of(helper, diag);
    let name = arguments.string("name", diag).filter(|literal| is_stable_name(literal, diag));
    if let Some(argument) = arguments.take("retry") {
        let (key, before) = (argument.key.clone(), diag.count());
        if let Some(nested) = argument.nested(RETRY, diag) {
            retry(&key, nested, diag);
        }
        if diag.count() == before {
            let instead =
                "leave it out: a step that fails is kept in quarantine and can be tried again with `wf retry`";
            diag.at(&key, not_yet("retry", instead));
        }
    }
    if let Some(argument) = arguments.take("timeout") {
        let key = argument.key.clone();
        if argument.duration(diag).is_some() {
            let instead = "leave it out, and bound the slow call itself with `tokio::time::timeout`";
            diag.at(&key, not_yet("timeout", instead));
        }
    }
    let on_failure =
        Refused { key: "on_failure", why: Why::NotYet("leave it out: a step that fails is kept in quarantine") };
    arguments.finish(&KNOWN, &[on_failure], diag);
    name
}

fn retry(key: &Ident, mut arguments: Arguments, diag: &mut Diagnostics) {
    let before = diag.count();
    let attempts = arguments.take("attempts").map(|argument| argument.count(diag));
    let backoff = arguments.take("backoff").map(|argument| argument.text(duration::range, diag));
    arguments.finish(&["attempts", "backoff"], &[], diag);
    if attempts.is_none() && backoff.is_none() && diag.count() == before {
        diag.at(key, format!("`retry()` retries nothing; write `{RETRY}`"));
    }
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
    fn later_arguments_are_checked_and_then_refused() {
        let all =
            |arguments: &str| parse(&format!("#[minion_step({arguments})] async fn a(&self, e: &E, c: &mut C) {{}}")).1;
        let seen = all(r#"retry(attempts = 5, backoff = "200ms..30s"), timeout = "10s", on_failure = "b""#);
        assert_eq!(seen.len(), 3);
        assert!(seen.iter().all(|message| message.contains("is not yet supported; leave it out")), "{seen:?}");
        for (arguments, says) in [
            ("retry(atempts = 5)", "did you mean `attempts`?"),
            ("retry(attempts = 0)", "above zero"),
            (r#"retry(backoff = "30s..1s")"#, "backwards"),
            ("retry", "takes a list"),
            ("retry()", "retries nothing"),
            (r#"timeout = "10""#, "lacks its unit"),
            (r#"retires = 3"#, "unknown argument `retires`"),
            (r#"name = "a b""#, "1 to 64 ascii"),
            (r#"name = "a", name = "b""#, "given twice"),
        ] {
            let seen = all(arguments);
            assert!(seen.len() == 1 && seen[0].contains(says), "{arguments}: {seen:?}");
        }
    }
}
