//! [`Control`]: orders to a running program.

use std::fmt;
use std::sync::Arc;

use super::report::{ShutdownReport, StartError, StartReport, StopMode, StopReport};
use super::request::StartRequest;
use super::snapshot::Snapshot;

/// A handle on a running program, to start, stop, pause and resume parts of it, and to look at it.
///
/// Clones are the same program. It does not keep the program alive: once that has been dropped, every order is refused.
#[derive(Clone, Debug)]
pub struct Control {}

impl Control {
    /// Starts one orchestration, or one for each file of a pattern: all or none. Answers when its pipeline produces.
    ///
    /// # Errors
    ///
    /// What is wrong with it, or the first thing that failed; everything is as before then.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes the start back.
    pub async fn start(&self, what: impl Into<StartRequest>) -> Result<StartReport, StartError> {
        let _ = what.into();
        todo!()
    }

    /// Stops one orchestration. Afterwards it is gone, whatever its components did; the report says what they did.
    ///
    /// # Errors
    ///
    /// When there is none of that id, or the program is shutting down.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not take the stop back.
    pub async fn stop(&self, id: &str, mode: StopMode) -> Result<StopReport, ControlError> {
        let _ = (id, mode);
        todo!()
    }

    /// Lets the pipeline `id` take no more events until it is resumed. Workflows go on.
    ///
    /// # Errors
    ///
    /// When there is none of that id.
    pub fn pause(&self, id: &str) -> Result<(), ControlError> {
        let _ = id;
        todo!()
    }

    /// Lets the pipeline `id` take events again.
    ///
    /// # Errors
    ///
    /// When there is none of that id.
    pub fn resume(&self, id: &str) -> Result<(), ControlError> {
        let _ = id;
        todo!()
    }

    /// What runs at this moment.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        todo!()
    }

    /// Takes the whole program down; every caller gets the same report.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not take the shutdown back.
    pub async fn shutdown(&self, mode: Option<StopMode>) -> Arc<ShutdownReport> {
        let _ = mode;
        todo!()
    }
}

/// An order that a running program refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ControlError {
    /// The orchestration runs already.
    AlreadyRunning {
        /// Its id.
        id: String,
    },
    /// There is no such orchestration or pipeline.
    NotFound {
        /// What was asked for.
        id: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A step or a hook would wait for the stop of itself.
    WaitsForItself {
        /// The orchestration.
        id: String,
    },
    /// The program is shutting down, or is down.
    ShuttingDown,
}

impl fmt::Display for ControlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyRunning { id } => write!(f, "the orchestration `{id}` runs already"),
            Self::NotFound { id, known } if known.is_empty() => write!(f, "there is no `{id}`; nothing runs"),
            Self::NotFound { id, known } => {
                let known: Vec<_> = known.iter().map(|id| format!("`{id}`")).collect();
                write!(f, "there is no `{id}`; there is {}", known.join(", "))
            }
            Self::WaitsForItself { id } => {
                write!(f, "a component of `{id}` cannot wait for the stop of itself; spawn a task that does")
            }
            Self::ShuttingDown => f.write_str("the program is shutting down"),
        }
    }
}

impl std::error::Error for ControlError {}
