//! What to start while a program runs.

use crate::minion::{Minion, MinionFactory};
use crate::pipeline::{Pipeline, PipelineFactory, Produces};

use super::OrchestrationOptions;

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
    pub fn of<P: Pipeline + Produces<M::Event>, M: Minion>() -> Self {
        let (pipeline, minion) = (crate::pipeline::factory::<P>(), crate::minion::factory::<M>());
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
