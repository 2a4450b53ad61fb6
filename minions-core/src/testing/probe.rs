//! [`Probe`]: a minion that shows the test what a pipeline produces.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::component::{Assembly, Component, Need};
use crate::error::Result;
use crate::minion::{Flow, Minion, StepInfo};
use crate::pipeline::Storable;
use crate::workflow::Workflow;

/// The test's end of a [`Probe`]; see [`Events`](super::Events) for an example.
pub struct Probed<E> {
    events: mpsc::UnboundedReceiver<E>,
    probe: Wire<E>,
}

/// What a builder provides to a [`Probe`]; see [`Probed::probe`].
pub struct Wire<E>(Arc<mpsc::UnboundedSender<E>>);

impl<E> Probed<E> {
    /// A probe that has seen nothing yet.
    #[must_use]
    pub fn new() -> Self {
        let (wire, events) = mpsc::unbounded_channel();
        Self { events, probe: Wire(Arc::new(wire)) }
    }

    /// What to hand to [`provide`](crate::GruBuilder::provide).
    #[must_use]
    pub fn probe(&self) -> Wire<E> {
        Wire(self.probe.0.clone())
    }

    /// Waits for the next event that the probe has seen; workflows run side by side, so the order is theirs.
    ///
    /// # Panics
    ///
    /// When none comes within ten seconds: the test fails instead of hanging.
    ///
    /// # Cancel safety
    ///
    /// Safe; no event is lost.
    pub async fn next(&mut self) -> E {
        let next = tokio::time::timeout(Duration::from_secs(10), self.events.recv()).await;
        next.expect("an event should come within ten seconds").expect("the other end lies in the probe itself")
    }

    /// The events that the probe has seen since the last call.
    pub fn seen(&mut self) -> Vec<E> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }
}

impl<E> Default for Probed<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E> fmt::Debug for Probed<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probed").finish_non_exhaustive()
    }
}

impl<E> fmt::Debug for Wire<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").finish_non_exhaustive()
    }
}

/// A minion named `probe` whose only step hands a copy of the event to its [`Probed`].
pub struct Probe<E>(Arc<mpsc::UnboundedSender<E>>);

// A program that forgot its own halves should not be told of ours.
#[diagnostic::do_not_recommend]
impl<E: Storable + Clone> Component for Probe<E> {
    const NAME: &'static str = "probe";
    const FIELDS: &'static [Need] = &[Need::provided::<Wire<E>>()];

    fn assemble(cx: &Assembly) -> Result<Self> {
        let wire = cx.provided::<Wire<E>>().ok_or("no `Probed` was provided to the builder")?;
        Ok(Self(wire.0.clone()))
    }
}

#[diagnostic::do_not_recommend]
impl<E: Storable + Clone> Minion for Probe<E> {
    type Event = E;
    type Context = ();
    const STEPS: &'static [StepInfo] = &[StepInfo::new("show")];

    async fn step<'a>(&'a self, _: usize, event: &'a E, (): &'a mut (), _: &'a Workflow) -> Result<Flow> {
        // A test that has dropped its end does not want to know any more.
        let _ = self.0.send(event.clone());
        Ok(Flow::Continue)
    }
}

impl<E> fmt::Debug for Probe<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe").finish_non_exhaustive()
    }
}
