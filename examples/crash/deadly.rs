//! A store that passes named points on its way to another one.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use minions::store::{
    Admit, Applied, Due, Ended, Filter, InLanes, LaneMember, Op, Opened, StateStore, StatusCount, StoreError,
    StoredCursor, StoredWorkflow,
};

use crate::points::{pass, pass_slowly};

pub struct Deadly<S>(pub S);

impl<S: StateStore> StateStore for Deadly<S> {
    fn kind(&self) -> &'static str {
        self.0.kind()
    }

    fn open(&self) -> BoxFuture<'_, Result<Opened, StoreError>> {
        between("open", self.0.open())
    }

    fn commit(&self, batch: Vec<Arc<Op>>) -> BoxFuture<'static, Vec<Result<Applied, StoreError>>> {
        let kinds: BTreeSet<_> = batch.iter().flat_map(|op| kinds(op)).collect();
        kinds.iter().for_each(|kind| pass(kind, "before"));
        let committed = self.0.commit(batch);
        kinds.iter().for_each(|kind| pass_slowly(kind, "during"));
        async move {
            let results = committed.await;
            // Durable, and nobody knows.
            kinds.iter().for_each(|kind| pass(kind, "after"));
            results
        }
        .boxed()
    }

    fn scan(&self, filter: Filter, limit: usize) -> BoxFuture<'_, Result<Vec<StoredWorkflow>, StoreError>> {
        between("scan", self.0.scan(filter, limit))
    }

    fn due(&self, due: Due, limit: usize) -> BoxFuture<'_, Result<Vec<StoredWorkflow>, StoreError>> {
        between("due", self.0.due(due, limit))
    }

    fn lanes(&self, which: InLanes, limit: usize) -> BoxFuture<'_, Result<Vec<LaneMember>, StoreError>> {
        between("lanes", self.0.lanes(which, limit))
    }

    fn count_in_lanes(&self, which: InLanes) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.0.count_in_lanes(which)
    }

    fn cursors(&self, source: Arc<str>) -> BoxFuture<'_, Result<Vec<StoredCursor>, StoreError>> {
        between("cursors", self.0.cursors(source))
    }

    fn history(&self, orchestration: Option<String>, limit: usize) -> BoxFuture<'_, Result<Vec<Ended>, StoreError>> {
        self.0.history(orchestration, limit)
    }

    fn counts(&self) -> BoxFuture<'_, Result<Vec<StatusCount>, StoreError>> {
        self.0.counts()
    }

    fn quarantined(&self) -> BoxFuture<'_, Result<Vec<StatusCount>, StoreError>> {
        self.0.quarantined()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        between("close", self.0.close())
    }
}

fn between<'s, T: 's>(place: &'static str, work: BoxFuture<'s, T>) -> BoxFuture<'s, T> {
    async move {
        pass(place, "before");
        let done = work.await;
        pass(place, "after");
        done
    }
    .boxed()
}

/// What is special about an operation.
fn kinds(op: &Op) -> Vec<&'static str> {
    let mut kinds = Vec::new();
    let mut asks = |emits: &[Admit], works: bool| {
        kinds.extend((!emits.is_empty()).then_some("emit"));
        kinds.extend(works.then_some("work"));
    };
    match op {
        Op::Advance(op) => asks(&op.emits, !op.work.is_empty()),
        Op::Resolve(op) => asks(&op.emits, !op.work.is_empty()),
        _ => {}
    }
    match op {
        Op::Admit(op) => {
            kinds.push("admit");
            kinds.extend(op.cursor.is_some().then_some("cursor"));
            kinds.extend(op.dedupe.is_some().then_some("key"));
        }
        Op::Advance(op) => {
            kinds.push("advance");
            kinds.extend(op.wait.is_some().then_some("wait"));
        }
        Op::Begin(_) => kinds.push("turn"),
        Op::Defer(_) => kinds.push("defer"),
        Op::Resolve(_) => kinds.push("resolve"),
        Op::Suspect(_) => kinds.push("suspect"),
        _ => {}
    }
    kinds
}
