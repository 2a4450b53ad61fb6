//! The end of a program: after everything is down, its store.

use std::sync::Arc;
use std::time::Duration;

use tracing::{debug, warn};

use crate::panics::contain;
use crate::store::StoreError;

use super::budget::Budget;
use super::report::{Durability, PhaseReport, ShutdownReport};
use super::runtime::Runtime;
use super::snapshot::RuntimePhase;

/// Closes the store as soon as nothing runs any more, and tells everyone who waits.
pub(super) async fn finish(runtime: &Arc<Runtime>) {
    let mut empty = runtime.empty.subscribe();
    // The sender lives in the runtime.
    let _ = empty.wait_for(|empty| *empty).await;
    let budget = runtime.look(|state| state.shutdown.as_ref().map(|shutdown| shutdown.budget));
    let budget = budget.unwrap_or_else(|| Budget::of(Duration::ZERO));
    // A store that is closed waits for whoever reads.
    if let Some(counting) = runtime.update(|state| state.counting.take()) {
        counting.abort();
    }
    drop(runtime.tidying.lock().take());
    let quarantined = quarantined(runtime, budget).await;
    let closed = close(runtime, budget).await;
    let report = runtime.update(|state| {
        state.phase = RuntimePhase::Stopped;
        let shutdown = state.shutdown.as_mut()?;
        if let (Err(error), false) = (closed, shutdown.durability.is_doubtful()) {
            shutdown.durability = Durability::Doubtful(format!("the store could not be closed: {error}"));
        }
        let mut failures = std::mem::take(&mut state.failures);
        let told = shutdown.phases.iter().filter_map(PhaseReport::failure);
        failures.extend(told.filter(|failure| !failure.is_consequence()));
        Some(ShutdownReport {
            mode: shutdown.mode,
            took: shutdown.began.elapsed(),
            parked: shutdown.parked,
            interrupted: shutdown.interrupted,
            quarantined,
            phases: std::mem::take(&mut shutdown.phases),
            failures,
            durability: shutdown.durability.clone(),
        })
    });
    if let Some(report) = &report {
        debug!(parked = report.parked, interrupted = report.interrupted, quarantined, "stopped");
    }
    // Whoever hears of the end reads what was counted.
    crate::telemetry::flush();
    runtime.report.send_replace(report.map(Arc::new));
}

async fn quarantined(runtime: &Runtime, budget: Budget) -> u64 {
    let counting = contain(async { Ok(runtime.engine.store.quarantined().await) });
    let counts = match tokio::time::timeout(budget.for_hook(), counting).await {
        Ok(Ok(Ok(counts))) => counts,
        // Only a figure of the report: what cannot be counted is still kept.
        _ => {
            warn!("the workflows in quarantine could not be counted");
            return 0;
        }
    };
    counts.iter().map(|count| count.count).sum()
}

async fn close(runtime: &Runtime, budget: Budget) -> Result<(), StoreError> {
    let closing = contain(async {
        runtime.engine.close().await;
        Ok(runtime.engine.store.close().await)
    });
    // The store is the last one, so all that is left belongs to it.
    match tokio::time::timeout(budget.left().max(Duration::from_millis(100)), closing).await {
        Ok(Ok(closed)) => closed,
        Ok(Err(panic)) => Err(StoreError::unavailable(format!("closing it {panic}"))),
        Err(_) => Err(StoreError::unavailable("it did not close in time")),
    }
}
