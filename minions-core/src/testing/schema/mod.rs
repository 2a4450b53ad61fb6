//! The schema lock: a file that remembers what stored workflows look like, and a test that holds every change against it.
//!
//! A workflow that was stored by one version of a program is read by the next one. Whether it can be is not visible where
//! the change is made: a new field without a default, a renamed step. So the lock keeps, for each minion, the names of its
//! steps and *samples* of its events and contexts, and [`schema_lock!`](super::schema_lock) reads them with today's types.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::GruBuilder;
use crate::component::Component;
use crate::minion::Minion;

mod compare;
mod file;
mod kind;
mod learn;
mod lock;
mod report;

pub(crate) use kind::{Kind, of as kind};
pub use report::{SchemaReport, Stranded};

use compare::{Now, Program, compare, told};
use lock::Lock;

/// What a program stores, to be compared with what it stored before.
///
/// [`schema_lock!`](super::schema_lock) makes a test of it. By hand, for a lock that is kept elsewhere:
///
/// ```
/// # use minions_core::{GruBuilder, Result};
/// # use minions_core::component::{Assembly, Component};
/// # use minions_core::minion::{Flow, Minion, StepInfo};
/// # use minions_core::testing::Source;
/// # use minions_core::workflow::Workflow;
/// # struct Watcher;
/// # impl Component for Watcher {
/// #     const NAME: &'static str = "watcher";
/// #     fn assemble(_: &Assembly) -> Result<Self> { Ok(Self) }
/// # }
/// # impl Minion for Watcher {
/// #     type Event = String;
/// #     type Context = u32;
/// #     const STEPS: &'static [StepInfo] = &[StepInfo::new("fetch")];
/// #     async fn step<'a>(&'a self, _: usize, _: &'a String, _: &'a mut u32, _: &'a Workflow) -> Result<Flow> {
/// #         Ok(Flow::Continue)
/// #     }
/// # }
/// use minions_core::testing::SchemaLock;
///
/// let builder = GruBuilder::new().orchestrate::<Source<String>, Watcher>();
/// let first = SchemaLock::of(&builder).compare(None)?;
/// assert!(first.stranded.is_empty());
/// assert!(SchemaLock::of(&builder).compare(Some(&first.lock))?.is_current());
/// # Ok::<(), String>(())
/// ```
#[must_use = "a lock does nothing until it is checked"]
pub struct SchemaLock<'a> {
    builder: &'a GruBuilder,
    given: HashMap<&'static str, Given>,
    path: PathBuf,
}

/// Samples that were given by hand.
#[derive(Default)]
struct Given {
    events: Vec<Result<Value, String>>,
    contexts: Vec<Result<Value, String>>,
}

/// The file of the lock, beside `Cargo.toml`.
const FILE: &str = "minions.schema.json";

impl<'a> SchemaLock<'a> {
    /// What the minions of `builder` store. Nothing of it is started, configured or resolved.
    pub fn of(builder: &'a GruBuilder) -> Self {
        Self { builder, given: HashMap::new(), path: FILE.into() }
    }

    /// Gives a sample of an event of `M`, for a type that refuses values that are made up, or has forms that are not found
    /// by trying, such as an untagged enum.
    pub fn event_of<M: Minion>(mut self, event: &M::Event) -> Self {
        self.given.entry(<M as Component>::ID).or_default().events.push(encoded(event));
        self
    }

    /// Gives a sample of a context of `M`.
    pub fn context_of<M: Minion>(mut self, context: &M::Context) -> Self {
        self.given.entry(<M as Component>::ID).or_default().contexts.push(encoded(context));
        self
    }

    /// Keeps the lock in this file instead of `minions.schema.json`; relative to the directory of the package.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.path = path.into();
        self
    }

    /// Compares the program with the text of a lock, or with nothing if there is none yet.
    ///
    /// # Errors
    ///
    /// What is wrong with the text.
    pub fn compare(&self, locked: Option<&str>) -> Result<SchemaReport, String> {
        let locked = locked.map(Lock::parse).transpose()?.unwrap_or_default();
        Ok(compare(&self.program(), &locked))
    }

    /// Compares the program with the file in `directory`, and writes it where `MINIONS_SCHEMA` says so or there is none.
    ///
    /// # Panics
    ///
    /// With the report, when stored work would be stranded or the file is out of date: it is for tests.
    pub fn check(&self, directory: impl AsRef<Path>) {
        let path = directory.as_ref().join(&self.path);
        if let Err(report) = file::check(self, &path, &file::Mode::of_this_process()) {
            panic!("{}: {report}", path.display());
        }
    }

    fn program(&self) -> Program {
        let mut program = Program::default();
        for edge in &self.builder.edges {
            let (pipeline, minion) = (edge.pipeline.entry(), edge.minion.entry());
            let config = match (&edge.options.id, &edge.options.config) {
                (Some(id), _) => format!("@{id}"),
                // Which files there are is not the program's.
                (None, Some(_)) => "@*".to_owned(),
                (None, None) => String::new(),
            };
            program.orchestrations.insert(format!("{}/{}{config}", pipeline.id, minion.id));
            program.minions.entry(minion.id.to_owned()).or_insert_with(|| {
                let given = self.given.get(minion.id);
                let kind = edge.minion.kind();
                let mut now = Now {
                    kind,
                    location: minion.location,
                    version: kind.version(),
                    steps: minion.steps,
                    events: Vec::new(),
                    contexts: Vec::new(),
                    unknown: Vec::new(),
                };
                let types = [minion.event.unwrap_or_default(), minion.context.unwrap_or_default()];
                now.events = gather("event", types[0], kind.events(), given.map(|it| &it.events), &mut now.unknown);
                now.contexts =
                    gather("context", types[1], kind.contexts(), given.map(|it| &it.contexts), &mut now.unknown);
                now.reads_itself();
                now
            });
        }
        program
    }
}

impl std::fmt::Debug for SchemaLock<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SchemaLock").field("path", &self.path).finish_non_exhaustive()
    }
}

fn encoded(value: &impl serde::Serialize) -> Result<Value, String> {
    serde_json::to_value(value).map_err(|error| error.to_string())
}

/// The samples of one type: those that were learnt and those that were given.
fn gather(
    what: &str,
    ty: &str,
    learnt: learn::Learnt,
    given: Option<&Vec<Result<Value, String>>>,
    unknown: &mut Vec<String>,
) -> Vec<Value> {
    let given = given.map(Vec::as_slice).unwrap_or_default();
    let mut samples = learnt.samples;
    for sample in given {
        match sample {
            Ok(sample) if samples.contains(sample) => {}
            Ok(sample) => samples.push(sample.clone()),
            Err(error) => unknown.push(format!("a sample of its {what} that was given cannot be stored: {error}")),
        }
    }
    // Whoever gives a sample knows what cannot be learnt.
    if given.is_empty() {
        unknown.extend(learnt.refused.into_iter().map(|why| {
            format!(
                "no sample of its {what} `{ty}` can be made up: {why}; give one: \
                 schema_lock!(.., |lock| lock.{what}_of::<Minion>(&..))"
            )
        }));
    }
    samples
}

impl Now {
    /// What it writes and cannot read would be lost without any change.
    fn reads_itself(&mut self) {
        let events = self.events.iter().map(|sample| (sample, self.kind.read_event(sample)));
        let contexts = self.contexts.iter().map(|sample| (sample, self.kind.read_context(sample)));
        let mut unknown = Vec::new();
        for (sample, read) in events.chain(contexts) {
            if let Err(error) = read {
                let told = format!("it cannot read what it writes: {}: {sample}", told(&error));
                unknown.push(told);
            }
        }
        self.unknown.extend(unknown);
    }
}

#[doc(hidden)]
#[macro_export]
macro_rules! __schema_lock {
    ($builder:expr $(,)?) => {
        $crate::testing::schema_lock!($builder, |lock| lock);
    };
    ($builder:expr, |$lock:ident| $with:expr $(,)?) => {
        #[test]
        fn schema_lock() {
            let builder: $crate::GruBuilder = $builder;
            let $lock = $crate::testing::SchemaLock::of(&builder);
            $crate::testing::SchemaLock::check(&$with, ::core::env!("CARGO_MANIFEST_DIR"));
        }
    };
}
