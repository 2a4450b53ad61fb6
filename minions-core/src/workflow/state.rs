//! Where a stored workflow is, and what it waits for.

use serde::{Deserialize, Serialize};

use crate::reason::{Reason, Wait};
use crate::store::{Status, StoredWorkflow};

/// Where a stored workflow is and what it waits for, in the words of a [`Reason`].
///
/// Times are milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum WorkflowState {
    /// It is awake: its step runs.
    Running {
        /// What it is doing at this moment, where that is known.
        doing: Option<Wait>,
    },
    /// It does not go on at this moment.
    Waiting(Wait),
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
            return Self::Running { doing: None };
        }
        if let (Status::Waiting, Some(lane)) = (row.status, &row.lane)
            && row.wake_ms.is_none_or(|due_ms| due_ms <= now_ms)
        {
            let reason = Reason::Lane { lane: lane.as_str().into(), ahead: 0 };
            return Self::Waiting(Wait::new(reason, row.wake_ms.unwrap_or(row.updated_ms)));
        }
        let (reason, since_ms) = match row.wake_ms {
            // It was awake when its orchestration ended.
            None => (Reason::Place, row.updated_ms),
            Some(due_ms) if due_ms <= now_ms => (Reason::Place, due_ms),
            Some(until_ms) => (rests(row, until_ms, attempts), row.updated_ms),
        };
        Self::Waiting(Wait::new(reason, since_ms))
    }

    /// The word for it in lists and for scripts.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Running { .. } => "running",
            Self::Waiting(wait) => wait.reason.as_str(),
            Self::Quarantined { .. } => "quarantined",
        }
    }

    /// Why it does not go on, or what its step is doing.
    #[must_use]
    pub const fn wait(&self) -> Option<&Wait> {
        match self {
            Self::Running { doing } => doing.as_ref(),
            Self::Waiting(wait) => Some(wait),
            Self::Quarantined { .. } => None,
        }
    }
}

/// Why a row rests until a time that is still to come.
fn rests(row: &StoredWorkflow, until_ms: i64, attempts: Option<u32>) -> Reason {
    if let (Some(signal), None) = (&row.signal, &row.payload) {
        let until_ms = Some(until_ms).filter(|until| *until < i64::MAX);
        return Reason::Signal { signal: signal.as_str().into(), until_ms };
    }
    // What puts a step off is written together with the reason.
    match row.failures.last() {
        Some(failure) if failure.at_ms == row.updated_ms => {
            Reason::PutOff { until_ms, failed: row.attempt, of: attempts }
        }
        _ => Reason::Sleep { until_ms },
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

    fn waits(reason: Reason, since_ms: i64) -> WorkflowState {
        WorkflowState::Waiting(Wait::new(reason, since_ms))
    }

    #[test]
    fn a_row_says_where_its_workflow_is() {
        let mut it = row();
        assert_eq!(of(&it), waits(Reason::Place, 100));
        assert_eq!(WorkflowState::of(&it, true, None, 1_000), WorkflowState::Running { doing: None });
        it.wake_ms = Some(2_000);
        assert_eq!(of(&it), waits(Reason::Sleep { until_ms: 2_000 }, 100));
        it.failures.push(StepFailure::new("first", 1, 99, vec!["no".into()]));
        assert_eq!(of(&it), waits(Reason::Sleep { until_ms: 2_000 }, 100), "that failure is an older one");
        it.failures.push(StepFailure::new("second", 2, 100, vec!["no".into()]));
        it.attempt = 2;
        assert_eq!(of(&it), waits(Reason::PutOff { until_ms: 2_000, failed: 2, of: Some(5) }, 100));
        it.signal = Some("approval".into());
        assert_eq!(of(&it), waits(Reason::Signal { signal: "approval".into(), until_ms: Some(2_000) }, 100));
        it.wake_ms = Some(i64::MAX);
        assert_eq!(of(&it), waits(Reason::Signal { signal: "approval".into(), until_ms: None }, 100));
        it.wake_ms = Some(1_000);
        assert_eq!(of(&it), waits(Reason::Place, 1_000), "it has been due since then");
        it.status = Status::Quarantined;
        assert_eq!(of(&it), WorkflowState::Quarantined { since_ms: 100 });
    }

    #[test]
    fn a_state_is_one_flat_object_for_scripts_and_survives_the_socket() {
        let signal = waits(Reason::Signal { signal: "approval".into(), until_ms: None }, 17);
        let doing = Some(Wait::new(Reason::Call { call: "http.get".into() }, 18));
        for state in [signal, WorkflowState::Running { doing }, WorkflowState::Quarantined { since_ms: 19 }] {
            let json = serde_json::to_value(&state).unwrap();
            assert_eq!(serde_json::from_value::<WorkflowState>(json.clone()).unwrap(), state, "{json}");
            if let WorkflowState::Waiting(_) = state {
                assert_eq!((&json["state"], &json["reason"]), (&"waiting".into(), &"signal".into()));
            }
        }
    }
}
