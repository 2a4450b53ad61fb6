//! What a store gives back.

use std::fmt;

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
}

impl Status {
    /// The word for it in logs, reports and labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Quarantined => "quarantined",
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
    /// Whether the step panicked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub panicked: bool,
}

impl StepFailure {
    /// How many failures a workflow keeps; older ones are forgotten.
    pub const KEPT: usize = 8;

    /// Describes the failed `attempt` at `step`.
    #[must_use]
    pub fn new(step: impl Into<String>, attempt: u32, at_ms: i64, error: Vec<String>) -> Self {
        Self { step: step.into(), attempt, at_ms, error, panicked: false }
    }

    /// Says that it was a panic.
    #[must_use]
    pub fn panicked(mut self) -> Self {
        self.panicked = true;
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
