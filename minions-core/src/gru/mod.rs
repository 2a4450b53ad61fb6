//! Gru wires a program, runs it and takes it down: the only module that knows all the others.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::manifest::Manifest;

mod bring_up;
mod builder;
mod component;
mod control;
mod report;
mod request;
mod running;
mod snapshot;
mod start;
mod stop;

pub(crate) use builder::Edge;
pub use builder::{GruBuilder, OrchestrationOptions};
pub use control::{Control, ControlError};
pub use report::{
    ComponentFailure, Durability, Finished, Phase, PhaseReport, ShutdownReport, StartError, StartReport, StopMode,
    StopReport,
};
pub use request::StartRequest;
pub use snapshot::{
    OrchestrationStatus, PipelineStatus, ResourceStatus, RuntimePhase, Snapshot, State, Trouble, UNHEALTHY_AFTER,
};

use running::Running;

/// A running program.
///
/// ```
/// use minions_core::gru::Finished;
/// use minions_core::{Error, Gru, GruBuilder};
///
/// /// Runs a program to the end of its sources; `app!` gives one as `Watch::builder()`.
/// async fn run(program: GruBuilder) -> Result<(), Error> {
///     let gru: Gru = program.start().await?;
///     let end = gru.finished().await;
///     let report = gru.shutdown().await;
///     assert!(end == Finished::Done && report.is_clean(), "{end:?}, {report}");
///     Ok(())
/// }
/// ```
///
/// Dropping it stops everything at once, as [`StopMode::Now`] does, without running shutdown hooks; call
/// [`shutdown`](Self::shutdown) to end it in order.
#[derive(Debug)]
pub struct Gru {
    manifest: Manifest,
    running: Running,
    finished: watch::Receiver<Option<Finished>>,
}

impl Gru {
    /// Starts to put a program together.
    #[must_use = "a builder does nothing until it is started"]
    pub fn builder() -> GruBuilder {
        GruBuilder::new()
    }

    /// What it runs.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// How many workflows are awake in the orchestration `id`; nothing if there is none of that id.
    #[must_use]
    pub fn in_flight(&self, id: &str) -> Option<usize> {
        self.running.in_flight(id)
    }

    /// A handle to give orders to the program and to look at it.
    #[must_use]
    pub fn control(&self) -> Control {
        todo!()
    }

    /// Waits until there is nothing left to do: every source that keeps the process alive has ended and its workflows
    /// have too; or until a component is lost.
    ///
    /// # Cancel safety
    ///
    /// Safe; it can be asked any number of times.
    pub async fn finished(&self) -> Finished {
        let mut finished = self.finished.clone();
        match finished.wait_for(Option::is_some).await {
            Ok(end) => end.clone().unwrap_or(Finished::Stopped),
            // The sender lives as long as the program.
            Err(_) => Finished::Stopped,
        }
    }

    /// Takes everything down: sources first, then workflows as the builder's stop mode says, then components in the
    /// reverse order of their start, all within the shutdown deadline.
    ///
    /// # Cancel safety
    ///
    /// Not safe: dropping the future leaves shutdown hooks undone, though no stored work is lost.
    pub async fn shutdown(self) -> ShutdownReport {
        let mode = self.running.options.stop_mode;
        self.shutdown_with(mode).await
    }

    /// [`shutdown`](Self::shutdown) with another stop mode.
    ///
    /// # Cancel safety
    ///
    /// As [`shutdown`](Self::shutdown).
    pub async fn shutdown_with(self, mode: StopMode) -> ShutdownReport {
        let began = Instant::now();
        let mut report = self.running.shutdown(mode).await;
        report.took = began.elapsed();
        report
    }
}

/// The remaining part of a deadline.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(tokio::time::Instant);

impl Deadline {
    pub(crate) fn after(duration: Duration) -> Self {
        Self(tokio::time::Instant::now() + duration)
    }

    /// What is left, but at least a moment: also what comes last gets a chance.
    pub(crate) fn left(self) -> Duration {
        self.0.saturating_duration_since(tokio::time::Instant::now()).max(Duration::from_millis(100))
    }
}
