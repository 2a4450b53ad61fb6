//! What a program is made of, before it is resolved.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::component::Component;
use crate::config::Settings;
use crate::minion::{Minion, MinionFactory};
use crate::pipeline::{Pipeline, PipelineFactory, Produces};

/// Collects the orchestrations of a program and the choices of its runtime.
///
/// `app!` makes one; by hand it is `Gru::builder().orchestrate::<Sitemap, Watcher>()`.
#[must_use = "a builder does nothing until it is started"]
pub struct GruBuilder {
    pub(crate) edges: Vec<Edge>,
}

/// One line of a program: pipeline => minion.
pub(crate) struct Edge {
    pub(crate) pipeline: &'static dyn PipelineFactory,
    pub(crate) minion: &'static dyn MinionFactory,
    pub(crate) options: Orchestration,
}

/// The options of one orchestration.
#[derive(Clone, Debug, Default)]
#[must_use = "options do nothing until they are given to `orchestrate_with`"]
#[non_exhaustive]
pub struct Orchestration {
    pub(crate) config: Option<String>,
    pub(crate) id: Option<String>,
    pub(crate) max_in_flight: Option<usize>,
}

impl Orchestration {
    /// The files whose sections overlay the program's configuration, a path or a pattern such as `config/audit-*.toml`:
    /// one orchestration runs for each file, named after its stem.
    pub fn config(mut self, pattern: impl Into<String>) -> Self {
        self.config = Some(pattern.into());
        self
    }

    /// The identity of the configuration in the orchestration's id, instead of the file's stem.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// How many workflows may be awake at once, instead of the program's `max_in_flight`; at least 1.
    pub fn max_in_flight(mut self, workflows: usize) -> Self {
        self.max_in_flight = Some(workflows);
        self
    }
}

impl GruBuilder {
    /// Adds an orchestration: `M` reacts to the events of `P`.
    pub fn orchestrate<P: Pipeline + Produces<M::Event>, M: Minion>(self) -> Self {
        self.edge::<P, M>(Orchestration::default())
    }

    /// Adds an orchestration with options: `.orchestrate_with::<Sitemap, Auditor>(|o| o.config("config/audit-*.toml"))`.
    pub fn orchestrate_with<P: Pipeline + Produces<M::Event>, M: Minion>(
        self,
        options: impl FnOnce(Orchestration) -> Orchestration,
    ) -> Self {
        self.edge::<P, M>(options(Orchestration::default()))
    }

    /// Adds an orchestration whose event types are known to agree: `app!` has checked them where it can say so best.
    #[doc(hidden)]
    pub fn edge<P: Pipeline, M: Minion>(mut self, options: Orchestration) -> Self {
        self.edges.push(Edge { pipeline: crate::pipeline::factory::<P>(), minion: crate::minion::factory::<M>(), options });
        self
    }
}
