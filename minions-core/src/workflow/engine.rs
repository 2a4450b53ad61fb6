//! What all workflows of a runtime share: the store, the queue in front of it, identities, and the stop.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};
use tracing::{error, info, warn};

use crate::backoff::Backoff;
use crate::limit::{Circuits, Limits};
use crate::pipeline::{Holds, Intake};
use crate::store::{Applied, Committed, Committer, Op, Opened, Resolve, StateStore, StoreError};
use crate::telemetry::handles::CheckpointMetrics;
use crate::telemetry::{Kept, WorkflowLedger};

use super::boot::Stored;
use super::mailbox::Mailbox;
use super::quarantine::{Quarantine, QuarantineBounds};
use super::recovery::Recovery;
use super::routes::Routes;
use super::{Orchestration, WorkflowId, WorkflowIds};

/// Counts the programs of the process.
static PROGRAMS: AtomicU64 = AtomicU64::new(0);

/// Shared by every orchestration of one runtime.
pub(crate) struct Engine {
    pub(crate) store: Arc<dyn StateStore>,
    pub(crate) ids: WorkflowIds,
    /// Whether there is anything to commit to; false lets workflows run without encoding a byte.
    pub(crate) keeps: bool,
    pub(crate) routes: Routes,
    /// Signals, where no store keeps them.
    pub(crate) mailbox: Mailbox,
    pub(crate) recovery: Recovery,
    /// Why nothing can be stored any more: the store belongs to another process.
    disowned: watch::Sender<Option<StoreError>>,
    committer: Mutex<Option<Committer>>,
    blocked: Blocked,
    pub(crate) quarantine: Arc<Quarantine>,
    /// What may keep events away from any of its pipelines.
    pub(crate) holds: Holds,
    /// Which program of the process it is.
    pub(crate) program: u64,
    /// One permit for every call of [`Workflow::blocking`](super::Workflow::blocking) that may run at once.
    pub(crate) blocking: Arc<Semaphore>,
    /// How much the workflows of one orchestration that are awake may weigh, in bytes.
    pub(crate) max_weight: u64,
    /// The limiters of this program, which outlive everything that they limit.
    pub(crate) limits: Arc<Limits>,
    /// What they say about its resources.
    pub(crate) circuits: Circuits,
    /// What the store held at the start.
    pub(crate) stored: Stored,
    /// Held by whoever changes a stored workflow because an operator said so: one after the other, so that what is looked at
    /// is still so when it is changed.
    pub(crate) operator: tokio::sync::Mutex<()>,
    /// What is booked for each orchestration, and shared by the instances of each pipeline; they may come and go too.
    ledgers: Mutex<HashMap<Arc<str>, Arc<Kept<WorkflowLedger>>>>,
    intakes: Mutex<HashMap<Arc<str>, Arc<Intake>>>,
    /// Orchestrations that were stopped while a step blocked its thread, so that their workflows may still be awake.
    leftovers: Mutex<Vec<Arc<Orchestration>>>,
    /// Orchestrations that were stopped in this process, so that something of them may still be on its way to the store.
    parted: Mutex<HashSet<Arc<str>>>,
}

/// Why an operation is not durable.
#[derive(Debug)]
pub(crate) enum NotDurable {
    /// It never will be.
    Rejected(StoreError),
    /// The store failed, and whoever waits is stopped before it came back.
    Stopping(StoreError),
}

impl Engine {
    pub(crate) fn new(
        store: Arc<dyn StateStore>,
        opened: &Opened,
        quarantine: QuarantineBounds,
        max_weight: u64,
        max_blocking: usize,
        limits: Arc<Limits>,
    ) -> Self {
        let metrics = CheckpointMetrics::register();
        Self {
            ids: WorkflowIds::after(opened.last_id),
            keeps: store.keeps(),
            blocked: Blocked::new(&metrics),
            committer: Mutex::new(Some(Committer::start(store.clone(), metrics))),
            routes: Routes::default(),
            mailbox: Mailbox::default(),
            quarantine: Quarantine::new(quarantine),
            holds: Holds::default(),
            max_weight,
            program: PROGRAMS.fetch_add(1, Ordering::Relaxed),
            blocking: Arc::new(Semaphore::new(max_blocking.min(Semaphore::MAX_PERMITS))),
            circuits: limits.circuits().clone(),
            limits,
            stored: Stored::default(),
            operator: tokio::sync::Mutex::default(),
            recovery: Recovery::new(opened),
            disowned: watch::Sender::new(None),
            ledgers: Mutex::default(),
            intakes: Mutex::default(),
            leftovers: Mutex::default(),
            parted: Mutex::default(),
            store,
        }
    }

    /// Queues `op` at once.
    pub(crate) fn submit(&self, op: impl Into<Op>) -> Committed {
        self.share(&Arc::new(op.into()))
    }

    /// Queues `op` at once, which stays with whoever may have to repeat it.
    pub(crate) fn share(&self, op: &Arc<Op>) -> Committed {
        // The lock is held for one push onto a queue.
        self.committer.lock().as_ref().map_or_else(Committed::closed, |committer| committer.submit(op.clone()))
    }

    /// Queues `op` and waits until it is durable, however long the store fails, unless `stop` ends first.
    pub(crate) async fn commit<F: Future<Output = ()> + Send>(
        &self,
        op: &Arc<Op>,
        stop: impl FnOnce() -> F + Send,
    ) -> Result<Applied, NotDurable> {
        match self.share(op).await {
            Ok(applied) => Ok(applied),
            Err(error) => self.retry(error, op, stop()).await,
        }
    }

    /// Repeats an operation that has failed with `error` until it is durable.
    pub(crate) async fn retry(
        &self,
        error: StoreError,
        op: &Arc<Op>,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<Applied, NotDurable> {
        // Boxed, so that the state of the rare path does not lie in every workflow's memory.
        Box::pin(self.repeat(error, op, stop)).await
    }

    async fn repeat(
        &self,
        mut error: StoreError,
        op: &Arc<Op>,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<Applied, NotDurable> {
        let _blocked = self.blocked.enter();
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
        let mut stop = std::pin::pin!(stop);
        loop {
            if error.is_rejected() {
                return Err(NotDurable::Rejected(error));
            }
            if error.is_owned() {
                // It never comes back, and whoever has it runs the same workflows: this program ends.
                self.disowned.send_if_modified(|known| known.is_none() && known.replace(error.clone()).is_none());
                stop.await;
                return Err(NotDurable::Stopping(error));
            }
            self.blocked.report(&error);
            tokio::select! {
                () = &mut stop => return Err(NotDurable::Stopping(error)),
                () = tokio::time::sleep(backoff.next()) => {}
            }
            match self.share(op).await {
                Ok(applied) => return Ok(applied),
                Err(again) => error = again,
            }
        }
    }

    /// Waits until the store turns out to belong to another process.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub(crate) async fn disowned(&self) -> StoreError {
        let mut disowned = self.disowned.subscribe();
        // The sender lives in `self`.
        let error = disowned.wait_for(Option::is_some).await.ok().and_then(|error| error.clone());
        error.expect("it was waited for")
    }

    /// Waits until everything that was queued before is answered.
    pub(crate) async fn barrier(&self) -> Result<(), StoreError> {
        if !self.keeps {
            return Ok(());
        }
        // Moves nobody on: the queue is in order, so what was before it is answered before it.
        let nobody = Resolve { id: self.ids.next(), revision: 1, emits: Vec::new(), work: Vec::new(), history: None };
        self.submit(nobody).await.map(drop)
    }

    /// How many workflows and pipelines wait for a store that fails.
    pub(crate) fn blocked(&self) -> u64 {
        self.blocked.state.lock().waiting as u64
    }

    /// The ledger of an orchestration.
    pub(crate) fn ledger(&self, orchestration: &Arc<str>) -> Arc<Kept<WorkflowLedger>> {
        self.ledgers.lock().entry(orchestration.clone()).or_default().clone()
    }

    /// What the instances of a pipeline share; `scope` is whose its keys and positions are.
    pub(crate) fn intake(&self, scope: &Arc<str>) -> Arc<Intake> {
        let mut intakes = self.intakes.lock();
        intakes.entry(scope.clone()).or_insert_with(|| Arc::new(Intake::new(scope.clone()))).clone()
    }

    /// Remembers that an orchestration was stopped: the next start waits for what is on its way to the store.
    pub(crate) fn has_parted(&self, id: &Arc<str>) {
        self.parted.lock().insert(id.clone());
    }

    /// Whether it was, and nobody has waited since.
    pub(crate) fn may_be_on_its_way(&self, id: &str) -> bool {
        self.parted.lock().contains(id)
    }

    /// Somebody has waited.
    pub(crate) fn has_arrived(&self, id: &str) {
        self.parted.lock().remove(id);
    }

    /// Remembers an orchestration that was stopped while workflows of it are still awake.
    pub(crate) fn leave_behind(&self, orchestration: Arc<Orchestration>) {
        self.leftovers.lock().push(orchestration);
    }

    /// The workflows of the orchestration `id` that are still awake from before it was stopped.
    pub(crate) fn left_behind(&self, id: &str) -> HashSet<WorkflowId> {
        let mut leftovers = self.leftovers.lock();
        leftovers.retain(|orchestration| orchestration.in_flight() > 0);
        let same = leftovers.iter().filter(|orchestration| *orchestration.id == *id);
        same.flat_map(|orchestration| orchestration.awake()).collect()
    }

    /// Waits until everything queued is answered; nothing can be committed afterwards.
    pub(crate) async fn close(&self) {
        self.quarantine.close();
        let committer = self.committer.lock().take();
        if let Some(committer) = committer {
            committer.close().await;
        }
    }
}

/// Tells of a store that fails: at once, then at intervals, never once per workflow.
struct Blocked {
    gauge: metrics::Gauge,
    state: Mutex<BlockedState>,
}

#[derive(Default)]
struct BlockedState {
    waiting: usize,
    since: Option<Instant>,
    reported: Option<Instant>,
}

const REPORT_EVERY: Duration = Duration::from_secs(10);
const ERROR_AFTER: Duration = Duration::from_secs(60);

impl Blocked {
    fn new(metrics: &CheckpointMetrics) -> Self {
        Self { gauge: metrics.blocked.clone(), state: Mutex::default() }
    }

    fn enter(&self) -> BlockedGuard<'_> {
        let mut state = self.state.lock();
        state.waiting += 1;
        state.since.get_or_insert_with(Instant::now);
        self.gauge.set(state.waiting as f64);
        BlockedGuard(self)
    }

    fn report(&self, cause: &StoreError) {
        let (waiting, since) = {
            let mut state = self.state.lock();
            if state.reported.is_some_and(|last| last.elapsed() < REPORT_EVERY) {
                return;
            }
            state.reported = Some(Instant::now());
            (state.waiting, state.since.map_or(Duration::ZERO, |since| since.elapsed()))
        };
        let cause: &dyn std::error::Error = cause;
        if since < ERROR_AFTER {
            warn!(error = cause, waiting, "the store fails; workflows wait for it and nothing runs ahead");
        } else {
            error!(error = cause, waiting, since = ?since, "the store still fails; workflows wait for it");
        }
    }
}

struct BlockedGuard<'a>(&'a Blocked);

impl Drop for BlockedGuard<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.waiting -= 1;
        self.0.gauge.set(state.waiting as f64);
        if state.waiting == 0 {
            let since = state.since.take();
            if state.reported.take().is_some() {
                info!(after = ?since.map(|since| since.elapsed()), "the store works again");
            }
        }
    }
}
