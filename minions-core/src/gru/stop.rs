//! Takes a program down: intake, workflows, components in reverse order, store; each within what is left of one deadline.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use tracing::{debug, info, warn};

use crate::error::Error;
use crate::panics::{contain, discard};
use crate::pipeline::ErasedPipeline;
use crate::store::{Status, StoreError};
use crate::workflow::Orchestration;

use super::Deadline;
use super::component::{Identity, Live};
use super::report::{ComponentFailure, Durability, Finished, Phase, ShutdownReport, StopMode};
use super::running::Running;

impl Running {
    pub(super) async fn shutdown(mut self, mode: StopMode) -> ShutdownReport {
        let all = self.options.shutdown_deadline;
        let (deadline, work) = (Deadline::after(all), Deadline::after(all.mul_f64(0.7)));
        let early = self.finished.send_if_modified(|end| end.is_none() && end.replace(Finished::Stopped).is_none());
        self.intake.cancel();
        self.engine.request_stop(mode != StopMode::Drain);
        if early {
            // Said only once it is true, so that whoever hears it can rely on it.
            info!("stopping: sources take no more events");
        }
        let mut failures = Vec::new();
        let mut pipelines = Vec::new();
        for source in std::mem::take(&mut self.sources) {
            let mut task = source.task;
            match tokio::time::timeout(work.left(), &mut task).await {
                Ok(Ok(instance)) => pipelines.push((source.identity, instance)),
                Ok(Err(error)) => failures.push(source.identity.failure(Phase::Run, Error::new(error))),
                Err(_) => {
                    task.abort();
                    let error = Error::new("it did not stop producing in time");
                    failures.push(source.identity.failure(Phase::Run, error));
                }
            }
        }
        let interrupted = stop_workflows(&self.orchestrations, mode, work).await;
        for task in self.resuming.drain(..).chain(self.watcher.take()) {
            task.abort();
        }
        failures.extend(stop_pipelines(pipelines, deadline).await);
        failures.extend(stop_level(std::mem::take(&mut self.minions), deadline).await);
        while let Some(level) = self.resources.pop() {
            failures.extend(stop_level(level, deadline).await);
        }
        self.let_go();
        let quarantined = self.quarantined(deadline).await;
        let store = self.close(deadline).await;
        let parked = self.engine.parked.load(Ordering::Relaxed);
        let durability = store.map_or_else(|error| Durability::Doubtful(error.to_string()), |()| Durability::Intact);
        let phases = Vec::new();
        let took = Duration::ZERO;
        let report = ShutdownReport { mode, took, parked, interrupted, quarantined, phases, failures, durability };
        for failure in &report.failures {
            warn!(component = failure.name, phase = %failure.phase, error = failure.error.as_std(), "failed while stopping");
        }
        debug!(parked, interrupted, quarantined, "stopped");
        report
    }

    /// Drops what still holds components, whose values are the user's to drop.
    fn let_go(&mut self) {
        for orchestration in self.orchestrations.drain(..) {
            if let Some(panic) = discard(orchestration) {
                warn!(panic, "a component panicked while it was dropped");
            }
        }
    }

    async fn quarantined(&self, deadline: Deadline) -> u64 {
        let counts = tokio::time::timeout(deadline.left(), self.engine.store.counts()).await;
        // Only a figure of the report: what cannot be counted is still kept.
        let counts = counts.unwrap_or_else(|_| Ok(Vec::new())).unwrap_or_default();
        counts.iter().filter(|count| count.status == Status::Quarantined).map(|count| count.count).sum()
    }

    async fn close(&self, deadline: Deadline) -> Result<(), StoreError> {
        let closing = contain(async {
            self.engine.close().await;
            Ok(self.engine.store.close().await)
        });
        match tokio::time::timeout(deadline.left(), closing).await {
            Ok(Ok(closed)) => closed,
            Ok(Err(panic)) => Err(StoreError::unavailable(format!("closing it {panic}"))),
            Err(_) => Err(StoreError::unavailable("it did not close in time")),
        }
    }
}

/// Waits for the workflows to end or to be stored; drops those that take too long. Answers how many were dropped.
async fn stop_workflows(orchestrations: &[Arc<Orchestration>], mode: StopMode, deadline: Deadline) -> u64 {
    let drained = || join_all(orchestrations.iter().map(|orchestration| orchestration.drained()));
    if mode != StopMode::Now && tokio::time::timeout(deadline.left(), drained()).await.is_ok() {
        return 0;
    }
    let interrupted: usize = orchestrations.iter().map(|orchestration| orchestration.interrupt()).sum();
    // A step that blocks its thread cannot be dropped; the process does not wait for it.
    let _ = tokio::time::timeout(Duration::from_secs(1).min(deadline.left()), drained()).await;
    interrupted as u64
}

async fn stop_pipelines(
    pipelines: Vec<(Identity, Box<dyn ErasedPipeline>)>,
    deadline: Deadline,
) -> Vec<ComponentFailure> {
    let stopping = pipelines.into_iter().map(|(identity, mut instance)| async move {
        let failure = identity.hook(Phase::Shutdown, deadline.left(), instance.shutdown()).await.err();
        identity.up().set(0.0);
        if let Some(panic) = discard(instance) {
            warn!(component = &*identity.name, panic, "the pipeline panicked while it was dropped");
        }
        failure
    });
    join_all(stopping).await.into_iter().flatten().collect()
}

async fn stop_level(level: Vec<Live>, deadline: Deadline) -> Vec<ComponentFailure> {
    let stopping = level.into_iter().map(|live| live.shutdown(deadline.left()));
    join_all(stopping).await.into_iter().flatten().collect()
}
