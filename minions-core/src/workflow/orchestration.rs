//! One pipeline × one minion × one configuration, as it runs: what its workflows share.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;
use tokio_util::task::TaskTracker;

use crate::minion::{ErasedMinion, ErasedWorkflow, StepInfo};
use crate::store::NewWorkflow;
use crate::telemetry::caller::CallerId;
use crate::telemetry::handles::WorkflowMetrics;

use super::drive::drive;
use super::{Engine, WorkflowId};

/// Everything that the workflows of one orchestration share.
pub(crate) struct Orchestration {
    pub(crate) id: Arc<str>,
    pub(crate) minion: Arc<dyn ErasedMinion>,
    pub(crate) name: &'static str,
    pub(crate) steps: &'static [StepInfo],
    pub(crate) steps_hash: u64,
    pub(crate) caller: CallerId,
    pub(crate) metrics: WorkflowMetrics,
    pub(crate) engine: Arc<Engine>,
    /// One permit for every workflow that may be awake.
    slots: Arc<Semaphore>,
    tasks: TaskTracker,
    awake: Mutex<HashMap<WorkflowId, AbortHandle>>,
}

/// A workflow that is ready to run from `index`.
pub(crate) struct Start {
    pub(crate) id: WorkflowId,
    pub(crate) loaded: Box<dyn ErasedWorkflow>,
    pub(crate) index: usize,
    pub(crate) seq: u32,
    pub(crate) attempt: u32,
    pub(crate) may_have_run: bool,
}

impl Orchestration {
    pub(crate) fn new(
        id: Arc<str>,
        minion: Arc<dyn ErasedMinion>,
        caller: CallerId,
        max_in_flight: usize,
        engine: Arc<Engine>,
    ) -> Self {
        let (name, steps) = (minion.name(), minion.steps());
        Self {
            metrics: WorkflowMetrics::register(&id, name, steps),
            steps_hash: minion.steps_hash(),
            slots: Arc::new(Semaphore::new(max_in_flight.min(Semaphore::MAX_PERMITS))),
            tasks: TaskTracker::new(),
            awake: Mutex::default(),
            id,
            minion,
            name,
            steps,
            caller,
            engine,
        }
    }

    /// Whether another workflow may wake up now.
    pub(crate) fn has_room(&self) -> bool {
        self.slots.available_permits() > 0
    }

    /// Waits until another workflow may wake up.
    ///
    /// # Cancel safety
    ///
    /// Safe; the place in the queue is lost.
    pub(crate) async fn room(&self) -> OwnedSemaphorePermit {
        self.slots.clone().acquire_owned().await.expect("the semaphore is never closed")
    }

    /// The row of a workflow that is about to begin.
    pub(crate) fn row(&self, start: &Start) -> crate::Result<NewWorkflow> {
        let mut context = Vec::with_capacity(128);
        start.loaded.encode_context(&mut context)?;
        let step = self.steps[start.index].name.into();
        Ok(NewWorkflow { id: start.id, orchestration: self.id.clone(), step, steps_hash: self.steps_hash, context })
    }

    /// Runs a workflow in a task of its own; `slot` is given back when it ends.
    pub(crate) fn spawn(self: &Arc<Self>, start: Start, slot: OwnedSemaphorePermit) {
        let id = start.id;
        // Held over the spawn, so that a workflow that ends at once finds itself in the map.
        let mut awake = self.awake.lock();
        self.metrics.in_flight.increment(1.0);
        let guard = Awake { orchestration: self.clone(), id, _slot: slot };
        let task = self.tasks.spawn(async move {
            drive(&guard.orchestration, start).await;
        });
        awake.insert(id, task.abort_handle());
    }

    /// How many workflows are awake.
    pub(crate) fn in_flight(&self) -> usize {
        self.awake.lock().len()
    }

    /// Waits until no workflow is awake; none may be spawned any more.
    pub(crate) async fn drained(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Drops every workflow where it is, at its next await; answers how many there were.
    pub(crate) fn interrupt(&self) -> usize {
        let tasks: Vec<_> = self.awake.lock().values().cloned().collect();
        tasks.iter().for_each(AbortHandle::abort);
        tasks.len()
    }

    /// Counts a workflow that stays stored because the runtime stops.
    pub(crate) fn count_parked(&self) {
        self.metrics.parked.increment(1);
        self.engine.parked.fetch_add(1, Ordering::Relaxed);
    }
}

/// Lies in the task of a workflow and cleans up however it ends.
struct Awake {
    orchestration: Arc<Orchestration>,
    id: WorkflowId,
    _slot: OwnedSemaphorePermit,
}

impl Drop for Awake {
    fn drop(&mut self) {
        self.orchestration.awake.lock().remove(&self.id);
        self.orchestration.metrics.in_flight.decrement(1.0);
    }
}
