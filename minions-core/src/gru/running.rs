//! Everything that runs, in the order in which it was started.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::pipeline::ErasedPipeline;
use crate::workflow::{Engine, Orchestration};

use super::Finished;
use super::builder::Options;
use super::component::{Identity, Live};

/// What has been started so far: complete in a running program, partial while it starts.
pub(crate) struct Running {
    pub(super) options: Options,
    pub(super) engine: Arc<Engine>,
    /// Requested when no source may take an event any more.
    pub(super) intake: CancellationToken,
    /// Resources level by level, each level after the ones it needs.
    pub(super) resources: Vec<Vec<Live>>,
    pub(super) minions: Vec<Live>,
    pub(super) orchestrations: Vec<Arc<Orchestration>>,
    /// Tasks that wake stored workflows.
    pub(super) resuming: Vec<JoinHandle<()>>,
    pub(super) sources: Vec<RunningSource>,
    /// Waits for the end of everything that keeps the process alive.
    pub(super) watcher: Option<JoinHandle<()>>,
    pub(super) finished: watch::Sender<Option<Finished>>,
}

/// A pipeline that produces, or has been started up and will.
pub(super) struct RunningSource {
    pub(super) identity: Identity,
    pub(super) task: JoinHandle<Box<dyn ErasedPipeline>>,
    pub(super) done: CancellationToken,
}

impl Running {
    pub(super) fn new(options: Options, engine: Arc<Engine>, finished: watch::Sender<Option<Finished>>) -> Self {
        let intake = CancellationToken::new();
        Self {
            options,
            engine,
            intake,
            resources: Vec::new(),
            minions: Vec::new(),
            orchestrations: Vec::new(),
            resuming: Vec::new(),
            sources: Vec::new(),
            watcher: None,
            finished,
        }
    }

    pub(super) fn in_flight(&self, id: &str) -> Option<usize> {
        let orchestration = self.orchestrations.iter().find(|orchestration| &*orchestration.id == id)?;
        Some(orchestration.in_flight())
    }
}

/// Stops everything at once. After a shutdown there is nothing left to stop.
impl Drop for Running {
    fn drop(&mut self) {
        self.intake.cancel();
        self.engine.request_stop(true);
        for orchestration in &self.orchestrations {
            orchestration.interrupt();
        }
        let sources = self.sources.iter().map(|source| source.task.abort_handle());
        let helpers = self.resuming.iter().chain(&self.watcher).map(JoinHandle::abort_handle);
        sources.chain(helpers).for_each(|task| task.abort());
        for live in self.resources.iter().flatten().chain(&self.minions) {
            live.abort();
        }
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ids: Vec<_> = self.orchestrations.iter().map(|orchestration| &*orchestration.id).collect();
        f.debug_struct("Running").field("orchestrations", &ids).finish_non_exhaustive()
    }
}
