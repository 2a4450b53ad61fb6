//! The type as facts: a verdict for each of its shapes.

use std::time::Duration;

use proc_macro2::Span;
use quote::format_ident;
use syn::spanned::Spanned as _;
use syn::{Attribute, Data, DeriveInput, Expr, ExprLit, Fields, Ident, Lit, Member};

use crate::attr::{self, Argument, Arguments, Value};
use crate::diag::Diagnostics;
use crate::duration;
use crate::paths::Root;

const VERDICTS: [&str; 5] = ["terminal", "retry_after", "abort", "retry", "transparent"];
const ON_TYPE: [&str; 6] = ["terminal", "retry_after", "abort", "retry", "transparent", "crate"];

/// An annotated type.
pub(crate) struct Model {
    pub(crate) root: Root,
    pub(crate) shapes: Vec<Shape>,
}

/// A struct, or one variant of an enum.
pub(crate) struct Shape {
    /// The variant; a struct has none.
    pub(crate) variant: Option<Ident>,
    /// The fields and the names by which expressions know them: their own, or `_0`, `_1`, ..
    pub(crate) fields: Vec<(Member, Ident)>,
    pub(crate) verdict: Verdict,
}

#[derive(Clone)]
pub(crate) enum Verdict {
    Retry,
    Terminal,
    Abort,
    /// A time that is written down.
    Fixed(Duration),
    /// A time that an expression over the fields computes.
    Computed(Expr),
    /// What the field of this name says.
    Field(Ident),
}

/// A verdict before it is known of which fields it speaks.
#[derive(Clone)]
enum Said {
    Verdict(Verdict),
    Transparent(Span),
}

impl Model {
    pub(crate) fn parse(input: &DeriveInput, diag: &mut Diagnostics) -> Self {
        let mut root = Root::default();
        let whole = said(&input.attrs, Some(&mut root), diag);
        let shape = |variant: Option<&Ident>, fields: &Fields, attributes: &[Attribute], diag: &mut Diagnostics| {
            let own = if variant.is_some() { said(attributes, None, diag) } else { None };
            let verdict = own.or_else(|| whole.clone()).unwrap_or(Said::Verdict(Verdict::Retry));
            let names = names(fields);
            let verdict = match verdict {
                Said::Verdict(verdict) => verdict,
                Said::Transparent(span) => asked(fields, &names, span, diag).map_or(Verdict::Retry, Verdict::Field),
            };
            Shape { variant: variant.cloned(), fields: names, verdict }
        };
        let shapes = match &input.data {
            Data::Struct(data) => vec![shape(None, &data.fields, &input.attrs, diag)],
            Data::Enum(data) => {
                let variants = data.variants.iter();
                variants.map(|variant| shape(Some(&variant.ident), &variant.fields, &variant.attrs, diag)).collect()
            }
            Data::Union(data) => {
                diag.at(data.union_token, "a union cannot be an error; derive `Failure` for an enum or a struct");
                Vec::new()
            }
        };
        for field in fields(&input.data) {
            for attribute in field.attrs.iter().filter(|attribute| attr::is(attribute, "failure")) {
                diag.at(attribute, "`#[failure(..)]` goes on the variant or the struct, not on a field: `retry_after = ..` names the field");
            }
        }
        Self { root, shapes }
    }
}

fn fields(data: &Data) -> Vec<&syn::Field> {
    match data {
        Data::Struct(data) => data.fields.iter().collect(),
        Data::Enum(data) => data.variants.iter().flat_map(|variant| variant.fields.iter()).collect(),
        Data::Union(_) => Vec::new(),
    }
}

fn names(fields: &Fields) -> Vec<(Member, Ident)> {
    let name = |member: Member| match &member {
        Member::Named(ident) => (member.clone(), ident.clone()),
        Member::Unnamed(index) => (member.clone(), format_ident!("_{}", index.index)),
    };
    fields.members().map(name).collect()
}

/// Reads `#[failure(..)]`; one verdict at most.
fn said(attributes: &[Attribute], root: Option<&mut Root>, diag: &mut Diagnostics) -> Option<Said> {
    let mut ours = attributes.iter().filter(|attribute| attr::is(attribute, "failure"));
    let attribute = ours.next()?;
    if let Some(second) = ours.next() {
        diag.at(second, "`#[failure(..)]` is given twice; keep one of them");
    }
    let before = diag.count();
    let mut arguments = Arguments::of(attribute, diag);
    let on_type = root.is_some();
    if let Some(root) = root {
        *root = arguments.path("crate", diag).map(Root::new).unwrap_or_default();
    }
    let mut found: Vec<(Ident, Said)> = Vec::new();
    for key in VERDICTS {
        if let Some(argument) = arguments.take(key) {
            let key = argument.key.clone();
            if let Some(said) = verdict(argument, diag) {
                found.push((key, said));
            }
        }
    }
    arguments.finish(if on_type { &ON_TYPE } else { &VERDICTS }, &[], diag);
    let mut found = found.into_iter();
    let first = found.next();
    if let (Some((first, _)), Some((second, _))) = (&first, found.next()) {
        diag.at(&second, format!("an error has one verdict, and it is `{first}` already; remove one of them"));
    } else if first.is_none() && diag.count() == before && !on_type {
        diag.at(
            attribute,
            "this says nothing; write one of `terminal`, `retry_after = ..`, `abort`, `retry`, `transparent`",
        );
    }
    first.map(|(_, said)| said)
}

fn verdict(argument: Argument, diag: &mut Diagnostics) -> Option<Said> {
    let key = argument.key.clone();
    let said = match (&*key.to_string(), argument.value) {
        ("retry_after", Value::Equals(Expr::Lit(ExprLit { lit: Lit::Str(text), .. }))) => {
            let time = duration::positive(&text.value()).map_err(|message| diag.at(&text, message)).ok()?;
            Said::Verdict(Verdict::Fixed(time))
        }
        ("retry_after", Value::Equals(expression)) => Said::Verdict(Verdict::Computed(expression)),
        ("retry_after", Value::Flag | Value::List(_)) => {
            diag.at(
                &key,
                "argument `retry_after` takes a duration: `retry_after = \"30s\"`, or an expression over the fields, which are called by their names or `_0`, `_1`, ..: `retry_after = Duration::from_secs(*seconds)`",
            );
            return None;
        }
        (_, Value::Equals(_) | Value::List(_)) => {
            diag.at(&key, format!("argument `{key}` takes no value; write `{key}` alone"));
            return None;
        }
        ("terminal", _) => Said::Verdict(Verdict::Terminal),
        ("abort", _) => Said::Verdict(Verdict::Abort),
        ("transparent", _) => Said::Transparent(key.span()),
        _ => Said::Verdict(Verdict::Retry),
    };
    Some(said)
}

/// The field that a transparent shape asks: its only one, or the one that is its cause.
fn asked(fields: &Fields, names: &[(Member, Ident)], span: Span, diag: &mut Diagnostics) -> Option<Ident> {
    let is_cause = |field: &&syn::Field| {
        field.attrs.iter().any(|attribute| attr::is(attribute, "source") || attr::is(attribute, "from"))
            || field.ident.as_ref().is_some_and(|ident| ident == "source")
    };
    let at = match fields.len() {
        1 => Some(0),
        _ => fields.iter().position(|field| is_cause(&field)),
    };
    let found = at.map(|at| (&names[at].1, fields.iter().nth(at).expect("it was counted")));
    let Some((name, field)) = found else {
        let message = if fields.is_empty() {
            "`transparent` asks a field for its verdict, and there is none"
        } else {
            "`transparent` asks one field for its verdict; mark it `#[source]` or `#[from]`"
        };
        diag.span(span, message);
        return None;
    };
    // An error about the field's type underlines it.
    let mut name = name.clone();
    name.set_span(field.ty.span());
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(item: &str) -> (Model, Vec<String>) {
        let mut diag = Diagnostics::new();
        let model = Model::parse(&syn::parse_str(item).expect("the item parses"), &mut diag);
        (model, diag.messages())
    }

    #[test]
    fn reads_every_verdict() {
        let (model, seen) = read(
            "#[failure(abort)] enum E {
                A,
                #[failure(terminal)] B { x: u8 },
                #[failure(retry_after = \"30s\")] C,
                #[failure(retry_after = *after)] D { after: Duration, other: u8 },
                #[failure(transparent)] F(io::Error),
                #[failure(transparent)] G { code: u8, source: io::Error },
                #[failure(retry)] H(u8, u8),
            }",
        );
        assert!(seen.is_empty(), "{seen:?}");
        let verdicts: Vec<_> = model.shapes.iter().map(|shape| &shape.verdict).collect();
        assert!(matches!(
            verdicts[..],
            [
                Verdict::Abort,
                Verdict::Terminal,
                Verdict::Fixed(_),
                Verdict::Computed(_),
                Verdict::Field(_),
                Verdict::Field(_),
                Verdict::Retry
            ]
        ));
        assert!(matches!(verdicts[4], Verdict::Field(name) if name == "_0"));
        assert!(matches!(verdicts[5], Verdict::Field(name) if name == "source"));
        let (model, seen) = read("#[failure(terminal, crate = a::b)] struct S;");
        assert!(seen.is_empty() && matches!(model.shapes[0].verdict, Verdict::Terminal));
        assert_eq!(model.root.private().to_string(), "a :: b :: __private");
    }

    #[test]
    fn wrong_attributes() {
        for (item, says) in [
            ("enum E { #[failure(terminl)] A }", "did you mean `terminal`?"),
            ("enum E { #[failure] A }", "this says nothing"),
            ("enum E { #[failure(terminal, abort)] A }", "it is `terminal` already"),
            ("enum E { #[failure(terminal)] #[failure(abort)] A }", "given twice"),
            ("enum E { #[failure(terminal = true)] A }", "write `terminal` alone"),
            ("enum E { #[failure(retry_after)] A }", "takes a duration"),
            ("enum E { #[failure(retry_after = \"30\")] A }", "lacks its unit"),
            ("enum E { #[failure(transparent)] A }", "there is none"),
            ("enum E { #[failure(transparent)] A(u8, u8) }", "mark it `#[source]`"),
            ("enum E { A(#[failure(transparent)] io::Error) }", "not on a field"),
            ("union E { a: u8 }", "a union cannot"),
        ] {
            let seen = read(item).1;
            assert!(seen.len() == 1 && seen[0].contains(says), "{item}: {seen:?}");
        }
    }
}
