//! The operations of a store: what must be atomic together is one operation.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::workflow::WorkflowId;

#[cfg(doc)]
use super::StoreError;
use super::{Ended, StepFailure};

/// One atomic change of the store: wholly done or not at all.
///
/// The runtime repeats an operation whose outcome it does not know, so each is told apart from its own repetition:
///
/// * What moves a workflow on carries the *revision* that it makes: [`Begin`], [`Advance`], [`Defer`], [`Resolve`] and
///   [`Quarantine`]. A row at the revision before takes it; a row at that revision or above has taken it already, which
///   succeeds and changes nothing; a row further behind rejects it. [`Resolve`] also succeeds when the row is gone.
/// * [`Admit`] is known by its identities, or by the number of its [cursor](CursorMove).
/// * [`Requeue`], [`Amend`] and [`Discard`], which only an operator asks for, are rejected or do the same once more.
///
/// Whatever names a workflow means its whole identity. One whose [key](WorkflowId::key) is stored under another identity
/// is a workflow that is not stored.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Op {
    /// Stores an event for everyone who reacts to it.
    Admit(Admit),
    /// Gives a workflow its turn in its lane.
    Begin(Begin),
    /// Records that a workflow comes to its next step.
    Advance(Advance),
    /// Records that a step is to be tried again later.
    Defer(Defer),
    /// Removes a workflow that has ended.
    Resolve(Resolve),
    /// Sets a failed workflow aside, with its error.
    Quarantine(Quarantine),
    /// Hands a signal to a workflow.
    Signal(Signal),
    /// Lets a quarantined workflow go on.
    Requeue(Requeue),
    /// Changes the context of a quarantined workflow.
    Amend(Amend),
    /// Removes a workflow because an operator said so.
    Discard(Discard),
    /// Records which workflows were found running after the death of a process.
    Suspect(Suspect),
    /// Forgets what is past its time.
    Tidy(Tidy),
}

impl Op {
    /// How many bytes of events, contexts and payloads it has.
    pub(crate) fn weight(&self) -> usize {
        let emitted = |emits: &[Admit]| emits.iter().map(Admit::weight).sum::<usize>();
        match self {
            Self::Admit(admit) => admit.weight(),
            Self::Advance(advance) => {
                advance.context.len() + advance.event.as_ref().map_or(0, |event| event.len()) + emitted(&advance.emits)
            }
            Self::Resolve(resolve) => emitted(&resolve.emits),
            Self::Signal(signal) => signal.payload.len(),
            Self::Amend(amend) => amend.context.len(),
            _ => 0,
        }
    }
}

impl Admit {
    fn weight(&self) -> usize {
        // One event, and one copy of it in every row.
        self.create.iter().map(|new| self.event.len() + new.context.len()).sum()
    }
}

/// What an operation came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Applied {
    /// It is done, now or by its repetition before.
    Done,
    /// Nothing was stored, because an equal key, or a signal of that name, is stored already.
    Duplicate,
}

/// Stores one event as one new workflow for every minion that reacts to it, all or none.
///
/// A new row is [`Running`](super::Status::Running), or [`Waiting`](super::Status::Waiting) if it says so, with `seq`, `attempt`
/// and `revision` 0 and without failures. A workflow whose identity is stored already is left as it is, however far it has come: the operation was repeated. If a
/// key belongs to another workflow, the whole operation is rejected and none of its siblings is stored.
///
/// With a [`dedupe`](Self::dedupe) key that is known, nothing is created and the answer is [`Applied::Duplicate`]; the
/// cursor moves all the same. With a [`cursor`](Self::cursor), the operation is applied in the order of its numbers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Admit {
    /// The encoded event, shared by all the workflows.
    pub event: Arc<[u8]>,
    /// The workflows to create; none only moves the cursor.
    pub create: Vec<NewWorkflow>,
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// Where the source is after this event, if it keeps a cursor.
    pub cursor: Option<CursorMove>,
    /// The key that makes an equal event a duplicate.
    pub dedupe: Option<Dedupe>,
}

/// Where a source is after an event: stored with the workflows of the event, in one commit.
///
/// The stored count is that of the last event applied. The operation with the next number is applied; one with a smaller
/// or equal number was applied before, which succeeds and changes nothing at all; one further ahead is
/// [unavailable](StoreError::unavailable), because an event before it is not stored yet and it must be repeated after that.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CursorMove {
    /// Whose cursor: the pipeline's id.
    pub source: Arc<str>,
    /// Which part of the source; empty for one that has no parts.
    pub partition: Arc<str>,
    /// The number of the event within its partition, from 1.
    pub count: u64,
    /// The encoded position.
    pub position: Vec<u8>,
}

/// A key that admits one event within its time.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dedupe {
    /// Whose keys: the pipeline's id, or that of the emitting minion.
    pub scope: Arc<str>,
    /// The key.
    pub key: Arc<str>,
    /// Until when an equal key is a duplicate, in milliseconds since the Unix epoch.
    pub until_ms: i64,
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
    /// The version of the minion's types.
    pub version: u32,
    /// The encoded context.
    pub context: Vec<u8>,
    /// When it is to begin, in milliseconds since the Unix epoch; nothing if it begins at once, awake already.
    pub wake_ms: Option<i64>,
    /// The key of its lane, if it has one.
    pub lane: Option<Arc<str>>,
    /// Whether it waits for its turn there.
    pub waits: bool,
}

/// Gives a workflow that waits its turn in its lane: it is [`Running`](super::Status::Running) from now on, and rests no more.
///
/// Rejected if the workflow is not stored, or does not wait.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Begin {
    /// Which workflow.
    pub id: WorkflowId,
    /// The revision that this makes.
    pub revision: u32,
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: i64,
}

/// The checkpoint before a step: the context as it is, and the step that is next.
///
/// Status and earlier failures stay as they are. What it emits is admitted, and its work done, in the same atomic change:
/// if any of that cannot be done, nothing of it is. Rejected if the workflow is not stored.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Advance {
    /// Which workflow.
    pub id: WorkflowId,
    /// The revision that this makes.
    pub revision: u32,
    /// The stable name of the next step.
    pub step: Cow<'static, str>,
    /// The hash of the minion's list of steps.
    pub steps_hash: u64,
    /// The version of the minion's types that event and context are of.
    pub version: u32,
    /// How many checkpoints the workflow has had; creation is number 0.
    pub seq: u32,
    /// The number of the last failed attempt at the next step: 0 for one that was not tried yet.
    pub attempt: u32,
    /// The encoded context.
    pub context: Vec<u8>,
    /// The encoded event, if a migration has changed it.
    pub event: Option<Arc<[u8]>>,
    /// What the workflow waits for before the step; nothing if it goes on at once, awake as it is.
    pub wait: Option<Wait>,
    /// Whether it stays at the step it is at: then the signal that it has waited for stays known, and `wait` names none.
    pub stays: bool,
    /// Why it goes to this step, if a failure is why; appended to its failures.
    pub failure: Option<StepFailure>,
    /// A signal that the last step has seen, which is forgotten.
    pub consumed: Option<Cow<'static, str>>,
    /// Events for other minions.
    pub emits: Vec<Admit>,
    /// What else joins the commit.
    pub work: Vec<Work>,
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: i64,
}

/// What a stored workflow waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wait {
    /// Until when, in milliseconds since the Unix epoch; `i64::MAX` for ever.
    pub until_ms: i64,
    /// The signal that ends the wait earlier. One that is stored already ends it at once.
    pub signal: Option<Cow<'static, str>>,
}

/// Puts a step off: the workflow stays at it as it was stored, and sleeps.
///
/// The failure, if any, is appended to those of the workflow, of which the last [`StepFailure::KEPT`] are kept. Rejected if
/// the workflow is not stored.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Defer {
    /// Which workflow.
    pub id: WorkflowId,
    /// The revision that this makes.
    pub revision: u32,
    /// The number of the last failed attempt at the step.
    pub attempt: u32,
    /// Why.
    pub failure: Option<StepFailure>,
    /// Until when, in milliseconds since the Unix epoch.
    pub wake_ms: i64,
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: i64,
}

/// Removes a workflow that has ended, with everything that belongs to it; one that is not stored is no error.
///
/// What it emits is admitted, and its work done, in the same atomic change.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Resolve {
    /// Which workflow.
    pub id: WorkflowId,
    /// The revision that this makes.
    pub revision: u32,
    /// Events for other minions.
    pub emits: Vec<Admit>,
    /// What else joins the commit.
    pub work: Vec<Work>,
    /// What is kept of it, if its minion keeps a history.
    pub history: Option<Ended>,
}

/// Sets a workflow aside: kept at its step with the context from before it, not resumed by itself.
///
/// `attempt` becomes that of the failure, and the failure is appended to those of the workflow, of which the last
/// [`StepFailure::KEPT`] are kept. It waits for nothing any more. Rejected if the workflow is not stored.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Quarantine {
    /// Which workflow.
    pub id: WorkflowId,
    /// The revision that this makes.
    pub revision: u32,
    /// Why.
    pub failure: StepFailure,
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: i64,
}

/// Hands a signal to a workflow: kept until a step that waited for its name has seen it.
///
/// A workflow that waits for it is due at once; otherwise the signal is kept for when it does. One of that name that is
/// kept already stays, and the answer is [`Applied::Duplicate`]. Rejected if the workflow is not stored.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Signal {
    /// Which workflow.
    pub id: WorkflowId,
    /// The name of the signal.
    pub name: String,
    /// What it says, encoded.
    pub payload: Vec<u8>,
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: i64,
}

/// Makes a quarantined workflow run again, at its step or at another one.
///
/// It is due at `at_ms`, or [waits](Self::waits) for its turn, with `attempt` 0 and its revision raised by one; context and
/// failures stay as they are. Going to a step raises `seq` by one, because that is another visit. Rejected if the workflow is not stored or not quarantined; so a
/// repetition is rejected too, and does no harm.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Requeue {
    /// Which workflow.
    pub id: WorkflowId,
    /// The step to go to, by its stable name, if it is not to go on at its own.
    pub step: Option<String>,
    /// Whether it waits for its turn in its lane, which has gone on without it.
    pub waits: bool,
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: i64,
}

/// Replaces the context of a quarantined workflow, which stays in quarantine.
///
/// Rejected if the workflow is not stored or not quarantined.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Amend {
    /// Which workflow.
    pub id: WorkflowId,
    /// The encoded context.
    pub context: Vec<u8>,
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: i64,
}

/// Removes a workflow by an operator's decision, whatever its status, with everything that belongs to it.
///
/// Rejected if it is not stored; so a repetition is rejected too, and does no harm.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Discard {
    /// Which workflow.
    pub id: WorkflowId,
}

/// Records workflows that were running when a process died, each at its revision.
///
/// One that is recorded at the same revision already has made no progress between two deaths: its count of deaths rises by
/// one. At another revision the count begins at 1. An orderly [`close`](super::StateStore::close) forgets all of them.
/// `alone` is replaced as a whole: the one workflow that runs by itself now, so that a death can only be its own.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Suspect {
    /// The workflows and their revisions.
    pub found: Vec<(WorkflowId, u32)>,
    /// Which one runs alone now, if any.
    pub alone: Option<WorkflowId>,
}

/// Forgets keys that are past their time, and history beyond its bounds.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Tidy {
    /// Now, in milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// How much history is kept, for each orchestration that keeps any.
    pub history: Vec<KeepHistory>,
}

/// How much history of one orchestration is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeepHistory {
    /// The orchestration.
    pub orchestration: Arc<str>,
    /// How many of the last ended workflows at most.
    pub last: u64,
    /// Only those that ended at this time or later, in milliseconds since the Unix epoch.
    pub since_ms: i64,
}

/// What a step hands over to be done in the commit of its checkpoint, by a store that knows how.
///
/// The runtime does not look into it. It may be called more than once, in transactions of which one at most is committed.
#[derive(Clone)]
pub struct Work {
    kind: &'static str,
    label: Arc<str>,
    work: Arc<dyn Any + Send + Sync>,
}

impl Work {
    /// Work for the stores of the [kind](super::StateStore::kind) `kind`; `label` names it in messages.
    #[must_use]
    pub fn new(kind: &'static str, label: impl Into<Arc<str>>, work: Arc<dyn Any + Send + Sync>) -> Self {
        Self { kind, label: label.into(), work }
    }

    /// The kind of store that it is for.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// What messages call it.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The work, as the type that the store expects.
    #[must_use]
    pub fn downcast<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.work.clone().downcast().ok()
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work").field("kind", &self.kind).field("label", &self.label).finish_non_exhaustive()
    }
}

impl Requeue {
    /// Lets `id` go on at its step, from `at_ms` milliseconds since the Unix epoch.
    #[must_use]
    pub fn new(id: WorkflowId, at_ms: i64) -> Self {
        Self { id, step: None, waits: false, at_ms }
    }

    /// Lets it go on at the step of this stable name.
    #[must_use]
    pub fn at_step(mut self, step: impl Into<String>) -> Self {
        self.step = Some(step.into());
        self
    }

    /// Lets it wait for its turn in its lane.
    #[must_use]
    pub fn in_turn(mut self) -> Self {
        self.waits = true;
        self
    }
}

impl Amend {
    /// Gives `id` another context.
    #[must_use]
    pub fn new(id: WorkflowId, context: Vec<u8>, at_ms: i64) -> Self {
        Self { id, context, at_ms }
    }
}

impl Discard {
    /// Removes `id`.
    #[must_use]
    pub fn new(id: WorkflowId) -> Self {
        Self { id }
    }
}

impl Signal {
    /// Hands `payload`, which is encoded, to `id`.
    #[must_use]
    pub fn new(id: WorkflowId, name: impl Into<String>, payload: Vec<u8>, at_ms: i64) -> Self {
        Self { id, name: name.into(), payload, at_ms }
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
into_op!(Admit, Begin, Advance, Defer, Resolve, Quarantine, Signal, Requeue, Amend, Discard, Suspect, Tidy);
