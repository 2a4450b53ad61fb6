//! What a running step knows of itself.

use std::any::type_name;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::error::{Error, Result};
use crate::minion::Emission;
use crate::store::{StepFailure, Work};
use crate::telemetry::activity::{Activity, Standing};

use super::{Ambient, Asked, WorkflowId};

/// The identity of the step that runs: taken by a step as `wf: &Workflow`.
///
/// ```
/// use minions_core::workflow::Workflow;
///
/// /// The header that many services know: equal keys have one effect.
/// fn header(wf: &Workflow) -> String {
///     format!("Idempotency-Key: {}", wf.idempotency_key())
/// }
///
/// let wf = Workflow::detached();
/// assert_eq!(header(&wf), format!("Idempotency-Key: {}-0", wf.id()));
/// ```
#[derive(Clone, Debug)]
pub struct Workflow {
    /// In which attempt of which workflow it stands.
    pub(crate) standing: Standing,
    pub(crate) step: &'static str,
    pub(crate) seq: u32,
    pub(crate) attempt: u32,
    pub(crate) may_have_run: bool,
    /// As if its clock never stood.
    pub(crate) deadline: Option<Instant>,
    /// What the signal says that the step before has waited for.
    pub(crate) payload: Option<Arc<[u8]>>,
    /// Why the step that deals with failures runs.
    pub(crate) failure: Option<Arc<StepFailure>>,
}

impl Workflow {
    /// The first step of a fresh workflow that belongs to no runtime, for calling a step in a test.
    #[must_use]
    pub fn detached() -> Self {
        let activity = Activity::new(Arc::new(Ambient::detached()), super::WorkflowIds::after(None).next());
        Self {
            standing: activity.begin(("detached", 1), None, Instant::now()),
            step: "detached",
            seq: 0,
            attempt: 1,
            may_have_run: false,
            deadline: None,
            payload: None,
            failure: None,
        }
    }

    /// The same with a signal that the step before has waited for, for calling a step in a test.
    ///
    /// # Panics
    ///
    /// If `payload` cannot be encoded.
    #[must_use]
    pub fn signalled(mut self, payload: &impl Serialize) -> Self {
        let payload = serde_json::to_vec(payload).expect("the payload of a signal can be encoded");
        self.payload = Some(payload.into());
        self
    }

    /// The workflow.
    #[must_use]
    pub fn id(&self) -> WorkflowId {
        self.standing.workflow()
    }

    /// The orchestration that it belongs to: pipeline, minion and configuration.
    #[must_use]
    pub fn orchestration(&self) -> &str {
        &self.standing.ambient().orchestration
    }

    /// The minion's name.
    #[must_use]
    pub fn minion(&self) -> &'static str {
        self.standing.ambient().minion
    }

    /// The stable name of the step.
    #[must_use]
    pub fn step(&self) -> &'static str {
        self.step
    }

    /// Which attempt at this step, from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// A key for the step's effects elsewhere: equal for every attempt at this step of this workflow, different for every
    /// other step, and new when a jump returns to it.
    #[must_use]
    pub fn idempotency_key(&self) -> IdempotencyKey {
        IdempotencyKey { id: self.id(), seq: self.seq }
    }

    /// Whether an earlier attempt may have begun: false only if the step certainly never began.
    #[must_use]
    pub fn may_have_run(&self) -> bool {
        self.may_have_run
    }

    /// When this attempt is out of time, if its step has a timeout. It moves on while the step only waits for permits of
    /// [limits](crate::limit).
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline.map(|deadline| deadline + self.standing.stood())
    }

    /// What the signal says that the step before has [waited](crate::minion::Flow::wait) for; nothing if it did not come
    /// in time.
    ///
    /// # Errors
    ///
    /// When it says something that is no `T`.
    pub fn signal<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        let decode = |payload: &Arc<[u8]>| {
            serde_json::from_slice(payload).map_err(|error| {
                Error::new(error).context(format!("the signal cannot be read as `{}`", type_name::<T>()))
            })
        };
        self.payload.as_ref().map(decode).transpose()
    }

    /// Why the step runs that deals with failures; nothing in every other step.
    #[must_use]
    pub fn failure(&self) -> Option<&StepFailure> {
        self.failure.as_deref()
    }

    /// The events of type `E` that this attempt has emitted so far, for testing a step.
    #[must_use]
    pub fn emitted<E: Clone + 'static>(&self) -> Vec<E> {
        let of_type = |emission: &Emission| emission.item.event.downcast_ref().cloned();
        self.standing.ask(|asked| asked.emits.iter().filter_map(of_type).collect()).unwrap_or_default()
    }

    /// Adds an event; answers which one it is. A step that is over has nothing to emit it with.
    pub(crate) fn emit(&self, emission: Emission) -> usize {
        let emit = |asked: &mut Asked| {
            asked.emits.push(emission);
            asked.emits.len() - 1
        };
        self.standing.ask(emit).unwrap_or(usize::MAX)
    }

    /// Says more about an event. One that is gone with its step is not changed any more.
    pub(crate) fn change_emitted(&self, index: usize, change: impl FnOnce(&mut Emission)) {
        self.standing.ask(|asked| asked.emits.get_mut(index).map(change));
    }

    /// Hands over work to be done in the commit of the checkpoint that follows this step, by a store that knows how:
    /// together with it or not at all. If the step fails, it is forgotten; if the work fails, the step has failed.
    ///
    /// A store's crate has the friendly form of this.
    pub fn join_checkpoint(&self, work: Work) {
        self.standing.ask(|asked| asked.work.push(work));
    }

    /// Whether the runtime is stopping; a long step may return early, but is not obliged to.
    #[must_use]
    pub fn stopping(&self) -> bool {
        self.standing.ambient().stop.is_requested()
    }
}

/// The text `id-seq`; `seq` counts the workflow's checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey {
    id: WorkflowId,
    seq: u32,
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.id, self.seq)
    }
}
