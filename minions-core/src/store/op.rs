//! The operations of a store: what must be atomic together is one operation.

use std::borrow::Cow;
use std::sync::Arc;

use crate::workflow::WorkflowId;

use super::StepFailure;

/// One atomic change of the store: wholly done or not at all.
///
/// The runtime repeats an operation whose outcome it does not know. Repeated on the row that it left behind, each changes
/// nothing further: [`Admit`], [`Advance`], [`Resolve`] and [`Quarantine`] succeed again, while [`Requeue`] and
/// [`Discard`], which only an operator asks for, are rejected.
///
/// Whatever names a workflow means its whole identity. One whose [key](WorkflowId::key) is stored under another identity
/// is a workflow that is not stored.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Op {
    /// Stores an event for everyone who reacts to it.
    Admit(Admit),
    /// Records that a workflow comes to its next step.
    Advance(Advance),
    /// Removes a workflow that has ended.
    Resolve(Resolve),
    /// Sets a failed workflow aside, with its error.
    Quarantine(Quarantine),
    /// Lets a quarantined workflow go on at its step.
    Requeue(Requeue),
    /// Removes a workflow because an operator said so.
    Discard(Discard),
}

/// Stores one event as one new workflow for every minion that reacts to it, all or none.
///
/// A new row is [`Running`](super::Status::Running), with `seq` and `attempt` 0 and without failures. A workflow whose
/// identity is stored already is left as it is, however far it has come: the operation was repeated. If a key belongs to
/// another workflow, the whole operation is rejected and none of its siblings is stored.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Admit {
    /// The encoded event, shared by all the workflows.
    pub event: Arc<[u8]>,
    /// The workflows to create.
    pub create: Vec<NewWorkflow>,
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: i64,
}

/// A workflow to create: its checkpoint before the first step.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewWorkflow {
    /// Its identity.
    pub id: WorkflowId,
    /// The orchestration that it belongs to.
    pub orchestration: Arc<str>,
    /// The stable name of its first step.
    pub step: Cow<'static, str>,
    /// The hash of the minion's list of steps.
    pub steps_hash: u64,
    /// The encoded context.
    pub context: Vec<u8>,
}

/// The checkpoint before a step: the context as it is, and the step that is next.
///
/// `attempt` starts at 0 again; event, status and failures stay as they are. Rejected if the workflow is not stored.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Advance {
    /// Which workflow.
    pub id: WorkflowId,
    /// The stable name of the next step.
    pub step: Cow<'static, str>,
    /// The hash of the minion's list of steps.
    pub steps_hash: u64,
    /// How many checkpoints the workflow has had; creation is number 0.
    pub seq: u32,
    /// The encoded context.
    pub context: Vec<u8>,
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: i64,
}

/// Removes a workflow that has ended; one that is not stored is no error.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Resolve {
    /// Which workflow.
    pub id: WorkflowId,
}

/// Sets a workflow aside: kept at its step with the context from before it, not resumed by itself.
///
/// `attempt` becomes that of the failure, and the failure is appended to those of the workflow, of which the last
/// [`StepFailure::KEPT`] are kept. The same failure once more, on a workflow that is quarantined with it, is the operation
/// repeated and appends nothing. Rejected if the workflow is not stored.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Quarantine {
    /// Which workflow.
    pub id: WorkflowId,
    /// Why.
    pub failure: StepFailure,
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: i64,
}

/// Makes a quarantined workflow run again at its step.
///
/// Step, context, `seq`, `attempt` and failures stay as they are, so the next attempt has the next number. Rejected if the
/// workflow is not stored or not quarantined; so a repetition is rejected too, and does no harm.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Requeue {
    /// Which workflow.
    pub id: WorkflowId,
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: i64,
}

/// Removes a workflow by an operator's decision, whatever its status.
///
/// Rejected if it is not stored; so a repetition is rejected too, and does no harm.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Discard {
    /// Which workflow.
    pub id: WorkflowId,
}

impl Requeue {
    /// Lets `id` go on, from `at_ms` milliseconds since the Unix epoch.
    #[must_use]
    pub fn new(id: WorkflowId, at_ms: i64) -> Self {
        Self { id, at_ms }
    }
}

impl Discard {
    /// Removes `id`.
    #[must_use]
    pub fn new(id: WorkflowId) -> Self {
        Self { id }
    }
}

macro_rules! into_op {
    ($($name:ident),*) => {
        $(impl From<$name> for Op {
            fn from(op: $name) -> Self {
                Self::$name(op)
            }
        })*
    };
}
into_op!(Admit, Advance, Resolve, Quarantine, Requeue, Discard);
