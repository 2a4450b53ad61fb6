//! The end of an orchestration: intake first, then its workflows.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::error::Error;
use crate::pipeline::Subscribers;
use crate::store::StoreError;
use crate::workflow::Orchestration;

use super::budget::Budget;
use super::component::Identity;
use super::part::Resuming;
use super::report::{Durability, Phase, PhaseReport, StopMode};

/// What became of the workflows of an orchestration.
#[derive(Clone, Debug)]
pub(super) struct LinkOutcome {
    pub(super) parked: u64,
    pub(super) interrupted: u64,
    pub(super) durability: Durability,
    /// A pipeline that would not stop producing.
    pub(super) stuck: Option<PhaseReport>,
}

impl Default for LinkOutcome {
    fn default() -> Self {
        Self { parked: 0, interrupted: 0, durability: Durability::Intact, stuck: None }
    }
}

/// An orchestration on its way down; its stop has been requested already.
pub(super) struct Parting {
    pub(super) orchestration: Arc<Orchestration>,
    /// Its pipeline, if events went to it.
    pub(super) intake: Option<(Identity, Arc<Subscribers>)>,
    pub(super) resuming: Option<Resuming>,
    pub(super) mode: StopMode,
    /// How many workflows were dropped at once because the mode says so.
    pub(super) dropped: usize,
    pub(super) budget: Budget,
}

impl Parting {
    /// Takes it out of its pipeline, then waits for its workflows to end or to be stored; drops those that take too long.
    pub(super) async fn end(self) -> LinkOutcome {
        let stuck = self.leave().await;
        let mut interrupted = self.dropped;
        let patience = match self.mode {
            // Those that were dropped need a moment to be gone.
            StopMode::Now => self.budget.for_work().min(Duration::from_millis(100)),
            StopMode::Drain | StopMode::Park => self.budget.for_work(),
        };
        let in_time = timeout(patience, self.drained()).await.is_ok();
        if let Some(resuming) = &self.resuming {
            resuming.task.abort();
        }
        // An event that becomes durable only now stays stored, in every mode: the minion is on its way down.
        self.orchestration.request_stop(true);
        if !in_time {
            interrupted += self.orchestration.interrupt();
            // A step that blocks its thread cannot be dropped; nobody waits for it.
            let _ = timeout(self.budget.for_hook().min(Duration::from_secs(1)), self.orchestration.drained()).await;
        }
        if self.orchestration.in_flight() > 0 {
            self.orchestration.engine.leave_behind(self.orchestration.clone());
        }
        self.orchestration.engine.has_parted(&self.orchestration.id);
        let durability = self.durability(interrupted > 0).await;
        LinkOutcome { parked: self.orchestration.parked_so_far(), interrupted: interrupted as u64, durability, stuck }
    }

    async fn leave(&self) -> Option<PhaseReport> {
        let (pipeline, subscribers) = self.intake.as_ref()?;
        let began = Instant::now();
        if timeout(self.budget.for_work(), subscribers.leave(&self.orchestration)).await.is_ok() {
            return None;
        }
        subscribers.evict(&self.orchestration);
        let error = Error::new("it did not stop producing in time, or what it produced could not be stored");
        Some(pipeline.failed(Phase::Run, began.elapsed(), error))
    }

    async fn drained(&self) {
        if let Some(resuming) = self.resuming.as_ref().filter(|_| !self.orchestration.parks()) {
            // What is stored runs to its end as well.
            resuming.done.cancelled().await;
        }
        if !self.orchestration.engine.keeps {
            // Nobody else has them.
            self.orchestration.lanes.emptied().await;
        }
        self.orchestration.drained().await;
    }

    async fn durability(&self, interrupted: bool) -> Durability {
        if !self.orchestration.engine.keeps {
            return Durability::Nothing;
        }
        if interrupted {
            // What was handed over before a workflow was dropped is written before anybody reads it again.
            let written = timeout(self.budget.for_hook(), self.orchestration.engine.barrier()).await;
            let late = || Err(StoreError::unavailable("the store did not answer in time"));
            if let Err(error) = written.unwrap_or_else(|_| late()) {
                return Durability::Doubtful(format!("what was written last may not be stored: {error}"));
            }
        }
        let undurable = self.orchestration.undurable();
        match undurable.error {
            Some(error) => Durability::Doubtful(format!(
                "the last checkpoint of {} workflows could not be stored, and their last step runs again: {error}",
                undurable.workflows
            )),
            None => Durability::Intact,
        }
    }
}
