//! What start and shutdown tell.

use std::fmt;
use std::time::Duration;

use crate::component::Kind;
use crate::error::Error;
use crate::manifest::ManifestError;
use crate::store::StoreError;

/// What becomes of workflows at shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// The phase in which a component failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// A component failed: which, where in its life, and why.
#[derive(Debug)]
#[non_exhaustive]
pub struct ComponentFailure {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// What it was doing.
    pub phase: Phase,
    /// Why.
    pub error: Error,
}

impl fmt::Display for ComponentFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} `{}` failed in {}: {:#}", self.kind, self.name, self.phase, self.error)
    }
}

/// A program could not start; nothing of it is left running.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// It is not right; nothing was tried.
    Manifest(ManifestError),
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
#[derive(Debug)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// How long it took.
    pub took: Duration,
    /// How many workflows stay stored at a step and go on with the next start.
    pub parked: u64,
    /// How many workflows had to be dropped in the middle of a step, because the deadline passed or the mode said so.
    pub interrupted: u64,
    /// How many workflows are in quarantine.
    pub quarantined: u64,
    /// What failed on the way.
    pub failures: Vec<ComponentFailure>,
    /// What the store said when it was closed.
    pub store: Result<(), StoreError>,
}

impl ShutdownReport {
    /// Whether everything ended in order, within the deadline and with its state kept.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.failures.is_empty() && self.interrupted == 0 && self.store.is_ok()
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
        if let Err(error) = &self.store {
            write!(f, "\n  the store: {error}")?;
        }
        Ok(())
    }
}
