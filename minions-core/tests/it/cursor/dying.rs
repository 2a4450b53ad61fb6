//! A store whose process dies: what was committed is there, what is asked for later is never answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use minions_core::store::{
    Applied, Due, Ended, Filter, InLanes, LaneMember, MemoryStore, Op, Opened, StateStore, StatusCount, StoreError,
    StoredCursor, StoredWorkflow,
};

type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

pub(super) struct DyingStore {
    inner: MemoryStore,
    left: Arc<AtomicU64>,
    /// Whether the operation that it dies of is durable.
    after: bool,
    dead: CancellationToken,
}

impl DyingStore {
    /// Dies of the operation after `operations` others.
    pub(super) fn new(inner: &MemoryStore, operations: u64, after: bool) -> Self {
        Self { inner: inner.clone(), left: Arc::new(operations.into()), after, dead: CancellationToken::new() }
    }

    pub(super) fn dead(&self) -> CancellationToken {
        self.dead.clone()
    }
}

impl StateStore for DyingStore {
    fn kind(&self) -> &'static str {
        "dying"
    }

    fn open(&self) -> Answer<'_, Opened> {
        self.inner.open()
    }

    fn commit(&self, batch: Vec<Arc<Op>>) -> BoxFuture<'static, Vec<Result<Applied, StoreError>>> {
        let (inner, left, after, dead) = (self.inner.clone(), self.left.clone(), self.after, self.dead.clone());
        async move {
            let mut answers = Vec::new();
            for op in batch {
                let died = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err();
                if died && (dead.is_cancelled() || !after) {
                    dead.cancel();
                    return std::future::pending().await;
                }
                answers.extend(inner.commit(vec![op]).await);
                if died {
                    dead.cancel();
                    return std::future::pending().await;
                }
            }
            answers
        }
        .boxed()
    }

    fn scan(&self, filter: Filter, limit: usize) -> Answer<'_, Vec<StoredWorkflow>> {
        self.inner.scan(filter, limit)
    }

    fn due(&self, due: Due, limit: usize) -> Answer<'_, Vec<StoredWorkflow>> {
        self.inner.due(due, limit)
    }

    fn lanes(&self, which: InLanes, limit: usize) -> Answer<'_, Vec<LaneMember>> {
        self.inner.lanes(which, limit)
    }

    fn count_in_lanes(&self, which: InLanes) -> Answer<'_, u64> {
        self.inner.count_in_lanes(which)
    }

    fn cursors(&self, source: Arc<str>) -> Answer<'_, Vec<StoredCursor>> {
        self.inner.cursors(source)
    }

    fn history(&self, orchestration: Option<String>, limit: usize) -> Answer<'_, Vec<Ended>> {
        self.inner.history(orchestration, limit)
    }

    fn counts(&self) -> Answer<'_, Vec<StatusCount>> {
        self.inner.counts()
    }

    fn close(&self) -> Answer<'_, ()> {
        self.inner.close()
    }
}
