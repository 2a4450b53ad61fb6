//! Events that a minion emits for other minions, or for itself.

use std::any::{TypeId, type_name};
use std::sync::Arc;
use std::time::Duration;

use crate::error::Result;
use crate::pipeline::{Item, Produces, Storable};
use crate::workflow::Workflow;

use super::Minion;

/// A minion that emits events of type `E`: `#[minion(emits(E))]` writes it.
///
/// ```
/// # use minions_core::minion::{Emits, Flow, Minion};
/// # use minions_core::workflow::Workflow;
/// # use std::time::Duration;
/// struct Alert;
///
/// async fn compare<M: Emits<String>>(minion: &M, wf: &Workflow) -> Flow {
///     minion.emit(wf, "the page is gone".to_owned()).key("gone").after(Duration::from_secs(60));
///     Flow::Continue
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not emit `{E}`",
    label = "not declared",
    note = "declare it with `#[minion(emits({E}))]` on the impl block"
)]
pub trait Emits<E: Storable>: Minion + Produces<E> {
    /// Emits `event` to every minion that reacts to it, with the checkpoint that follows this step: neither lost nor doubled.
    /// A step that fails has emitted nothing.
    fn emit<'w>(&self, wf: &'w Workflow, event: E) -> Emitted<'w> {
        Emitted { index: wf.emit(Emission::new(Item::new(event))), wf }
    }
}

/// An event that was emitted, to say more about it.
#[derive(Debug)]
pub struct Emitted<'w> {
    wf: &'w Workflow,
    index: usize,
}

impl Emitted<'_> {
    /// Gives the event a key: while an equal one is remembered, it is emitted once. Keys of one minion stand beside those
    /// of others.
    #[expect(clippy::return_self_not_must_use, reason = "the event is emitted already")]
    pub fn key(self, key: impl Into<Arc<str>>) -> Self {
        let key = key.into();
        self.wf.change_emitted(self.index, |emission| emission.key = Some(key));
        self
    }

    /// Lets the workflows of the event begin so much later.
    #[expect(clippy::must_use_candidate, clippy::return_self_not_must_use, reason = "the event is emitted already")]
    pub fn after(self, delay: Duration) -> Self {
        self.wf.change_emitted(self.index, |emission| emission.delay = delay);
        self
    }
}

/// A type of event that a minion emits, for the manifest.
#[derive(Clone, Copy, Debug)]
pub struct EmitInfo {
    event: fn() -> TypeId,
    name: fn() -> &'static str,
}

impl EmitInfo {
    /// The type `E`.
    #[must_use]
    pub const fn of<E: Storable>() -> Self {
        Self { event: TypeId::of::<E>, name: type_name::<E> }
    }

    /// The type.
    #[must_use]
    pub fn type_id(&self) -> TypeId {
        (self.event)()
    }

    /// The path of the type.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        (self.name)()
    }
}

/// One event on its way out of a step.
pub(crate) struct Emission {
    pub(crate) item: Item,
    pub(crate) key: Option<Arc<str>>,
    pub(crate) delay: Duration,
}

impl Emission {
    pub(crate) fn new(item: Item) -> Self {
        Self { item, key: None, delay: Duration::ZERO }
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>> {
        self.item.encode()
    }
}
