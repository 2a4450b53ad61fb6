//! What to start while a program runs.

use crate::component::Entry;
use crate::manifest::{ManifestError, Problem, Resolved, resolve_edge};
use crate::minion::{Minion, MinionFactory};
use crate::pipeline::{EventSource, PipelineFactory, Produces};

use super::{Edge, GruBuilder, OrchestrationOptions};

/// What [`Control::start`](super::Control::start) is asked to start: an orchestration by its types, or by its name.
///
/// ```
/// use minions_core::gru::StartRequest;
///
/// let declared = StartRequest::named("sitemap/auditor@eu");
/// let another = StartRequest::named("sitemap/auditor").config("config/audit-us.toml").max_in_flight(8);
/// # let _ = (declared, another);
/// ```
#[derive(Clone)]
#[must_use = "a request does nothing until it is given to `Control::start`"]
pub struct StartRequest {
    pub(crate) what: What,
    pub(crate) options: OrchestrationOptions,
}

#[derive(Clone)]
pub(crate) enum What {
    Typed { pipeline: &'static dyn PipelineFactory, minion: &'static dyn MinionFactory },
    Named(String),
}

impl StartRequest {
    /// `M` reacts to the events of `P`.
    pub fn of<P: EventSource + Produces<M::Event>, M: Minion>() -> Self {
        let (pipeline, minion) = (P::origin().0, crate::minion::factory::<M>());
        Self { what: What::Typed { pipeline, minion }, options: OrchestrationOptions::default() }
    }

    /// An orchestration by its id, `pipeline/minion` or `pipeline/minion@configuration`, of components that the program
    /// knows.
    ///
    /// An id that the program declares is started as it is declared there. With [`config`](Self::config) or
    /// [`id`](Self::id) it is an orchestration of its own.
    pub fn named(id: impl Into<String>) -> Self {
        Self { what: What::Named(id.into()), options: OrchestrationOptions::default() }
    }

    /// The files whose sections overlay the program's configuration, a path or a pattern: one orchestration is started
    /// for each file, all or none.
    pub fn config(mut self, pattern: impl Into<String>) -> Self {
        self.options = self.options.config(pattern);
        self
    }

    /// The identity of the configuration in the orchestration's id, instead of the file's stem.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.options = self.options.id(id);
        self
    }

    /// How many workflows may be awake at once, instead of the program's `max_in_flight`; at least 1.
    pub fn max_in_flight(mut self, workflows: usize) -> Self {
        self.options = self.options.max_in_flight(workflows);
        self
    }
}

impl StartRequest {
    /// What it stands for in `program`.
    pub(super) fn resolve(self, program: &GruBuilder) -> Result<Resolved, ManifestError> {
        let Self { what, options } = self;
        let id = match what {
            What::Typed { pipeline, minion } => return resolve_edge(program, &Edge { pipeline, minion, options }),
            What::Named(id) => id,
        };
        let (pair, config) = id.split_once('@').map_or((&*id, None), |(pair, config)| (pair, Some(config)));
        let (pipeline, minion) = pair.split_once('/').ok_or_else(|| {
            unknown(format!("`{id}` is no orchestration; write `pipeline/minion` or `pipeline/minion@configuration`"))
        })?;
        let of_pair = |edge: &&Edge| edge.pipeline.entry().id == pipeline && edge.minion.entry().id == minion;
        if options.is_empty() {
            // As it is declared: with its options, and as the only one of its files.
            for edge in program.edges.iter().filter(of_pair) {
                let mut resolved = resolve_edge(program, edge)?;
                if resolved.keep_only(&id) {
                    return Ok(resolved);
                }
            }
        }
        if let Some(config) = config.filter(|_| options.is_empty()) {
            let declared: Vec<_> = program.edges.iter().filter(of_pair).map(|edge| edge.options.describe()).collect();
            return Err(unknown(format!(
                "`{pair}` is not declared with a configuration `{config}` ({}); name its file to start it with one",
                declared.join(", ")
            )));
        }
        let source = find(program, "pipeline", pipeline, |edge| edge.pipeline.entry())?;
        let target = find(program, "minion", minion, |edge| edge.minion.entry())?;
        let (produces, takes) = (source.pipeline.event(), target.minion.event());
        if !source.pipeline.produces(takes.0) {
            return Err(unknown(format!(
                "the pipeline `{pipeline}` produces `{}`, and the minion `{minion}` takes `{}`",
                produces.1, takes.1
            )));
        }
        let options =
            if config.is_some() && options.id.is_none() { options.id(config.unwrap_or_default()) } else { options };
        resolve_edge(program, &Edge { pipeline: source.pipeline, minion: target.minion, options })
    }
}

/// A line of the program with the component `name` on the side that `entry` looks at.
fn find<'a>(
    program: &'a GruBuilder,
    kind: &str,
    name: &str,
    entry: impl Fn(&Edge) -> Entry,
) -> Result<&'a Edge, ManifestError> {
    program.edges.iter().find(|edge| entry(edge).id == name).ok_or_else(|| {
        let mut known: Vec<_> = program.edges.iter().map(|edge| format!("`{}`", entry(edge).id)).collect();
        known.sort_unstable();
        known.dedup();
        unknown(format!("the program knows no {kind} `{name}`; it knows {}", known.join(", ")))
    })
}

fn unknown(why: String) -> ManifestError {
    ManifestError::new(vec![Problem::Wiring { location: None, message: why }])
}

impl From<&str> for StartRequest {
    fn from(id: &str) -> Self {
        Self::named(id)
    }
}

impl std::fmt::Debug for StartRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match &self.what {
            What::Typed { pipeline, minion } => format!("{}/{}", pipeline.entry().name, minion.entry().name),
            What::Named(id) => id.clone(),
        };
        f.debug_struct("StartRequest").field("what", &what).field("options", &self.options).finish()
    }
}
