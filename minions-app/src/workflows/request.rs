//! What is asked about stored workflows, over the socket of a running program or of the file of a stopped one.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use minions_core::store::{FieldIs, Filter, Status};
use minions_core::workflow::WorkflowId;

/// One request; an `id` is a whole one, or as much of its end as is unique.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Request {
    List { query: Query, after: Option<WorkflowId> },
    Show { id: String },
    Retry { id: String },
    Goto { id: String, step: String },
    Edit { id: String, context: Value },
    Drop { id: String },
    Signal { id: String, name: String, payload: Value },
    History { orchestration: Option<String>, limit: usize },
}

/// Which workflows are listed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Query {
    pub(super) orchestration: Option<String>,
    pub(super) minion: Option<String>,
    pub(super) step: Option<String>,
    pub(super) lane: Option<String>,
    /// A path in the event, and the value there.
    pub(super) event: Option<(String, String)>,
    pub(super) status: StatusChoice,
}

/// Which statuses are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum StatusChoice {
    /// Set aside after a failure
    #[default]
    Quarantined,
    /// Awake, or to go on with the next start
    Running,
    /// Asleep, waiting, put off, or due
    Sleeping,
    /// Waiting for their turn in a lane
    Waiting,
    /// All of them
    All,
}

impl Query {
    pub(super) fn filter(&self) -> Filter {
        let mut filter = Filter::all();
        filter.orchestration.clone_from(&self.orchestration);
        filter.step.clone_from(&self.step);
        filter.lane.clone_from(&self.lane);
        filter.event = self.event.as_ref().map(|(path, value)| FieldIs::new(path, value.clone()));
        match self.status {
            StatusChoice::Quarantined => filter.status(Status::Quarantined),
            StatusChoice::Running => filter.status(Status::Running).rests(false),
            StatusChoice::Sleeping => filter.status(Status::Running).rests(true),
            StatusChoice::Waiting => filter.status(Status::Waiting),
            StatusChoice::All => filter,
        }
    }
}
