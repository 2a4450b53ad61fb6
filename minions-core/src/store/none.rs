//! [`NoStore`]: for programs that start from nothing every time.

use std::future::ready;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::{Filter, Op, Opened, StateStore, StatusCount, StoreError, StoredWorkflow};

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

    fn commit(&self, batch: Vec<Op>) -> BoxFuture<'static, Vec<Result<(), StoreError>>> {
        ready(batch.iter().map(|_| Ok(())).collect()).boxed()
    }

    fn scan(&self, _: Filter, _: usize) -> BoxFuture<'_, Result<Vec<StoredWorkflow>, StoreError>> {
        ready(Ok(Vec::new())).boxed()
    }

    fn counts(&self) -> BoxFuture<'_, Result<Vec<StatusCount>, StoreError>> {
        ready(Ok(Vec::new())).boxed()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        ready(Ok(())).boxed()
    }
}
