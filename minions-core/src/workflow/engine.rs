//! What all workflows of a runtime share: the store, the queue in front of it, identities, and the stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::backoff::Backoff;
use crate::component::Stop;
use crate::store::{Committed, Committer, Op, Opened, StateStore, StoreError};
use crate::telemetry::handles::CheckpointMetrics;

use super::WorkflowIds;

/// Shared by every orchestration of one runtime.
pub(crate) struct Engine {
    pub(crate) store: Arc<dyn StateStore>,
    pub(crate) ids: WorkflowIds,
    /// Whether there is anything to commit to; false lets workflows run without encoding a byte.
    pub(crate) keeps: bool,
    pub(crate) parked: AtomicU64,
    committer: Mutex<Option<Committer>>,
    /// Requested as soon as the runtime stops, in every mode.
    stopping: CancellationToken,
    /// Whether workflows stay stored at their next step instead of running on.
    parking: AtomicBool,
    blocked: Blocked,
}

/// Why an operation is not durable.
#[derive(Debug)]
pub(crate) enum NotDurable {
    /// It never will be.
    Rejected(StoreError),
    /// The store failed, and the runtime stops before it came back.
    Stopping(StoreError),
}

impl Engine {
    pub(crate) fn new(store: Arc<dyn StateStore>, opened: &Opened) -> Self {
        let metrics = CheckpointMetrics::register();
        Self {
            ids: WorkflowIds::after(opened.last_id),
            keeps: store.keeps(),
            parked: AtomicU64::new(0),
            blocked: Blocked::new(&metrics),
            committer: Mutex::new(Some(Committer::start(store.clone(), metrics))),
            stopping: CancellationToken::new(),
            parking: AtomicBool::new(false),
            store,
        }
    }

    /// The stop as steps see it.
    pub(crate) fn stop(&self) -> Stop {
        Stop::new(self.stopping.clone())
    }

    /// Asks workflows to end; with `park` they stay stored at their next step.
    pub(crate) fn request_stop(&self, park: bool) {
        self.parking.store(park && self.keeps, Ordering::Relaxed);
        self.stopping.cancel();
    }

    /// Whether a workflow that comes to a step should stay there.
    pub(crate) fn parks(&self) -> bool {
        self.stopping.is_cancelled() && self.parking.load(Ordering::Relaxed)
    }

    /// Queues `op` at once.
    pub(crate) fn submit(&self, op: impl Into<Op>) -> Committed {
        // The lock is held for one push onto a queue.
        self.committer.lock().as_ref().map_or_else(Committed::closed, |committer| committer.submit(op))
    }

    /// Queues what `make` answers and waits until it is durable, however long the store fails.
    pub(crate) async fn commit(&self, make: impl Fn() -> Op + Send) -> Result<(), NotDurable> {
        let first = self.submit(make());
        self.settle(first, make).await
    }

    /// Waits until an operation that is queued already is durable, repeating it as `make` makes it.
    pub(crate) async fn settle(&self, first: Committed, make: impl Fn() -> Op + Send) -> Result<(), NotDurable> {
        match first.await {
            Ok(()) => Ok(()),
            // Boxed, so that the state of the rare path does not lie in every workflow's memory.
            Err(error) => Box::pin(self.repeat(error, make)).await,
        }
    }

    async fn repeat(&self, mut error: StoreError, make: impl Fn() -> Op + Send) -> Result<(), NotDurable> {
        let _blocked = self.blocked.enter();
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
        loop {
            if error.is_rejected() {
                return Err(NotDurable::Rejected(error));
            }
            self.blocked.report(&error);
            tokio::select! {
                () = self.stopping.cancelled() => return Err(NotDurable::Stopping(error)),
                () = tokio::time::sleep(backoff.next()) => {}
            }
            match self.submit(make()).await {
                Ok(()) => return Ok(()),
                Err(again) => error = again,
            }
        }
    }

    /// Waits until everything queued is answered; nothing can be committed afterwards.
    pub(crate) async fn close(&self) {
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
