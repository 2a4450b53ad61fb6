//! The lock in its file: when it is compared, and when it is written.

use std::env;
use std::io::ErrorKind;
use std::path::Path;

use super::SchemaLock;

/// What a run of the test may do to the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mode {
    pub(super) order: Order,
    /// Nothing is written where nobody would commit it.
    pub(super) ci: bool,
}

/// What `MINIONS_SCHEMA` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Compare,
    Write,
    Retire,
    Unknown(String),
}

impl Mode {
    pub(super) fn of_this_process() -> Self {
        let set = |name| env::var(name).unwrap_or_default();
        Self { order: Order::of(&set("MINIONS_SCHEMA")), ci: !matches!(&*set("CI"), "" | "0" | "false") }
    }
}

impl Order {
    fn of(text: &str) -> Self {
        match text {
            "" | "check" => Self::Compare,
            "write" => Self::Write,
            "retire" => Self::Retire,
            other => Self::Unknown(other.to_owned()),
        }
    }
}

/// Compares, and writes if that is in order.
///
/// # Errors
///
/// The report to fail with.
pub(super) fn check(lock: &SchemaLock<'_>, path: &Path, mode: &Mode) -> Result<(), String> {
    if let Order::Unknown(order) = &mode.order {
        return Err(format!("MINIONS_SCHEMA is `{order}`; it is one of `check`, `write`, `retire`"));
    }
    let text = match std::fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(format!("it cannot be read: {error}")),
    };
    let report = lock.compare(text.as_deref())?;
    let first = text.is_none();
    let (writes, next) = match mode.order {
        Order::Retire => (true, &report.retired),
        Order::Write => (report.stranded.is_empty(), &report.lock),
        Order::Compare | Order::Unknown(_) => (first, &report.lock),
    };
    if !report.unknown.is_empty() || !writes {
        return if report.is_current() { Ok(()) } else { Err(report.to_string()) };
    }
    if text.as_ref() == Some(next) {
        return Ok(());
    }
    match (mode.ci, first) {
        (true, true) => Err("there is no schema lock; run `cargo test` where you work, and commit the file".to_owned()),
        (true, false) => Err(format!("nothing is written where `CI` is set\n\n{report}")),
        (false, _) => std::fs::write(path, next).map_err(|error| format!("it cannot be written: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::component::{Assembly, Component};
    use crate::minion::{Flow, Minion, StepInfo};
    use crate::testing::Source;
    use crate::workflow::Workflow;
    use crate::{Gru, GruBuilder, Result};

    macro_rules! minion {
        ($name:ident, [$($step:literal),*]) => {
            struct $name;

            impl Component for $name {
                const NAME: &'static str = "watcher";

                fn assemble(_: &Assembly) -> Result<Self> {
                    Ok(Self)
                }
            }

            impl Minion for $name {
                type Event = String;
                type Context = ();
                const STEPS: &'static [StepInfo] = &[$(StepInfo::new($step)),*];

                async fn step<'a>(&'a self, _: usize, _: &'a String, (): &'a mut (), _: &'a Workflow) -> Result<Flow> {
                    Ok(Flow::Continue)
                }
            }
        };
    }

    minion!(First, ["fetch", "record"]);
    minion!(Longer, ["fetch", "record", "tell"]);
    minion!(Shorter, ["fetch"]);

    fn of<M: Minion<Event = String>>() -> GruBuilder {
        Gru::builder().orchestrate::<Source<String>, M>()
    }

    /// A file of this test's own, removed with it.
    struct Place(PathBuf);

    impl Place {
        fn new(test: &str) -> Self {
            let path = std::env::temp_dir().join(format!("minions-schema-{}-{test}.json", std::process::id()));
            let _ = std::fs::remove_file(&path);
            Self(path)
        }

        fn check<M: Minion<Event = String>>(&self, order: Order, ci: bool) -> std::result::Result<(), String> {
            check(&SchemaLock::of(&of::<M>()), &self.0, &Mode { order, ci })
        }

        fn text(&self) -> Option<String> {
            std::fs::read_to_string(&self.0).ok()
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    #[test]
    fn the_first_run_writes_the_file_but_not_in_ci() {
        let place = Place::new("first");
        let error = place.check::<First>(Order::Compare, true).unwrap_err();
        assert!(error.contains("commit the file"), "{error}");
        assert_eq!(place.text(), None);
        place.check::<First>(Order::Compare, false).unwrap();
        assert!(place.text().unwrap().contains("record"));
        place.check::<First>(Order::Compare, true).unwrap();
        place.check::<First>(Order::Write, true).unwrap();
    }

    #[test]
    fn a_safe_change_is_written_on_order_only() {
        let place = Place::new("safe");
        place.check::<First>(Order::Compare, false).unwrap();
        let before = place.text();
        let error = place.check::<Longer>(Order::Compare, false).unwrap_err();
        assert!(error.contains("MINIONS_SCHEMA=write"), "{error}");
        assert_eq!(place.text(), before);
        let error = place.check::<Longer>(Order::Write, true).unwrap_err();
        assert!(error.contains("`CI`"), "{error}");
        assert_eq!(place.text(), before);
        place.check::<Longer>(Order::Write, false).unwrap();
        place.check::<Longer>(Order::Compare, true).unwrap();
    }

    #[test]
    fn what_would_be_stranded_is_not_written_over_unless_it_is_retired() {
        let place = Place::new("stranded");
        place.check::<First>(Order::Compare, false).unwrap();
        let before = place.text();
        for order in [Order::Compare, Order::Write] {
            let error = place.check::<Shorter>(order, false).unwrap_err();
            assert!(error.contains("`record`"), "{error}");
            assert_eq!(place.text(), before);
        }
        place.check::<Shorter>(Order::Retire, false).unwrap();
        assert!(!place.text().unwrap().contains("record"));
        place.check::<Shorter>(Order::Compare, true).unwrap();
    }

    #[test]
    fn what_is_not_understood_is_told_and_left_alone() {
        let place = Place::new("odd");
        let error = place.check::<First>(Order::of("wirte"), false).unwrap_err();
        assert!(error.contains("`wirte`") && error.contains("`write`"), "{error}");
        std::fs::write(&place.0, "<<<<<<< ours").unwrap();
        for order in [Order::Compare, Order::Write, Order::Retire] {
            let error = place.check::<First>(order, false).unwrap_err();
            assert!(error.starts_with("it is not a schema lock"), "{error}");
        }
        assert_eq!(place.text().as_deref(), Some("<<<<<<< ours"));
    }
}
