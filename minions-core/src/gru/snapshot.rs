//! What runs, at one moment.

use serde::Serialize;

use crate::component::Kind;
use crate::reason::Wait;
use crate::telemetry::{EventLedger, WorkflowLedger};
use crate::workflow::{BootReport, UnknownOrchestration};

/// Everything that a program consists of at one moment: exactly what runs, nothing that does not.
///
/// Times are milliseconds since the Unix epoch. Each ledger is exact by itself; they are read one after the other.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Snapshot {
    /// Whether it runs or is on its way down.
    pub phase: RuntimePhase,
    /// Since when it runs.
    pub started_ms: u64,
    /// The orchestrations, by id: those that run, and those that have been stopped, have ended or are lost.
    pub orchestrations: Vec<OrchestrationStatus>,
    /// The live pipelines, by id.
    pub pipelines: Vec<PipelineStatus>,
    /// The live resources, by name.
    pub resources: Vec<ResourceStatus>,
    /// How many workflows wait for a store that fails.
    pub blocked: u64,
    /// What was stored, when the program started, of orchestrations that are not part of it.
    pub unknown: Vec<UnknownOrchestration>,
}

/// Where a program is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum RuntimePhase {
    /// Its declared orchestrations are being started.
    Starting,
    /// It takes orders.
    Running,
    /// It is shutting down and refuses every order.
    Stopping,
    /// It is down.
    Stopped,
}

/// Where an orchestration or a component is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum State {
    /// Being made and started up.
    Starting,
    /// Up.
    Running,
    /// It, or something that it needs, failed and is being started again.
    Restarting,
    /// On its way down.
    Stopping,
    /// Down because somebody stopped it.
    Stopped,
    /// Down because its source has ended and its workflows have too.
    Ended,
    /// Down because it, or something that it needs, failed for good.
    Lost,
}

/// One orchestration.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct OrchestrationStatus {
    /// Its id.
    pub id: String,
    /// The id of its pipeline.
    pub pipeline: String,
    /// The name of its minion.
    pub minion: &'static str,
    /// The identity of its own configuration, if it has one.
    pub config: Option<String>,
    /// Where it is in its life.
    pub state: State,
    /// Since when.
    pub since_ms: u64,
    /// How many workflows are awake.
    pub in_flight: usize,
    /// How many may be.
    pub max_in_flight: usize,
    /// How many are in quarantine.
    pub quarantined: u64,
    /// Why its pipeline may not take another event for it; empty if it may.
    pub holds_back: Vec<Wait>,
    /// What it found of earlier runs when it was started; nothing of one that does not run.
    pub boot: BootReport,
    /// What became of everything that came to it since the process started.
    pub ledger: WorkflowLedger,
    /// How often its minion has been started again.
    pub restarts: u32,
    /// What its minion says is wrong with it.
    pub unhealthy: Option<String>,
    /// Why it is not running: the last failure, with its causes.
    pub cause: Option<String>,
}

/// One live pipeline.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PipelineStatus {
    /// Its id: its name, and the identity of its configuration if it has one of its own.
    pub id: String,
    /// Where it is in its life.
    pub state: State,
    /// Since when.
    pub since_ms: u64,
    /// The orchestrations that it feeds.
    pub subscribers: Vec<String>,
    /// Whether somebody has paused it.
    pub paused: bool,
    /// Why it does not take its next event; empty if it may. Those of its orchestrations are those of
    /// [`OrchestrationStatus::holds_back`].
    pub waits_for: Vec<Wait>,
    /// How many events it has produced since it was started.
    pub produced: u64,
    /// What became of its events since the process started.
    pub ledger: EventLedger,
    /// When it produced the last one.
    pub last_event_ms: Option<u64>,
    /// How many calls of `next` have failed since the last one that did not.
    pub failures: u32,
    /// How often it has been started again.
    pub restarts: u32,
    /// The last failure, with its causes, as long as it lasts.
    pub cause: Option<String>,
}

/// One live resource.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ResourceStatus {
    /// Its name.
    pub name: &'static str,
    /// Where it is in its life.
    pub state: State,
    /// Since when.
    pub since_ms: u64,
    /// Who needs it: names of resources, ids of pipelines and orchestrations; each counts once.
    pub used_by: Vec<String>,
    /// How often it has been started again.
    pub restarts: u32,
    /// What it says is wrong with it.
    pub unhealthy: Option<String>,
    /// The last failure, with its causes, as long as it lasts.
    pub cause: Option<String>,
}

/// One reason why a program is not ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Trouble {
    /// What it is about: `resource`, `pipeline`, `minion`, or `runtime`.
    pub kind: &'static str,
    /// Which one.
    pub name: String,
    /// What is wrong.
    pub what: String,
}

/// After so many failed calls of `next` in a row a pipeline counts as unhealthy.
pub const UNHEALTHY_AFTER: u32 = 3;

impl Snapshot {
    /// Of a program that is down and forgotten.
    pub(super) fn gone() -> Self {
        Self {
            phase: RuntimePhase::Stopped,
            started_ms: 0,
            orchestrations: Vec::new(),
            pipelines: Vec::new(),
            resources: Vec::new(),
            blocked: 0,
            unknown: Vec::new(),
        }
    }

    /// Why the program is not ready: everything that is lost, restarting, unhealthy or blocked. Empty if it is ready.
    #[must_use]
    pub fn troubles(&self) -> Vec<Trouble> {
        let mut troubles = Vec::new();
        let mut add = |kind, name: &str, what: String| troubles.push(Trouble { kind, name: name.to_owned(), what });
        match self.phase {
            RuntimePhase::Running => {}
            RuntimePhase::Starting => add("runtime", "start", "the program is starting".to_owned()),
            RuntimePhase::Stopping => add("runtime", "stop", "the program is stopping".to_owned()),
            RuntimePhase::Stopped => add("runtime", "stop", "the program has stopped".to_owned()),
        }
        if self.blocked > 0 {
            add("runtime", "store", format!("{} workflows wait for a store that fails", self.blocked));
        }
        for resource in &self.resources {
            let told = told(resource.state, resource.cause.as_deref(), resource.unhealthy.as_deref());
            told.into_iter().for_each(|what| add(Kind::Resource.as_str(), resource.name, what));
        }
        for pipeline in &self.pipelines {
            let failing = pipeline.failures >= UNHEALTHY_AFTER;
            let unhealthy = failing.then(|| format!("its last {} calls of next failed", pipeline.failures));
            let told = told(pipeline.state, pipeline.cause.as_deref(), unhealthy.as_deref());
            told.into_iter().for_each(|what| add(Kind::Pipeline.as_str(), &pipeline.id, what));
        }
        for orchestration in &self.orchestrations {
            let told = told(orchestration.state, orchestration.cause.as_deref(), orchestration.unhealthy.as_deref());
            told.into_iter().for_each(|what| add(Kind::Minion.as_str(), &orchestration.id, what));
            for wait in orchestration.holds_back.iter().filter(|wait| !wait.reason.is_routine()) {
                add(Kind::Minion.as_str(), &orchestration.id, wait.reason.to_string());
            }
        }
        troubles
    }
}

fn told(state: State, cause: Option<&str>, unhealthy: Option<&str>) -> Option<String> {
    let because = |what: &str| cause.map_or_else(|| what.to_owned(), |cause| format!("{what}: {cause}"));
    match state {
        State::Lost => Some(because("lost")),
        State::Restarting => Some(because("restarting")),
        State::Starting => Some("starting".to_owned()),
        State::Running => unhealthy.map(|why| cause.map_or_else(|| why.to_owned(), |cause| format!("{why}: {cause}"))),
        State::Stopping | State::Stopped | State::Ended => None,
    }
}
