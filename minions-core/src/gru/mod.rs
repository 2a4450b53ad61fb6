//! Gru wires a program, runs it and takes it down: the only module that knows all the others.
//!
//! [`GruBuilder`] says what a program is made of, [`Gru`] owns it while it runs, and [`Control`] is a handle on it for
//! everyone else: to start, stop, pause and resume parts of it, and to look at it.

use std::fmt;
use std::sync::Arc;

use crate::manifest::Manifest;

mod ahead;
mod bring_up;
mod budget;
mod builder;
mod component;
mod control;
mod failure;
mod graph;
mod hook;
mod link;
mod look;
mod operation;
mod orders;
mod part;
mod parting;
mod perform;
mod pulse;
mod report;
mod request;
mod runtime;
mod shutdown;
mod snapshot;
mod source;
mod start;
mod state;
mod tidy;
mod workflow_error;
mod workflows;

pub(crate) use builder::Edge;
pub use builder::{GruBuilder, OrchestrationOptions};
pub use control::{Control, ControlError};
pub use hook::hooks_under_way;
pub use report::{
    ComponentFailure, Durability, Finished, Phase, PhaseReport, ShutdownReport, StartError, StartReport, StopMode,
    StopReport,
};
pub use request::StartRequest;
pub use snapshot::{
    OrchestrationStatus, PipelineStatus, ResourceStatus, RuntimePhase, Snapshot, State, Trouble, UNHEALTHY_AFTER,
};

pub use workflow_error::WorkflowError;
pub use workflows::{FoundWorkflow, Signalled, Workflows};

use runtime::Runtime;

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
/// Dropping it stops everything as [`StopMode::Now`] does: at once, with shutdown hooks running in the background. Call
/// [`shutdown`](Self::shutdown) to end it in order.
pub struct Gru {
    manifest: Manifest,
    runtime: Arc<Runtime>,
}

impl Gru {
    /// Starts to put a program together.
    #[must_use = "a builder does nothing until it is started"]
    pub fn builder() -> GruBuilder {
        GruBuilder::new()
    }

    fn new(manifest: Manifest, runtime: Arc<Runtime>) -> Self {
        Self { manifest, runtime }
    }

    /// What it declares.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// A handle to give orders to the program and to look at it.
    #[must_use]
    pub fn control(&self) -> Control {
        Control::of(Arc::downgrade(&self.runtime))
    }

    /// How many workflows are awake in the orchestration `id`; nothing if there is none of that id.
    #[must_use]
    pub fn in_flight(&self, id: &str) -> Option<usize> {
        self.runtime.look(|state| {
            let link = state.parts.get(state.links.get(id)?)?.link()?;
            Some(link.orchestration.as_ref()?.in_flight())
        })
    }

    /// Waits until there is nothing left to do: every source that keeps the process alive has ended and its workflows
    /// have too, or what runs them is lost. An orchestration that somebody has stopped keeps the program alive, because
    /// it may be started again.
    ///
    /// # Cancel safety
    ///
    /// Safe; it can be asked any number of times.
    pub async fn finished(&self) -> Finished {
        let mut finished = self.runtime.finished.subscribe();
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
    /// Dropping the future does not take the shutdown back.
    pub async fn shutdown(self) -> ShutdownReport {
        let mode = self.runtime.program.options.stop_mode;
        self.shutdown_with(mode).await
    }

    /// [`shutdown`](Self::shutdown) with another stop mode.
    ///
    /// # Cancel safety
    ///
    /// As [`shutdown`](Self::shutdown).
    pub async fn shutdown_with(self, mode: StopMode) -> ShutdownReport {
        let report = self.runtime.shutdown(Some(mode)).await;
        ShutdownReport::clone(&report)
    }
}

impl Drop for Gru {
    fn drop(&mut self) {
        // After a shutdown there is nothing left to stop.
        self.runtime.begin_shutdown(Some(StopMode::Now));
    }
}

impl fmt::Debug for Gru {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gru").field("runtime", &self.runtime).finish_non_exhaustive()
    }
}
