//! What reacts to events: an ordered list of durable steps over one context.

use std::future::Future;

use crate::component::{Assembly, Component, Health, Need, Stop};
use crate::error::{FailureInfo, Result};
use crate::pipeline::Storable;
use crate::workflow::Workflow;

mod emit;
mod erased;
mod flow;
mod history;
mod lanes;
mod migrate;
mod retry;
mod step;

pub(crate) use emit::Emission;
pub use emit::{EmitInfo, Emits, Emitted};
#[cfg(any(test, feature = "testing"))]
pub(crate) use erased::decode;
pub use erased::{ErasedMinion, ErasedWorkflow, call};
pub(crate) use erased::{MinionFactory, MinionInstance, factory};
pub use flow::{Flow, IntoFlow, StepId};
pub use history::History;
pub use lanes::Lanes;
pub use migrate::Stored;
pub use retry::Retry;
pub use step::{StepArg, StepInfo, steps_hash};

/// What reacts to events of one type: the half that the impl declares.
///
/// `#[minion]` on an impl block writes it from the methods marked `#[minion_step]` and the hooks. The engine drives it
/// through [`ErasedMinion`], which is implemented for every minion.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a minion",
    label = "not a minion",
    note = "put `#[minion]` on `struct {Self}` and on its impl with the steps"
)]
pub trait Minion: Component + Sync {
    /// The type of event that starts a workflow.
    type Event: Storable;

    /// What the steps of one workflow share. Rows written by an older version of the type are read through serde, so a
    /// new field wants `#[serde(default)]`.
    type Context: Storable + Default;

    /// What [`create`](Self::create) needs; the fields' needs unless it is written.
    const NEEDS: &'static [Need] = Self::FIELDS;

    /// The steps, in order; one that deals with [failures](StepInfo::on_failure) stands last.
    const STEPS: &'static [StepInfo];

    /// The version of event and context: raised with a [`migrate`](Self::migrate) that brings older ones up to it.
    const VERSION: u32 = 0;

    /// The events that its steps emit, and who may react to them is declared with.
    const EMITS: &'static [EmitInfo] = &[];

    /// How much is kept of workflows that have ended.
    const HISTORY: History = History::NONE;

    /// How the workflows of one key follow each other; without it there are no lanes.
    const LANES: Option<Lanes> = None;

    /// Error types that know their verdict, and that are looked for among the causes of a step's error.
    const FAILURES: &'static [FailureInfo] = &[];

    /// Makes the value; without it the fields are injected.
    ///
    /// # Errors
    ///
    /// The start fails and is rolled back.
    #[must_use]
    fn create(cx: Assembly) -> impl Future<Output = Result<Self>> + Send {
        async move { Self::assemble(&cx) }
    }

    /// Starts the value, before its first workflow; called once.
    ///
    /// # Errors
    ///
    /// The start fails and is rolled back, which calls [`shutdown`](Self::shutdown).
    fn startup(&mut self) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// Works in the background until `stop` is requested; returning earlier is a failure of the minion.
    ///
    /// # Errors
    ///
    /// It is started again as its [`RestartPolicy`](crate::supervise::RestartPolicy) says, with everything that depends on
    /// it; when that is exhausted, it is lost, and with it exactly the orchestrations that need it.
    fn run(&self, stop: Stop) -> impl Future<Output = Result<()>> + Send {
        async move {
            stop.requested().await;
            Ok(())
        }
    }

    /// Ends the value, after its last workflow has stopped; called once, also after a failed startup.
    ///
    /// # Errors
    ///
    /// Told in the [`ShutdownReport`](crate::gru::ShutdownReport); everything else is ended all the same.
    fn shutdown(&self) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// Says whether it works; asked at intervals.
    fn health(&self) -> impl Future<Output = Health> + Send {
        async { Health::Healthy }
    }

    /// Whether the minion takes `event` at all: asked before anything of it is stored, on the way from the source, so it must
    /// be quick. One that is not taken is counted as filtered; a panic refuses the event.
    fn accept(&self, event: &Self::Event) -> bool {
        let _ = event;
        true
    }

    /// The key of the lane of `event`, asked only if there are [`LANES`](Self::LANES): the workflows of equal keys run one after
    /// another, in the order in which they were admitted. The key is stored with the workflow, so a change is for new events.
    ///
    /// Asked before anything is stored, on the way from the source, so it must be quick. A panic refuses the event.
    #[must_use]
    fn lane(event: &Self::Event) -> String {
        let _ = event;
        String::new()
    }

    /// Brings a workflow that an older version stored to [`VERSION`](Self::VERSION), before it is decoded.
    ///
    /// It is called once for a workflow: what it leaves is stored before the next step runs.
    ///
    /// # Errors
    ///
    /// The workflow is set aside as it was stored.
    fn migrate(stored: &mut Stored) -> Result<()> {
        let _ = stored;
        Ok(())
    }

    /// Runs the step at `index` of [`STEPS`](Self::STEPS); the engine gives no other index.
    ///
    /// # Errors
    ///
    /// The workflow is quarantined, with the error and the context from before the step.
    fn step<'a>(
        &'a self,
        index: usize,
        event: &'a Self::Event,
        context: &'a mut Self::Context,
        workflow: &'a Workflow,
    ) -> impl Future<Output = Result<Flow>> + Send + 'a;

    /// The step that a [`Flow::to`] names, if it is one of this minion's.
    #[must_use]
    fn position(step: StepId) -> Option<usize> {
        let _ = step;
        None
    }
}
