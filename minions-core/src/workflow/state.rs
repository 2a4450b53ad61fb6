//! Where a stored workflow is, and what it waits for.

use serde::{Deserialize, Serialize};

use crate::store::{Status, StoredWorkflow};

/// Where a stored workflow is and what it waits for: the same words for whoever asks.
///
/// Times are milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum WorkflowState {
    /// It is awake: its step runs, or waits for its turn.
    Running,
    /// It was awake when its orchestration ended, or waits for a place: it goes on as soon as there is one.
    Unfinished,
    /// It sleeps.
    Sleeping {
        /// Until when.
        until_ms: i64,
    },
    /// It waits for a signal.
    Waiting {
        /// The name of the signal.
        signal: String,
        /// Until when it waits at most.
        until_ms: Option<i64>,
    },
    /// Its last attempt failed, or was too early, and there will be another one.
    PutOff {
        /// When.
        until_ms: i64,
        /// How many attempts have failed.
        failed: u32,
        /// How many there are in all, where the program is known.
        of: Option<u32>,
    },
    /// It wakes as soon as its orchestration has a place for it.
    Due {
        /// Since when.
        since_ms: i64,
    },
    /// It failed for good and waits for an operator.
    Quarantined {
        /// Since when it is as it is.
        since_ms: i64,
    },
}

impl WorkflowState {
    /// The state of the workflow that is stored as `row`, at `now_ms`; a step of it has so many `attempts` in all.
    #[must_use]
    pub fn of(row: &StoredWorkflow, awake: bool, attempts: Option<u32>, now_ms: i64) -> Self {
        if row.status == Status::Quarantined {
            return Self::Quarantined { since_ms: row.updated_ms };
        }
        if awake {
            return Self::Running;
        }
        let Some(until_ms) = row.wake_ms else { return Self::Unfinished };
        if until_ms <= now_ms {
            return Self::Due { since_ms: until_ms };
        }
        if let (Some(signal), None) = (&row.signal, &row.payload) {
            let until_ms = Some(until_ms).filter(|until| *until < i64::MAX);
            return Self::Waiting { signal: signal.clone(), until_ms };
        }
        // What puts a step off is written together with the reason.
        match row.failures.last() {
            Some(failure) if failure.at_ms == row.updated_ms => {
                Self::PutOff { until_ms, failed: row.attempt, of: attempts }
            }
            _ => Self::Sleeping { until_ms },
        }
    }

    /// The word for it in lists and for scripts.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Unfinished => "unfinished",
            Self::Sleeping { .. } => "sleeping",
            Self::Waiting { .. } => "waiting",
            Self::PutOff { .. } => "put off",
            Self::Due { .. } => "due",
            Self::Quarantined { .. } => "quarantined",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StepFailure;
    use crate::workflow::WorkflowIds;

    fn row() -> StoredWorkflow {
        let mut row = StoredWorkflow::new(WorkflowIds::after(None).next(), "a/b", "second");
        row.updated_ms = 100;
        row
    }

    fn of(row: &StoredWorkflow) -> WorkflowState {
        WorkflowState::of(row, false, Some(5), 1_000)
    }

    #[test]
    fn a_row_says_where_its_workflow_is() {
        let mut it = row();
        assert_eq!(of(&it), WorkflowState::Unfinished);
        assert_eq!(WorkflowState::of(&it, true, None, 1_000), WorkflowState::Running);
        it.wake_ms = Some(2_000);
        assert_eq!(of(&it), WorkflowState::Sleeping { until_ms: 2_000 });
        it.failures.push(StepFailure::new("first", 1, 99, vec!["no".into()]));
        assert_eq!(of(&it), WorkflowState::Sleeping { until_ms: 2_000 }, "that failure is an older one");
        it.failures.push(StepFailure::new("second", 2, 100, vec!["no".into()]));
        it.attempt = 2;
        assert_eq!(of(&it), WorkflowState::PutOff { until_ms: 2_000, failed: 2, of: Some(5) });
        it.signal = Some("approval".into());
        assert_eq!(of(&it), WorkflowState::Waiting { signal: "approval".into(), until_ms: Some(2_000) });
        it.wake_ms = Some(i64::MAX);
        assert_eq!(of(&it), WorkflowState::Waiting { signal: "approval".into(), until_ms: None });
        it.wake_ms = Some(1_000);
        assert_eq!(of(&it), WorkflowState::Due { since_ms: 1_000 });
        it.status = Status::Quarantined;
        assert_eq!(of(&it), WorkflowState::Quarantined { since_ms: 100 });
    }
}
