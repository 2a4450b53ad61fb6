//! What a component is made of.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

use crate::config::Settings;
use crate::pipeline::SourceSide;

use super::Tasks;

pub(crate) type Shared = Arc<dyn Any + Send + Sync>;

/// Everything that can be injected into one component: running resources, its configuration, provided values.
#[derive(Clone)]
pub struct Assembly {
    component: &'static str,
    settings: Settings,
    live: Arc<HashMap<TypeId, Shared>>,
    provided: Arc<HashMap<TypeId, Shared>>,
    tasks: Tasks,
    source: Option<SourceSide>,
}

impl Assembly {
    pub(crate) fn new(
        component: &'static str,
        settings: Settings,
        live: Arc<HashMap<TypeId, Shared>>,
        provided: Arc<HashMap<TypeId, Shared>>,
        tasks: Tasks,
    ) -> Self {
        Self { component, settings, live, provided, tasks, source: None }
    }

    /// Adds what only a pipeline has.
    pub(crate) fn with_source(mut self, source: SourceSide) -> Self {
        self.source = Some(source);
        self
    }

    /// The name of the component that is being made.
    #[must_use]
    pub fn component(&self) -> &'static str {
        self.component
    }

    /// The configuration as this component sees it.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The value of type `T` that the program handed to its builder, if any.
    #[must_use]
    pub fn provided<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.provided.get(&TypeId::of::<T>())?.clone().downcast().ok()
    }

    pub(crate) fn tasks(&self) -> Tasks {
        self.tasks.clone()
    }

    pub(crate) fn source(&self) -> Option<&SourceSide> {
        self.source.as_ref()
    }

    pub(crate) fn live(&self, id: TypeId) -> Option<Shared> {
        self.live.get(&id).cloned()
    }
}

impl std::fmt::Debug for Assembly {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Assembly").field("component", &self.component).finish_non_exhaustive()
    }
}
