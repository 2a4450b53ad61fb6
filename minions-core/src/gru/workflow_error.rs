//! [`WorkflowError`]: why an operator's order about a workflow is not carried out.

use std::fmt;

use crate::error::Error;
use crate::store::StoreError;
use crate::workflow::WorkflowId;

/// An order about a stored workflow that is not carried out.
#[derive(Debug)]
#[non_exhaustive]
pub enum WorkflowError {
    /// There is none of that identity: it has ended, was removed, or never was.
    NotStored {
        /// Which one.
        id: WorkflowId,
    },
    /// Only what is in quarantine can be told to go on, or be changed.
    NotQuarantined {
        /// Which one.
        id: WorkflowId,
    },
    /// It is awake, or about to be, and cannot be removed under its own feet.
    Running {
        /// Which one.
        id: WorkflowId,
    },
    /// Its orchestration is no part of the program, so that nothing would run it.
    NotInProgram {
        /// Which one.
        id: WorkflowId,
        /// Its orchestration.
        orchestration: String,
    },
    /// Its minion has no such step.
    NoSuchStep {
        /// What was asked for.
        step: String,
        /// The minion.
        minion: &'static str,
        /// The steps that it has.
        steps: Vec<&'static str>,
    },
    /// Its minion cannot read the new context.
    Context {
        /// The minion.
        minion: &'static str,
        /// Why.
        error: Error,
    },
    /// What the signal says cannot be encoded.
    Payload(Error),
    /// The store could not be read or written.
    Store(StoreError),
    /// The program is down.
    Down,
}

impl fmt::Display for WorkflowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStored { id } => write!(f, "no workflow `{id}` is stored; it has ended, or was dropped"),
            Self::NotQuarantined { id } => write!(f, "the workflow {id} is not in quarantine; it goes on by itself"),
            Self::Running { id } => write!(
                f,
                "the workflow {id} is running; only one that rests or is in quarantine can be dropped, so wait, or stop its \
                 orchestration first"
            ),
            Self::NotInProgram { id, orchestration } => write!(
                f,
                "the workflow {id} belongs to `{orchestration}`, which is no part of this program; it is kept as it is"
            ),
            Self::NoSuchStep { step, minion, steps } => {
                write!(f, "the minion `{minion}` has no step `{step}`; steps: {}", steps.join(", "))
            }
            Self::Context { minion, .. } => {
                write!(f, "the context is none of the minion `{minion}`; nothing was changed")
            }
            Self::Payload(_) => f.write_str("what the signal says cannot be encoded"),
            Self::Store(_) => f.write_str("the stored workflows cannot be read or changed"),
            Self::Down => f.write_str("the program is down"),
        }
    }
}

impl std::error::Error for WorkflowError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Context { error, .. } | Self::Payload(error) => Some(error.as_std()),
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

impl From<StoreError> for WorkflowError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
