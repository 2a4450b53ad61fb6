//! What a store gives back.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::workflow::WorkflowId;

/// One workflow as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredWorkflow {
    /// Its identity.
    pub id: WorkflowId,
    /// The orchestration that it belongs to.
    pub orchestration: String,
    /// Whether it goes on by itself.
    pub status: Status,
    /// The stable name of the step that is next.
    pub step: String,
    /// The hash of the list of steps that the row was written under.
    pub steps_hash: u64,
    /// How many checkpoints it has had; creation is number 0.
    pub seq: u32,
    /// The number of the last failed attempt at this step; 0 before the first.
    pub attempt: u32,
    /// How often it was changed by the runtime: what moves it on says which revision it makes.
    pub revision: u32,
    /// The version of the minion's types that it was written by.
    pub version: u32,
    /// Until when it sleeps, or since when it is due, in milliseconds since the Unix epoch; `i64::MAX` if only a signal
    /// ends its wait. Nothing for one that was awake, or is in quarantine.
    pub wake_ms: Option<i64>,
    /// The key of its lane, if it has one.
    pub lane: Option<String>,
    /// The signal that it waits for, or has waited for before this step.
    pub signal: Option<String>,
    /// What that signal says, if it has come.
    pub payload: Option<Vec<u8>>,
    /// How many processes in a row died while it was at this revision, as far as that was recorded.
    pub deaths: u32,
    /// The encoded event.
    pub event: Vec<u8>,
    /// The encoded context from before the step.
    pub context: Vec<u8>,
    /// The last errors, oldest first.
    pub failures: Vec<StepFailure>,
    /// When it was admitted, in milliseconds since the Unix epoch.
    pub created_ms: i64,
    /// When it was last changed, in milliseconds since the Unix epoch.
    pub updated_ms: i64,
    /// What is wrong with the row itself, if anything is: such a workflow is set aside and never runs.
    pub damage: Option<String>,
}

impl StoredWorkflow {
    /// A running workflow before its first step, for a store to fill in.
    #[must_use]
    pub fn new(id: WorkflowId, orchestration: impl Into<String>, step: impl Into<String>) -> Self {
        Self {
            id,
            orchestration: orchestration.into(),
            status: Status::Running,
            step: step.into(),
            steps_hash: 0,
            seq: 0,
            attempt: 0,
            revision: 0,
            version: 0,
            wake_ms: None,
            lane: None,
            signal: None,
            payload: None,
            deaths: 0,
            event: Vec::new(),
            context: Vec::new(),
            failures: Vec::new(),
            created_ms: 0,
            updated_ms: 0,
            damage: None,
        }
    }
}

/// Whether a stored workflow goes on by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// It runs, or will when its orchestration does.
    Running,
    /// It failed for good and waits for an operator.
    Quarantined,
    /// It waits for its turn in its lane.
    Waiting,
}

impl Status {
    /// The word for it in logs, reports and labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Quarantined => "quarantined",
            Self::Waiting => "waiting",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One failed attempt at a step, as it is kept with its workflow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StepFailure {
    /// The step that failed.
    pub step: String,
    /// Which attempt at it, from 1.
    pub attempt: u32,
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// The error and its causes, outermost first.
    pub error: Vec<String>,
    /// What kind of failure it was.
    #[serde(default, skip_serializing_if = "FailureKind::is_error")]
    pub kind: FailureKind,
}

/// What kind of failure a step came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FailureKind {
    /// It returned an error.
    #[default]
    Error,
    /// It panicked.
    Panic,
    /// It took longer than its timeout.
    Timeout,
    /// It aborted the workflow.
    Abort,
    /// The process died while nothing else ran.
    Death,
}

impl FailureKind {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    fn is_error(&self) -> bool {
        *self == Self::Error
    }
}

impl StepFailure {
    /// How many failures a workflow keeps; older ones are forgotten.
    pub const KEPT: usize = 8;

    /// Describes the failed `attempt` at `step`.
    #[must_use]
    pub fn new(step: impl Into<String>, attempt: u32, at_ms: i64, error: Vec<String>) -> Self {
        Self { step: step.into(), attempt, at_ms, error, kind: FailureKind::Error }
    }

    /// Says what kind of failure it was.
    #[must_use]
    pub fn of_kind(mut self, kind: FailureKind) -> Self {
        self.kind = kind;
        self
    }
}

/// Which workflows a scan answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Filter {
    /// Only this one.
    pub only: Option<WorkflowId>,
    /// Only those of this orchestration.
    pub orchestration: Option<String>,
    /// Only those of this status.
    pub status: Option<Status>,
    /// Only those with a greater [key](WorkflowId::key).
    pub after: Option<WorkflowId>,
    /// Only those with this key or a smaller one.
    pub up_to: Option<WorkflowId>,
    /// Only those that rest, which is to sleep, to wait or to be due; or only those that do not.
    pub rests: Option<bool>,
    /// Only those of the lane of this key.
    pub lane: Option<String>,
    /// Only those at the step of this stable name.
    pub step: Option<String>,
    /// Only those whose event has this value.
    pub event: Option<FieldIs>,
    /// Only those that so many processes in a row, or more, died with at their present revision.
    pub deaths: Option<u32>,
}

/// One field of an encoded event, and the value that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldIs {
    /// The names on the way to the field, outermost first; a number means that element of a list.
    pub path: Vec<String>,
    /// The value as text: a string without its quotes, anything else as JSON writes it.
    pub value: String,
}

impl FieldIs {
    /// The field at a path written with dots, such as `page.url` or `tags.0`.
    #[must_use]
    pub fn new(path: &str, value: impl Into<String>) -> Self {
        Self { path: path.split('.').map(str::to_owned).collect(), value: value.into() }
    }

    /// Whether the encoded `event` has the value there; one that cannot be decoded has not.
    #[must_use]
    pub fn matches(&self, event: &[u8]) -> bool {
        let Ok(event) = serde_json::from_slice::<serde_json::Value>(event) else { return false };
        let found = self.path.iter().try_fold(&event, |value, name| match value {
            serde_json::Value::Array(list) => list.get(name.parse::<usize>().ok()?),
            value => value.get(name),
        });
        match found {
            Some(serde_json::Value::String(text)) => *text == self.value,
            Some(other) => {
                let text = other.to_string();
                text == self.value
            }
            None => false,
        }
    }
}

impl Filter {
    /// Every workflow.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Only the workflow `id`.
    #[must_use]
    pub fn only(id: WorkflowId) -> Self {
        Self { only: Some(id), ..Self::default() }
    }

    /// Only those of `orchestration`.
    #[must_use]
    pub fn orchestration(mut self, orchestration: impl Into<String>) -> Self {
        self.orchestration = Some(orchestration.into());
        self
    }

    /// Only those in `status`.
    #[must_use]
    pub fn status(mut self, status: Status) -> Self {
        self.status = Some(status);
        self
    }

    /// Only those with an identity above `id`.
    #[must_use]
    pub fn after(mut self, id: WorkflowId) -> Self {
        self.after = Some(id);
        self
    }

    /// Only those that rest, or only those that do not.
    #[must_use]
    pub fn rests(mut self, rests: bool) -> Self {
        self.rests = Some(rests);
        self
    }

    /// Only those of the lane of this key.
    #[must_use]
    pub fn lane(mut self, lane: impl Into<String>) -> Self {
        self.lane = Some(lane.into());
        self
    }

    /// Only those at the step of this stable name.
    #[must_use]
    pub fn step(mut self, step: impl Into<String>) -> Self {
        self.step = Some(step.into());
        self
    }

    /// Only those whose event has this value.
    #[must_use]
    pub fn event(mut self, field: FieldIs) -> Self {
        self.event = Some(field);
        self
    }

    /// Only those that so many processes in a row, or more, died with.
    #[must_use]
    pub fn deaths(mut self, deaths: u32) -> Self {
        self.deaths = Some(deaths);
        self
    }

    /// Only those with an identity up to `id`, itself included.
    #[must_use]
    pub fn up_to(mut self, id: WorkflowId) -> Self {
        self.up_to = Some(id);
        self
    }
}

/// How many workflows of one orchestration are in one status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusCount {
    /// The orchestration.
    pub orchestration: String,
    /// The status.
    pub status: Status,
    /// How many.
    pub count: u64,
}

/// Which resting workflows are read: those that are due, in the order in which they are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Due {
    /// The orchestration.
    pub orchestration: Arc<str>,
    /// Only those after this place in the order: by the time at which they wake, then by identity.
    pub after: DuePlace,
    /// Only those that wake at this time or before, in milliseconds since the Unix epoch.
    pub until_ms: i64,
}

/// A place in the order in which workflows wake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DuePlace {
    /// The time, in milliseconds since the Unix epoch.
    pub wake_ms: i64,
    /// The [key](WorkflowId::key) of a workflow that wakes then.
    pub key: i64,
}

impl DuePlace {
    /// Before everything.
    pub const START: Self = Self { wake_ms: i64::MIN, key: i64::MIN };

    /// Before everything that wakes at `wake_ms` or later.
    #[must_use]
    pub const fn before(wake_ms: i64) -> Self {
        Self { wake_ms, key: i64::MIN }
    }
}

impl Due {
    /// Everything of `orchestration` that wakes until `until_ms`, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn until(orchestration: Arc<str>, until_ms: i64) -> Self {
        Self { orchestration, after: DuePlace::START, until_ms }
    }

    /// Only what comes after this place.
    #[must_use]
    pub fn after(mut self, place: DuePlace) -> Self {
        self.after = place;
        self
    }
}

/// Which members of the lanes of an orchestration are read.
///
/// Their order is that of the keys of their lanes, by bytes; in a lane first those that run, then those in quarantine, then
/// those that wait; among these by identity.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InLanes {
    /// The orchestration.
    pub orchestration: Arc<str>,
    /// Only those of this lane.
    pub lane: Option<Arc<str>>,
    /// Only those of lanes whose keys come after this one.
    pub after: Option<Arc<str>>,
    /// Of those that wait only what has a smaller [key](WorkflowId::key) than this one.
    pub before: Option<WorkflowId>,
    /// Of those that wait only what is due at this time, in milliseconds since the Unix epoch.
    pub until_ms: i64,
}

impl InLanes {
    /// All lanes of `orchestration`, with what is due at `until_ms`.
    #[must_use]
    pub fn of(orchestration: Arc<str>, until_ms: i64) -> Self {
        Self { orchestration, lane: None, after: None, before: None, until_ms }
    }

    /// Only the lane of this key.
    #[must_use]
    pub fn lane(mut self, lane: Arc<str>) -> Self {
        self.lane = Some(lane);
        self
    }

    /// Only lanes after the one of this key.
    #[must_use]
    pub fn after(mut self, lane: Arc<str>) -> Self {
        self.after = Some(lane);
        self
    }

    /// Of those that wait only what is before `id`.
    #[must_use]
    pub fn before(mut self, id: WorkflowId) -> Self {
        self.before = Some(id);
        self
    }
}

/// One of those that are in a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LaneMember {
    /// The key of the lane.
    pub lane: String,
    /// Its identity.
    pub id: WorkflowId,
    /// Whether it has had its turn.
    pub status: Status,
}

impl LaneMember {
    /// The workflow `id` in `lane`.
    #[must_use]
    pub fn new(lane: impl Into<String>, id: WorkflowId, status: Status) -> Self {
        Self { lane: lane.into(), id, status }
    }
}

/// Where a source is, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredCursor {
    /// Which part of the source; empty for one that has no parts.
    pub partition: String,
    /// How many events of it were admitted.
    pub count: u64,
    /// The encoded position after the last of them.
    pub position: Vec<u8>,
}

impl StoredCursor {
    /// The position after `count` events of `partition`.
    #[must_use]
    pub fn new(partition: impl Into<String>, count: u64, position: Vec<u8>) -> Self {
        Self { partition: partition.into(), count, position }
    }
}

/// A workflow that has ended, as a history keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ended {
    /// Its identity.
    pub id: WorkflowId,
    /// The orchestration that it belonged to.
    pub orchestration: Arc<str>,
    /// How it ended.
    pub outcome: Outcome,
    /// The step that it ended with, by its stable name.
    pub step: String,
    /// How many checkpoints it had.
    pub seq: u32,
    /// How often it was changed: checkpoints, attempts that were tried again, and polls.
    pub revision: u32,
    /// When it was admitted, in milliseconds since the Unix epoch.
    pub created_ms: i64,
    /// When it ended, in milliseconds since the Unix epoch.
    pub ended_ms: i64,
    /// The last errors, oldest first.
    pub failures: Vec<StepFailure>,
}

impl Ended {
    /// One that has succeeded, for a store to fill in.
    #[must_use]
    pub fn new(id: WorkflowId, orchestration: impl Into<Arc<str>>) -> Self {
        Self {
            id,
            orchestration: orchestration.into(),
            outcome: Outcome::Succeeded,
            step: String::new(),
            seq: 0,
            revision: 0,
            created_ms: 0,
            ended_ms: 0,
            failures: Vec::new(),
        }
    }
}

/// How a workflow ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// It came to its end.
    Succeeded,
    /// A step aborted it.
    Aborted,
    /// It failed, and its `on_failure` step has dealt with that.
    Failed,
}

impl Outcome {
    /// The word for it in logs, reports and labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Aborted => "aborted",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
