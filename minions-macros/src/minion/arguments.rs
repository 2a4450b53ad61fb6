//! The arguments of `#[minion(..)]` on an impl: what the minion emits, keeps and knows of its past.

use std::time::Duration;

use syn::Type;
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::{Expr, ExprLit, Ident, Lit, LitStr, Token};

use crate::attr::{Argument, Arguments, Refused, Value};
use crate::diag::Diagnostics;
use crate::half;
use crate::hooks::Hooks;
use crate::text::spelled;
use crate::{duration, similar};

const KNOWN: [&str; 6] = ["emits", "version", "history", "lane", "failures", "crate"];
const REFUSED: [Refused; 5] = [
    half::NAME,
    half::ID,
    half::RESTART,
    Refused { key: "background", place: "only a pipeline can be in the background" },
    Refused { key: "idle", place: "only a pipeline is ever idle" },
];
const HISTORY: &str =
    "`history = 1000` for the last thousand, `history(last = 1000, age = \"7d\")` for what is younger as well";

const LANE: &str = "lane(concurrency = 1, rate = \"5/s\", queue = 1000, quarantined = \"pass\")";

/// What the impl half declares.
#[derive(Default)]
pub(crate) struct Declared {
    /// The events that its steps emit.
    pub(crate) emits: Vec<Type>,
    pub(crate) version: Option<u32>,
    pub(crate) history: Option<History>,
    pub(crate) lane: Option<Lane>,
    /// Error types that know their verdict.
    pub(crate) failures: Vec<Type>,
    /// Where the version stands.
    version_key: Option<Ident>,
}

/// How the workflows of one key follow each other.
pub(crate) struct Lane {
    key: Ident,
    pub(crate) concurrency: Option<u32>,
    pub(crate) rate: Option<(u32, Duration)>,
    pub(crate) queue: Option<u32>,
    pub(crate) backlog: Option<u32>,
    pub(crate) passes: bool,
}

/// How much is kept of ended workflows.
pub(crate) struct History {
    pub(crate) last: u32,
    pub(crate) age: Option<Duration>,
}

impl Declared {
    pub(crate) fn parse(mut arguments: Arguments, diag: &mut Diagnostics) -> Self {
        let mut declared = Self::default();
        if let Some(argument) = arguments.take("emits") {
            declared.emits = types(argument, "the events that the steps emit: `emits(Alert, other::Event)`", diag);
        }
        if let Some(argument) = arguments.take("failures") {
            declared.failures = types(argument, "error types that know their verdict: `failures(HttpError)`", diag);
        }
        if let Some(argument) = arguments.take("version") {
            declared.version_key = Some(argument.key.clone());
            declared.version = argument.count(diag);
        }
        declared.lane = arguments.take("lane").and_then(|argument| Lane::parse(argument, diag));
        declared.history = arguments.take("history").and_then(|argument| History::parse(argument, diag));
        arguments.finish(&KNOWN, &REFUSED, diag);
        declared
    }

    /// A version is what a migration leads to: one says nothing without the other.
    pub(crate) fn check_version(&self, hooks: &Hooks<'_>, diag: &mut Diagnostics) {
        if hooks.is_missed("migrate") {
            return;
        }
        match (&self.version_key, hooks.get("migrate")) {
            (Some(key), None) => diag.at(
                key,
                "a version says nothing without the hook that brings older workflows up to it; write `fn migrate(stored: &mut Stored) -> Result<()>`, or leave it out: a new field with `#[serde(default)]` needs neither",
            ),
            (None, Some(migrate)) => diag.at(
                &migrate.signature.ident,
                "`migrate` is never called, because nothing that is stored is older; say which version it leads to: `#[minion(version = 1)]`",
            ),
            _ => {}
        }
    }
}

impl Declared {
    /// How the lanes are says nothing where there are none.
    pub(crate) fn check_lane(&self, hooks: &Hooks<'_>, diag: &mut Diagnostics) {
        if let (Some(lane), None, false) = (&self.lane, hooks.get("lane"), hooks.is_missed("lane")) {
            diag.at(
                &lane.key,
                "there are no lanes without the hook that says which one an event belongs to; write `fn lane(event: &E) -> impl Display`",
            );
        }
    }
}

impl Lane {
    fn parse(argument: Argument, diag: &mut Diagnostics) -> Option<Self> {
        let key = argument.key.clone();
        let mut arguments = argument.nested(LANE, diag)?;
        let mut count = |name| arguments.take(name).and_then(|argument| argument.count(diag));
        let (concurrency, queue, backlog) = (count("concurrency"), count("queue"), count("backlog"));
        let rate = arguments.take("rate").and_then(|argument| argument.text(duration::rate, diag));
        let passes = arguments.string("quarantined", diag).is_some_and(|what| passes(&what, diag));
        arguments.finish(&["concurrency", "rate", "queue", "backlog", "quarantined"], &[], diag);
        Some(Self { key, concurrency, rate, queue, backlog, passes })
    }
}

fn passes(what: &LitStr, diag: &mut Diagnostics) -> bool {
    match what.value().as_str() {
        "hold" => false,
        "pass" => true,
        other => {
            let hint = similar::hint(other, &["hold", "pass"]);
            let hint = if hint.is_empty() { ";".to_owned() } else { hint };
            diag.at(
                what,
                format!(
                    "a workflow in quarantine cannot `{other}`{hint} write \"hold\", so that its lane waits for an operator, or \"pass\", so that the others of its lane go on"
                ),
            );
            false
        }
    }
}

impl History {
    fn parse(argument: Argument, diag: &mut Diagnostics) -> Option<Self> {
        match argument.value {
            Value::List(_) => {
                let (key, before) = (argument.key.clone(), diag.count());
                let mut arguments = argument.nested(HISTORY, diag)?;
                let last = arguments.take("last").map(|argument| argument.count(diag));
                let age = arguments.take("age").and_then(|argument| argument.duration(diag));
                arguments.finish(&["last", "age"], &[], diag);
                if last.is_none() && diag.count() == before {
                    diag.at(&key, format!("a history without a count could grow without bound; write {HISTORY}"));
                }
                Some(Self { last: last??, age })
            }
            Value::Equals(Expr::Lit(ExprLit { lit: Lit::Int(_), .. })) => {
                argument.count(diag).map(|last| Self { last, age: None })
            }
            Value::Equals(_) | Value::Flag => {
                diag.at(
                    &argument.key,
                    format!("argument `history` says how many ended workflows are kept; write {HISTORY}"),
                );
                None
            }
        }
    }
}

/// `key(A, b::C)`; a type is named once.
fn types(argument: Argument, example: &str, diag: &mut Diagnostics) -> Vec<Type> {
    let key = argument.key.clone();
    let wrong = format!("argument `{key}` lists {example}");
    let Value::List(tokens) = argument.value else {
        diag.at(&key, wrong);
        return Vec::new();
    };
    let list = match Punctuated::<Type, Token![,]>::parse_terminated.parse2(tokens) {
        Ok(list) => list,
        Err(error) => {
            diag.error(error);
            return Vec::new();
        }
    };
    if list.is_empty() {
        diag.at(&key, wrong);
    }
    let mut types: Vec<Type> = Vec::new();
    for ty in list {
        if types.iter().any(|known| spelled(known) == spelled(&ty)) {
            diag.at(&ty, format!("`{}` is listed twice; remove one of them", spelled(&ty)));
        } else {
            types.push(ty);
        }
    }
    types
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;
    use crate::block::Block;
    use crate::kind::Kind;

    fn read(arguments: proc_macro2::TokenStream) -> (Declared, Vec<String>) {
        let mut diag = Diagnostics::new();
        let arguments = Arguments::parse(arguments, &mut diag);
        let declared = Declared::parse(arguments, &mut diag);
        (declared, diag.messages())
    }

    #[test]
    fn reads_everything() {
        let (declared, seen) =
            read(quote!(emits(Alert, other::Event<u8>), failures(HttpError,), version = 2, history = 1000));
        assert!(seen.is_empty(), "{seen:?}");
        assert_eq!(declared.emits.iter().map(spelled).collect::<Vec<_>>(), ["Alert", "other::Event<u8>"]);
        assert_eq!((declared.failures.len(), declared.version), (1, Some(2)));
        let history = declared.history.unwrap();
        assert_eq!((history.last, history.age), (1000, None));
        let history = read(quote!(history(last = 5, age = "7d"))).0.history.unwrap();
        assert_eq!((history.last, history.age), (5, Some(Duration::from_secs(7 * 86_400))));
    }

    #[test]
    fn reads_lanes() {
        let (declared, seen) =
            read(quote!(lane(concurrency = 2, rate = "5/s", queue = 10, backlog = 20, quarantined = "pass")));
        assert!(seen.is_empty(), "{seen:?}");
        let lane = declared.lane.unwrap();
        assert_eq!((lane.concurrency, lane.rate), (Some(2), Some((5, Duration::from_secs(1)))));
        assert_eq!((lane.queue, lane.backlog, lane.passes), (Some(10), Some(20), true));
        let lane = read(quote!(lane(quarantined = "hold"))).0.lane.unwrap();
        assert!(!lane.passes && lane.concurrency.is_none());
    }

    #[test]
    fn wrong_arguments() {
        for (arguments, says) in [
            (quote!(emits), "lists the events"),
            (quote!(emits()), "lists the events"),
            (quote!(emits = Alert), "lists the events"),
            (quote!(emits(A, A)), "`A` is listed twice"),
            (quote!(emits("a")), "expected"),
            (quote!(failures()), "lists error types"),
            (quote!(version = 0), "above zero"),
            (quote!(version = "2"), "above zero"),
            (quote!(history), "says how many"),
            (quote!(history = "7d"), "says how many"),
            (quote!(history = 0), "above zero"),
            (quote!(history(age = "7d")), "without bound"),
            (quote!(history()), "without bound"),
            (quote!(history(last = 5, agee = "7d")), "did you mean `age`?"),
            (quote!(lane), "takes a list: `lane(concurrency = 1"),
            (quote!(lane(concurrency = 0)), "above zero"),
            (quote!(lane(rate = "5")), "not a rate"),
            (quote!(lane(quarantined = "passes")), "did you mean `pass`?"),
            (quote!(lane(quarantined = true)), "takes a string"),
            (quote!(lane(concurency = 1)), "did you mean `concurrency`?"),
            (quote!(idle = "1s"), "only a pipeline"),
            (quote!(id = "x"), "belongs to the struct"),
            (quote!(emit(A)), "did you mean `emits`?"),
        ] {
            let seen = read(arguments.clone()).1;
            assert!(seen.len() == 1 && seen[0].contains(says), "{arguments}: {seen:?}");
        }
    }

    #[test]
    fn a_version_and_its_migration_go_together() {
        let check = |arguments, hooks: &str| {
            let block: Block = syn::parse_str(&format!("impl W {{ {hooks} }}")).expect("the block parses");
            let mut diag = Diagnostics::new();
            let hooks = Hooks::check(Kind::Minion, &block, &mut diag);
            let declared = Declared::parse(Arguments::parse(arguments, &mut diag), &mut diag);
            declared.check_version(&hooks, &mut diag);
            diag.messages()
        };
        let migrate = "fn migrate(stored: &mut Stored) -> Result<()> {}";
        assert_eq!(check(quote!(version = 1), migrate), [""; 0]);
        assert_eq!(check(quote!(), ""), [""; 0]);
        assert!(check(quote!(version = 1), "")[0].starts_with("a version says nothing without the hook"));
        assert!(check(quote!(), migrate)[0].starts_with("`migrate` is never called"));
        assert_eq!(check(quote!(version = 1), "fn migrate(&self) {}").len(), 1, "one mistake, one error");
    }
}
