//! Orders under way: what they wait for, and what they are told in the end.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::oneshot;

use crate::store::StoreError;

use super::control::ControlError;
use super::graph::NodeId;
use super::parting::LinkOutcome;
use super::report::{ComponentFailure, PhaseReport, StartError, StartReport, StopMode, StopReport};

pub(super) type OpId = u64;

/// One start or stop.
pub(super) struct Op {
    /// The orchestrations that it is about.
    pub(super) roots: Vec<NodeId>,
    pub(super) ids: Vec<Arc<str>>,
    /// The orchestrations and everything below them.
    pub(super) nodes: BTreeSet<NodeId>,
    pub(super) phases: Vec<PhaseReport>,
    pub(super) began: Instant,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    Start {
        /// Set when it is being taken back.
        failed: Option<StartFailed>,
        answer: oneshot::Sender<Result<StartReport, StartError>>,
    },
    Stop {
        mode: StopMode,
        outcome: Option<LinkOutcome>,
        answer: oneshot::Sender<StopReport>,
    },
}

/// Why a start is taken back.
#[derive(Clone, Debug)]
pub(super) enum StartFailed {
    Component(ComponentFailure),
    Store(StoreError),
    Refused(ControlError),
    /// Whoever waited for it has gone.
    Dropped,
}

impl Op {
    /// Tells how a start has ended, after everything of it is up or gone again.
    pub(super) fn start_ended(self) {
        let Self { ids, phases, began, kind, .. } = self;
        let Kind::Start { failed, answer } = kind else { return };
        let result = match failed {
            None => {
                let orchestrations = ids.iter().map(ToString::to_string).collect();
                Ok(StartReport { orchestrations, took: began.elapsed(), phases })
            }
            Some(StartFailed::Component(failure)) => {
                let first = |phase: &PhaseReport| phase.name == failure.name && phase.phase == failure.phase;
                let others = phases.iter().filter(|phase| !first(phase)).filter_map(PhaseReport::failure);
                // Those that were called off because of the first one have nothing to add.
                let cleanup = others.filter(|other| !other.is_consequence()).collect();
                Err(StartError::Component { failure, cleanup })
            }
            Some(StartFailed::Store(error)) => Err(StartError::Store(error)),
            Some(StartFailed::Refused(error)) => Err(StartError::Refused(error)),
            Some(StartFailed::Dropped) => Err(StartError::Refused(ControlError::ShuttingDown)),
        };
        // Whoever has stopped waiting does not want to know.
        let _ = answer.send(result);
    }

    /// Tells how a stop has ended, after everything that it takes down is gone.
    pub(super) fn stop_ended(self) {
        let Self { ids, phases, began, kind, .. } = self;
        let Kind::Stop { mode, outcome, answer } = kind else { return };
        let outcome = outcome.unwrap_or_default();
        let report = StopReport {
            orchestration: ids.first().map(ToString::to_string).unwrap_or_default(),
            mode,
            took: began.elapsed(),
            parked: outcome.parked,
            interrupted: outcome.interrupted,
            phases,
            durability: outcome.durability,
        };
        let _ = answer.send(report);
    }
}
