//! What a running step knows of itself.

use std::fmt;
use std::sync::Arc;

use crate::component::Stop;

use super::WorkflowId;

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
    pub(crate) id: WorkflowId,
    pub(crate) orchestration: Arc<str>,
    pub(crate) minion: &'static str,
    pub(crate) step: &'static str,
    pub(crate) seq: u32,
    pub(crate) attempt: u32,
    pub(crate) may_have_run: bool,
    pub(crate) stop: Stop,
}

impl Workflow {
    /// The first step of a fresh workflow that belongs to no runtime, for calling a step in a test.
    #[must_use]
    pub fn detached() -> Self {
        Self {
            id: super::WorkflowIds::after(None).next(),
            orchestration: "detached".into(),
            minion: "detached",
            step: "detached",
            seq: 0,
            attempt: 1,
            may_have_run: false,
            stop: Stop::never(),
        }
    }

    /// The workflow.
    #[must_use]
    pub fn id(&self) -> WorkflowId {
        self.id
    }

    /// The orchestration that it belongs to: pipeline, minion and configuration.
    #[must_use]
    pub fn orchestration(&self) -> &str {
        &self.orchestration
    }

    /// The minion's name.
    #[must_use]
    pub fn minion(&self) -> &'static str {
        self.minion
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
        IdempotencyKey { id: self.id, seq: self.seq }
    }

    /// Whether an earlier attempt may have begun: false only if the step certainly never began.
    #[must_use]
    pub fn may_have_run(&self) -> bool {
        self.may_have_run
    }

    /// Whether the runtime is stopping; a long step may return early, but is not obliged to.
    #[must_use]
    pub fn stopping(&self) -> bool {
        self.stop.is_requested()
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
