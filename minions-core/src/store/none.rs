//! [`NoStore`]: for programs that start from nothing every time.

use std::future::ready;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::{
    Applied, Due, Ended, Filter, InLanes, LaneMember, Op, Opened, StateStore, StatusCount, StoreError, StoredCursor,
    StoredWorkflow,
};

/// Keeps nothing: no workflow survives, no step waits for a checkpoint, nothing is encoded.
///
/// ```
/// use minions_core::store::{NoStore, StateStore as _};
///
/// assert!(!NoStore.keeps());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct NoStore;

impl StateStore for NoStore {
    fn kind(&self) -> &'static str {
        "none"
    }

    fn keeps(&self) -> bool {
        false
    }

    fn open(&self) -> BoxFuture<'_, Result<Opened, StoreError>> {
        ready(Ok(Opened::new(None, 1))).boxed()
    }

    fn commit(&self, batch: Vec<Arc<Op>>) -> BoxFuture<'static, Vec<Result<Applied, StoreError>>> {
        ready(batch.iter().map(|_| Ok(Applied::Done)).collect()).boxed()
    }

    fn scan(&self, _: Filter, _: usize) -> BoxFuture<'_, Result<Vec<StoredWorkflow>, StoreError>> {
        ready(Ok(Vec::new())).boxed()
    }

    fn due(&self, _: Due, _: usize) -> BoxFuture<'_, Result<Vec<StoredWorkflow>, StoreError>> {
        ready(Ok(Vec::new())).boxed()
    }

    fn lanes(&self, _: InLanes, _: usize) -> BoxFuture<'_, Result<Vec<LaneMember>, StoreError>> {
        ready(Ok(Vec::new())).boxed()
    }

    fn count_in_lanes(&self, _: InLanes) -> BoxFuture<'_, Result<u64, StoreError>> {
        ready(Ok(0)).boxed()
    }

    fn cursors(&self, _: Arc<str>) -> BoxFuture<'_, Result<Vec<StoredCursor>, StoreError>> {
        ready(Ok(Vec::new())).boxed()
    }

    fn history(&self, _: Option<String>, _: usize) -> BoxFuture<'_, Result<Vec<Ended>, StoreError>> {
        ready(Ok(Vec::new())).boxed()
    }

    fn counts(&self) -> BoxFuture<'_, Result<Vec<StatusCount>, StoreError>> {
        ready(Ok(Vec::new())).boxed()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        ready(Ok(())).boxed()
    }
}
