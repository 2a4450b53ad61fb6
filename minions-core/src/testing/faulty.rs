//! [`FaultyStore`]: a store that fails, hangs or rejects when the test says so.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::store::{
    Applied, Due, Ended, Filter, InLanes, LaneMember, MemoryStore, Op, Opened, StateStore, StatusCount, StoreError,
    StoredCursor, StoredWorkflow,
};
use crate::workflow::WorkflowId;

/// A [`MemoryStore`] with faults; clones are the same store.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// use minions_core::store::StateStore;
/// use minions_core::testing::FaultyStore;
///
/// let store = FaultyStore::new();
/// store.fail();
/// assert!(store.open().await.is_err());
/// store.work();
/// assert!(store.open().await.is_ok());
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct FaultyStore {
    inner: MemoryStore,
    mode: watch::Sender<Mode>,
    poison: Arc<Mutex<HashSet<WorkflowId>>>,
    tried: Arc<Mutex<Vec<&'static str>>>,
    /// Batches under way, and the most that ever were.
    batches: Arc<Mutex<(usize, usize)>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Works,
    Fails,
    FailsOnce,
    Hangs,
    Slow(Duration),
    RejectsCheckpoints,
    RejectsAdmissions,
    Panics,
    Disowned,
}

impl FaultyStore {
    /// An empty store that works.
    #[must_use]
    pub fn new() -> Self {
        Self {
            inner: MemoryStore::new(),
            mode: watch::Sender::new(Mode::Works),
            poison: Arc::default(),
            tried: Arc::default(),
            batches: Arc::default(),
        }
    }

    /// What is really stored.
    #[must_use]
    pub fn inner(&self) -> &MemoryStore {
        &self.inner
    }

    /// Works again; what hung is committed.
    pub fn work(&self) {
        self.mode.send_replace(Mode::Works);
    }

    /// Answers "unavailable" to everything.
    pub fn fail(&self) {
        self.mode.send_replace(Mode::Fails);
    }

    /// Answers "unavailable" to the next batch.
    pub fn fail_once(&self) {
        self.mode.send_replace(Mode::FailsOnce);
    }

    /// Takes batches and does not answer until it [works](Self::work) again.
    pub fn hang(&self) {
        self.mode.send_replace(Mode::Hangs);
    }

    /// Takes `time` for every batch, and does what it is asked for.
    pub fn slow(&self, time: Duration) {
        self.mode.send_replace(Mode::Slow(time));
    }

    /// Answers to everything that is committed that another process owns it by now.
    pub fn disown(&self) {
        self.mode.send_replace(Mode::Disowned);
    }

    /// Rejects every checkpoint between two steps; everything else works.
    pub fn reject_checkpoints(&self) {
        self.mode.send_replace(Mode::RejectsCheckpoints);
    }

    /// Rejects every admission that would store a workflow; everything else works.
    pub fn reject_admissions(&self) {
        self.mode.send_replace(Mode::RejectsAdmissions);
    }

    /// Rejects the checkpoints and the quarantine of one workflow, whatever else the store does.
    pub fn poison(&self, id: WorkflowId) {
        self.poison.lock().insert(id);
    }

    /// Panics in every commit.
    pub fn panic(&self) {
        self.mode.send_replace(Mode::Panics);
    }

    /// The kinds of operation that were tried so far, in order: `admit`, `advance`, `defer`, `resolve`, `quarantine`,
    /// `other`.
    #[must_use]
    pub fn tried(&self) -> Vec<&'static str> {
        self.tried.lock().clone()
    }

    /// The most batches that were under way at once so far.
    #[must_use]
    pub fn most_at_once(&self) -> usize {
        self.batches.lock().1
    }

    fn rejects(&self, op: &Op, mode: Mode) -> bool {
        let id = match op {
            Op::Admit(admit) => return mode == Mode::RejectsAdmissions && !admit.create.is_empty(),
            Op::Advance(_) if mode == Mode::RejectsCheckpoints => return true,
            Op::Advance(advance) => advance.id,
            Op::Defer(defer) => defer.id,
            Op::Quarantine(quarantine) => quarantine.id,
            _ => return false,
        };
        self.poison.lock().contains(&id)
    }
}

/// Counts a batch for as long as it lives.
struct UnderWay(Arc<Mutex<(usize, usize)>>);

impl UnderWay {
    fn begin(batches: &Arc<Mutex<(usize, usize)>>) -> Self {
        let mut count = batches.lock();
        count.0 += 1;
        count.1 = count.1.max(count.0);
        drop(count);
        Self(batches.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.lock().0 -= 1;
    }
}

impl Default for FaultyStore {
    fn default() -> Self {
        Self::new()
    }
}

fn kind(op: &Op) -> &'static str {
    match op {
        Op::Admit(_) => "admit",
        Op::Advance(_) => "advance",
        Op::Defer(_) => "defer",
        Op::Resolve(_) => "resolve",
        Op::Quarantine(_) => "quarantine",
        _ => "other",
    }
}

fn no() -> StoreError {
    StoreError::unavailable("the test says no")
}

impl StateStore for FaultyStore {
    fn kind(&self) -> &'static str {
        "faulty"
    }

    fn open(&self) -> BoxFuture<'_, Result<Opened, StoreError>> {
        match *self.mode.borrow() {
            Mode::Fails => async { Err(no()) }.boxed(),
            _ => self.inner.open(),
        }
    }

    fn commit(&self, batch: Vec<Arc<Op>>) -> BoxFuture<'static, Vec<Result<Applied, StoreError>>> {
        self.tried.lock().extend(batch.iter().map(|op| kind(op)));
        let (store, mut mode) = (self.clone(), self.mode.subscribe());
        let under_way = UnderWay::begin(&self.batches);
        async move {
            let _under_way = under_way;
            let now = match mode.wait_for(|mode| *mode != Mode::Hangs).await {
                Ok(mode) => *mode,
                Err(_) => Mode::Fails,
            };
            match now {
                Mode::FailsOnce => store.work(),
                Mode::Slow(time) => tokio::time::sleep(time).await,
                Mode::Panics => panic!("the store panics"),
                _ => {}
            }
            if matches!(now, Mode::Fails | Mode::FailsOnce) {
                return batch.iter().map(|_| Err(no())).collect();
            }
            if now == Mode::Disowned {
                return batch.iter().map(|_| Err(StoreError::owned("another process has opened the store"))).collect();
            }
            // One by one, so that what is rejected is answered in its place.
            let mut answers = Vec::with_capacity(batch.len());
            for op in batch {
                if store.rejects(&op, now) {
                    answers.push(Err(StoreError::rejected("poisonous")));
                } else {
                    answers.extend(store.inner.commit(vec![op]).await);
                }
            }
            answers
        }
        .boxed()
    }

    fn scan(&self, filter: Filter, limit: usize) -> BoxFuture<'_, Result<Vec<StoredWorkflow>, StoreError>> {
        match *self.mode.borrow() {
            Mode::Fails => async { Err(no()) }.boxed(),
            _ => self.inner.scan(filter, limit),
        }
    }

    fn due(&self, due: Due, limit: usize) -> BoxFuture<'_, Result<Vec<StoredWorkflow>, StoreError>> {
        match *self.mode.borrow() {
            Mode::Fails => async { Err(no()) }.boxed(),
            _ => self.inner.due(due, limit),
        }
    }

    fn lanes(&self, which: InLanes, limit: usize) -> BoxFuture<'_, Result<Vec<LaneMember>, StoreError>> {
        match *self.mode.borrow() {
            Mode::Fails => async { Err(no()) }.boxed(),
            _ => self.inner.lanes(which, limit),
        }
    }

    fn count_in_lanes(&self, which: InLanes) -> BoxFuture<'_, Result<u64, StoreError>> {
        match *self.mode.borrow() {
            Mode::Fails => async { Err(no()) }.boxed(),
            _ => self.inner.count_in_lanes(which),
        }
    }

    fn cursors(&self, source: Arc<str>) -> BoxFuture<'_, Result<Vec<StoredCursor>, StoreError>> {
        match *self.mode.borrow() {
            Mode::Fails => async { Err(no()) }.boxed(),
            _ => self.inner.cursors(source),
        }
    }

    fn history(&self, orchestration: Option<String>, limit: usize) -> BoxFuture<'_, Result<Vec<Ended>, StoreError>> {
        match *self.mode.borrow() {
            Mode::Fails => async { Err(no()) }.boxed(),
            _ => self.inner.history(orchestration, limit),
        }
    }

    fn counts(&self) -> BoxFuture<'_, Result<Vec<StatusCount>, StoreError>> {
        match *self.mode.borrow() {
            Mode::Fails => async { Err(no()) }.boxed(),
            _ => self.inner.counts(),
        }
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner.close()
    }
}
