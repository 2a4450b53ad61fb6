//! What a client reads of an answer, so that it can tell a person.
//!
//! Words that the program uses are kept as they are: a newer program may have more of them.

use serde::Deserialize;
use serde_json::Value;

use crate::fate::Kept;

/// The answer to `ps`.
#[derive(Deserialize)]
pub(super) struct Status {
    pub(super) program: String,
    pub(super) pid: u32,
    pub(super) phase: String,
    pub(super) started_ms: u64,
    pub(super) orchestrations: Vec<Orchestration>,
    pub(super) pipelines: Vec<Pipeline>,
    pub(super) resources: Vec<Resource>,
    pub(super) troubles: Vec<Trouble>,
}

#[derive(Deserialize)]
pub(super) struct Orchestration {
    pub(super) id: String,
    pub(super) state: String,
    pub(super) since_ms: u64,
    pub(super) in_flight: u64,
    pub(super) max_in_flight: u64,
    pub(super) restarts: u64,
    pub(super) unhealthy: Option<String>,
    pub(super) cause: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Pipeline {
    pub(super) id: String,
    pub(super) state: String,
    pub(super) since_ms: u64,
    /// As they come: a newer program may have reasons that are not known here.
    pub(super) waits_for: Vec<Value>,
    pub(super) produced: u64,
    pub(super) last_event_ms: Option<u64>,
    pub(super) failures: u64,
    pub(super) restarts: u64,
    pub(super) cause: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Resource {
    pub(super) name: String,
    pub(super) state: String,
    pub(super) since_ms: u64,
    pub(super) used_by: Vec<String>,
    pub(super) restarts: u64,
    pub(super) unhealthy: Option<String>,
    pub(super) cause: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Trouble {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) what: String,
}

/// The answer to `start`.
#[derive(Deserialize)]
pub(super) struct Started {
    pub(super) orchestrations: Vec<String>,
    pub(super) took_seconds: f64,
    pub(super) phases: Vec<Phase>,
}

/// The answer to `stop`, and to `shutdown`, which is about no orchestration.
#[derive(Deserialize)]
pub(super) struct Stopped {
    #[serde(default)]
    pub(super) orchestration: Option<String>,
    pub(super) took_seconds: f64,
    pub(super) parked: u64,
    pub(super) interrupted: u64,
    #[serde(default)]
    pub(super) quarantined: u64,
    pub(super) phases: Vec<Phase>,
    /// What failed on the way of a shutdown, and before while nobody asked.
    #[serde(default)]
    pub(super) failures: Vec<Phase>,
    pub(super) durability: Kept,
    pub(super) clean: bool,
}

/// What one component did in one phase.
#[derive(Deserialize, PartialEq)]
pub(super) struct Phase {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) phase: String,
    pub(super) took_seconds: f64,
    pub(super) error: Option<Vec<String>>,
}
