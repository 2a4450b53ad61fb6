//! A store in memory whose answers are old by the time they arrive.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use minions_core::store::{
    Applied, Due, Ended, Filter, InLanes, LaneMember, MemoryStore, Op, Opened, StateStore, StatusCount, StoreError,
    StoredCursor, StoredWorkflow,
};

/// Takes up to 20 ms for everything: a commit before it is applied, a read after it has read.
#[derive(Clone)]
pub(crate) struct Stale {
    pub(crate) inner: MemoryStore,
    chance: Arc<AtomicU64>,
    around: Option<Arc<Around>>,
}

/// Reads as the test wants it.
type Around = dyn Fn(MemoryStore, Filter, usize) -> BoxFuture<'static, Rows> + Send + Sync;

type Rows = Result<Vec<StoredWorkflow>, StoreError>;

impl Stale {
    pub(crate) fn new(inner: MemoryStore, seed: u64) -> Self {
        Self { inner, chance: Arc::new(AtomicU64::new(seed)), around: None }
    }

    /// Lets every scan be done by `around`.
    pub(crate) fn scans<F: Future<Output = Rows> + Send + 'static>(
        mut self,
        around: impl Fn(MemoryStore, Filter, usize) -> F + Send + Sync + 'static,
    ) -> Self {
        self.around = Some(Arc::new(move |store, filter, limit| around(store, filter, limit).boxed()));
        self
    }

    /// The next pause: a step of a linear congruential generator (Knuth's MMIX constants).
    fn pause(&self) -> Duration {
        let next = |now: u64| now.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let before = self.chance.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| Some(next(now)));
        Duration::from_millis((next(before.expect("the closure always answers")) >> 40) % 20)
    }
}

impl StateStore for Stale {
    fn kind(&self) -> &'static str {
        "stale"
    }

    fn open(&self) -> BoxFuture<'_, Result<Opened, StoreError>> {
        self.inner.open()
    }

    fn commit(&self, batch: Vec<Arc<Op>>) -> BoxFuture<'static, Vec<Result<Applied, StoreError>>> {
        let (pause, inner) = (self.pause(), self.inner.clone());
        async move {
            tokio::time::sleep(pause).await;
            inner.commit(batch).await
        }
        .boxed()
    }

    fn scan(&self, filter: Filter, limit: usize) -> BoxFuture<'_, Rows> {
        if let Some(around) = &self.around {
            return around(self.inner.clone(), filter, limit);
        }
        let pause = self.pause();
        async move {
            let rows = self.inner.scan(filter, limit).await;
            tokio::time::sleep(pause).await;
            rows
        }
        .boxed()
    }

    fn due(&self, due: Due, limit: usize) -> BoxFuture<'_, Result<Vec<StoredWorkflow>, StoreError>> {
        let pause = self.pause();
        async move {
            let rows = self.inner.due(due, limit).await;
            tokio::time::sleep(pause).await;
            rows
        }
        .boxed()
    }

    fn lanes(&self, which: InLanes, limit: usize) -> BoxFuture<'_, Result<Vec<LaneMember>, StoreError>> {
        self.inner.lanes(which, limit)
    }

    fn count_in_lanes(&self, which: InLanes) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.inner.count_in_lanes(which)
    }

    fn cursors(&self, source: Arc<str>) -> BoxFuture<'_, Result<Vec<StoredCursor>, StoreError>> {
        self.inner.cursors(source)
    }

    fn history(&self, orchestration: Option<String>, limit: usize) -> BoxFuture<'_, Result<Vec<Ended>, StoreError>> {
        self.inner.history(orchestration, limit)
    }

    fn counts(&self) -> BoxFuture<'_, Result<Vec<StatusCount>, StoreError>> {
        self.inner.counts()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.inner.close()
    }
}
