//! What may be in the way of pipelines and belongs to no orchestration: the process, and the resources.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::limit::Circuits;

use super::Hold;

/// The holds of a program; kept by its engine, because components come and go.
#[derive(Default)]
pub(crate) struct Holds {
    /// The memory of the process runs out.
    pub(crate) memory: Arc<Hold>,
    /// The threads of the runtime do not keep up.
    pub(crate) lag: Arc<Hold>,
    resources: Mutex<HashMap<&'static str, OfResource>>,
}

/// What a resource may have against more work.
#[derive(Clone, Default)]
pub(crate) struct OfResource {
    /// It says that it does not work.
    pub(crate) health: Arc<Hold>,
    /// Circuits of its limits are open.
    pub(crate) circuits: Arc<Hold>,
}

impl Holds {
    /// What every pipeline stands behind.
    pub(crate) fn everyone(&self) -> Vec<Arc<Hold>> {
        vec![self.memory.clone(), self.lag.clone()]
    }

    /// What those stand behind that need the resource `name`.
    pub(crate) fn of(&self, name: &'static str) -> OfResource {
        self.resources.lock().entry(name).or_default().clone()
    }

    /// Takes over which circuits are open.
    pub(crate) fn take_over(&self, circuits: &Circuits) {
        for (name, holds) in &*self.resources.lock() {
            holds.circuits.set(circuits.of(name));
        }
    }
}
