//! What start and shutdown tell.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use crate::component::Kind;
use crate::error::Error;
use crate::manifest::ManifestError;
use crate::reason::Wait;
use crate::store::StoreError;

use super::control::ControlError;

/// What becomes of workflows at a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum StopMode {
    /// They run to their end.
    Drain,
    /// Each finishes the step it is at and stays stored at the next one. Without a store that keeps anything, it is
    /// the same as [`Drain`](Self::Drain), because nothing would be left of them.
    Park,
    /// They are dropped where they are; the interrupted steps run again on the next start.
    Now,
}

/// The phase of a component's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Phase {
    /// Its value was being made.
    Create,
    /// Its startup hook ran.
    Startup,
    /// Its background task ran.
    Run,
    /// Its shutdown hook ran.
    Shutdown,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Create => "create",
            Self::Startup => "startup",
            Self::Run => "run",
            Self::Shutdown => "shutdown",
        })
    }
}

/// A component failed: which, where in its life, after how long, and why.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ComponentFailure {
    /// Its kind.
    pub kind: Kind,
    /// Its name; for a pipeline its id, for a minion with a configuration of its own its name with that.
    pub name: String,
    /// What it was doing.
    pub phase: Phase,
    /// How long it had been doing that.
    #[serde(rename = "took_seconds", serialize_with = "seconds")]
    pub took: Duration,
    /// Why.
    #[serde(serialize_with = "chain")]
    pub error: Arc<Error>,
}

impl ComponentFailure {
    /// Whether it only tells that the component was called off because of something else.
    pub(super) fn is_consequence(&self) -> bool {
        self.error.as_std().is::<CalledOff>()
    }
}

/// Nobody needs the component any more that is being started.
#[derive(Debug, thiserror::Error)]
#[error("it was called off")]
pub(super) struct CalledOff;

impl fmt::Display for ComponentFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} `{}` failed in {}: {:#}", self.kind, self.name, self.phase, self.error)
    }
}

/// What one component did in one phase of a start or a stop.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct PhaseReport {
    /// The component's kind.
    pub kind: Kind,
    /// Its name, as in [`ComponentFailure::name`].
    pub name: String,
    /// The phase.
    pub phase: Phase,
    /// How long it took.
    #[serde(rename = "took_seconds", serialize_with = "seconds")]
    pub took: Duration,
    /// Why it failed, if it did.
    #[serde(serialize_with = "some_chain")]
    pub error: Option<Arc<Error>>,
}

fn seconds<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(duration.as_secs_f64())
}

fn chain<S: Serializer>(error: &Error, to: S) -> Result<S::Ok, S::Error> {
    error.chain().serialize(to)
}

fn some_chain<S: Serializer>(error: &Option<Arc<Error>>, to: S) -> Result<S::Ok, S::Error> {
    error.as_ref().map(|error| error.chain()).serialize(to)
}

/// How a start went.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct StartReport {
    /// The ids of the orchestrations that run now because of it.
    pub orchestrations: Vec<String>,
    /// How long it took.
    #[serde(rename = "took_seconds", serialize_with = "seconds")]
    pub took: Duration,
    /// What was made and started up for it, in the order in which that ended; components that ran already are not in it.
    pub phases: Vec<PhaseReport>,
}

/// How the stop of one orchestration went.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct StopReport {
    /// Its id.
    pub orchestration: String,
    /// What became of its workflows.
    pub mode: StopMode,
    /// How long it took.
    #[serde(rename = "took_seconds", serialize_with = "seconds")]
    pub took: Duration,
    /// How many workflows stay stored at a step and go on with the next start.
    pub parked: u64,
    /// How many workflows had to be dropped in the middle of a step, because the deadline passed or the mode said so.
    pub interrupted: u64,
    /// What was shut down with it, in the order in which that ended; shared components that others use are not in it.
    pub phases: Vec<PhaseReport>,
    /// Whether everything that was to be kept is kept.
    pub durability: Durability,
}

/// Whether everything that was to be kept at a stop is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "state", content = "why")]
#[non_exhaustive]
pub enum Durability {
    /// Every unfinished workflow is stored.
    Intact,
    /// The program has no store that keeps anything; unfinished workflows are gone.
    Nothing,
    /// The store failed: what was written last may be missing, and then a finished step runs again.
    Doubtful(String),
}

impl Durability {
    pub(super) fn is_doubtful(&self) -> bool {
        matches!(self, Self::Doubtful(_))
    }
}

impl StopReport {
    /// Whether everything ended in order, within the deadline and with its state kept.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let in_time = self.interrupted == 0 || self.mode == StopMode::Now;
        in_time && self.phases.iter().all(|phase| phase.error.is_none()) && !self.durability.is_doubtful()
    }
}

/// A start failed; nothing of it is left running.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// It is not right; nothing was tried.
    Manifest(ManifestError),
    /// The running program refuses it; nothing was tried.
    Refused(ControlError),
    /// The process has no room for it; nothing was tried. It may be tried again when the reason does not hold any more.
    HeldBack(Wait),
    /// Its store could not be taken or read.
    Store(StoreError),
    /// A component failed; `cleanup` has what failed while the others were stopped again.
    Component {
        /// The first failure.
        failure: ComponentFailure,
        /// What failed afterwards.
        cleanup: Vec<ComponentFailure>,
    },
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manifest(error) => error.fmt(f),
            Self::Refused(error) => error.fmt(f),
            Self::HeldBack(wait) => write!(f, "nothing is started at this moment: {}", wait.reason),
            Self::Store(error) => {
                f.write_str("the state cannot be used")?;
                crate::error::error_chain(error).iter().try_for_each(|cause| write!(f, ": {cause}"))
            }
            Self::Component { failure, cleanup } => {
                failure.fmt(f)?;
                cleanup.iter().try_for_each(|failure| write!(f, "\n  while stopping the others, {failure}"))
            }
        }
    }
}

impl std::error::Error for StartError {}

impl From<ManifestError> for StartError {
    fn from(error: ManifestError) -> Self {
        Self::Manifest(error)
    }
}

/// How a running program came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finished {
    /// Every source that keeps the process alive has ended, and so have its workflows.
    Done,
    /// A component was lost, and with it the program.
    Failed(String),
    /// Somebody else shut it down.
    Stopped,
}

/// How a shutdown went.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// What became of workflows.
    pub mode: StopMode,
    /// How long it took.
    #[serde(rename = "took_seconds", serialize_with = "seconds")]
    pub took: Duration,
    /// How many workflows stay stored at a step and go on with the next start.
    pub parked: u64,
    /// How many workflows had to be dropped in the middle of a step, because the deadline passed or the mode said so.
    pub interrupted: u64,
    /// How many workflows are in quarantine.
    pub quarantined: u64,
    /// What was shut down, in the order in which that ended.
    pub phases: Vec<PhaseReport>,
    /// What failed on the way, and what had failed before while nobody asked.
    pub failures: Vec<ComponentFailure>,
    /// Whether everything that was to be kept is kept.
    pub durability: Durability,
}

impl ShutdownReport {
    /// Whether everything ended in order, within the deadline and with its state kept.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let in_time = self.interrupted == 0 || self.mode == StopMode::Now;
        in_time && self.failures.is_empty() && !self.durability.is_doubtful()
    }
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stopped in {:.1?}: {} workflows parked", self.took, self.parked)?;
        if self.interrupted > 0 {
            write!(f, ", {} interrupted", self.interrupted)?;
        }
        if self.quarantined > 0 {
            write!(f, ", {} in quarantine", self.quarantined)?;
        }
        self.failures.iter().try_for_each(|failure| write!(f, "\n  {failure}"))?;
        if let Durability::Doubtful(why) = &self.durability {
            write!(f, "\n  the store: {why}")?;
        }
        Ok(())
    }
}
