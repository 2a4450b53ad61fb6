//! [`SqliteStore`]: the writer and the reader behind the store's contract.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::{self, BoxFuture};

use minions_core::store::{
    Applied, Due, Ended, Filter, InLanes, LaneMember, Op, Opened, StateStore, StatusCount, StoreError, StoredCursor,
    StoredWorkflow,
};

use crate::Durability;
use crate::reader::Reader;
use crate::state_file::{Running, StateFile};
use crate::writer::Writer;

/// Keeps workflows in one SQLite file.
///
/// Nothing is touched before [`open`](StateStore::open), which creates the file and its directory if they are missing
/// (on Unix readable by their owner only), brings an older schema up to date, and takes the file for this process.
///
/// A store that is dropped without [`close`](StateStore::close) finishes what is queued, and the drop waits for it.
///
/// # Examples
///
/// ```
/// use minions_core::store::{Filter, StateStore as _};
/// use minions_sqlite::{Durability, SqliteStore};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), minions_core::store::StoreError> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("state.db");
/// let store = SqliteStore::at(path).durability(Durability::Power);
/// let opened = store.open().await?;
/// assert_eq!(opened.epoch, 1);
/// assert!(store.scan(Filter::all(), 10).await?.is_empty());
/// store.close().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use]
pub struct SqliteStore {
    file: StateFile,
    durability: Durability,
    visits: bool,
}

impl SqliteStore {
    /// A store in the file at `path`, for example `.minions/state.db`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { file: StateFile::at(path.into()), durability: Durability::default(), visits: false }
    }

    /// Opens the file to look at it or to change single workflows, and not to run them: how often programs have died with it
    /// stays as it is recorded.
    pub fn visiting(mut self) -> Self {
        self.visits = true;
        self
    }

    /// What a commit survives; [`Durability::Power`] unless set.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The file for the tables of the program itself, which can be used while the store is open.
    #[must_use]
    pub fn state_file(&self) -> StateFile {
        self.file.clone()
    }

    fn reader(&self) -> Result<Reader, StoreError> {
        self.file.with(|running| running.reader.clone())
    }
}

impl StateStore for SqliteStore {
    fn kind(&self) -> &'static str {
        "sqlite"
    }

    fn open(&self) -> BoxFuture<'_, Result<Opened, StoreError>> {
        async {
            // Absolute, because the program may change its directory while the pool opens further connections, and
            // because a path that begins with `file:` would be taken for an address.
            let path = std::path::absolute(self.path()).map_err(|error| {
                StoreError::unavailable(format!("`{}` is no path to a state", self.path().display())).with_source(error)
            })?;
            let (writer, opened) = Writer::start(path.clone(), self.durability, self.visits).await?;
            self.file.open(Running::new(writer, Reader::new(&path)));
            Ok(opened)
        }
        .boxed()
    }

    fn commit(&self, batch: Vec<Arc<Op>>) -> BoxFuture<'static, Vec<Result<Applied, StoreError>>> {
        let count = batch.len();
        match self.file.with(|running| running.writer.commit(batch)) {
            Ok(committed) => committed.boxed(),
            Err(not_open) => future::ready(vec![Err(not_open); count]).boxed(),
        }
    }

    fn scan(&self, filter: Filter, limit: usize) -> BoxFuture<'_, Result<Vec<StoredWorkflow>, StoreError>> {
        async move { self.reader()?.scan(filter, limit).await }.boxed()
    }

    fn due(&self, due: Due, limit: usize) -> BoxFuture<'_, Result<Vec<StoredWorkflow>, StoreError>> {
        async move { self.reader()?.due(due, limit).await }.boxed()
    }

    fn lanes(&self, which: InLanes, limit: usize) -> BoxFuture<'_, Result<Vec<LaneMember>, StoreError>> {
        async move { self.reader()?.lanes(&which, limit).await }.boxed()
    }

    fn count_in_lanes(&self, which: InLanes) -> BoxFuture<'_, Result<u64, StoreError>> {
        async move { self.reader()?.count_in_lanes(&which).await }.boxed()
    }

    fn cursors(&self, source: Arc<str>) -> BoxFuture<'_, Result<Vec<StoredCursor>, StoreError>> {
        async move { self.reader()?.cursors(&source).await }.boxed()
    }

    fn history(&self, orchestration: Option<String>, limit: usize) -> BoxFuture<'_, Result<Vec<Ended>, StoreError>> {
        async move { self.reader()?.history(orchestration, limit).await }.boxed()
    }

    fn counts(&self) -> BoxFuture<'_, Result<Vec<StatusCount>, StoreError>> {
        async { self.reader()?.counts().await }.boxed()
    }

    fn quarantined(&self) -> BoxFuture<'_, Result<Vec<StatusCount>, StoreError>> {
        async { self.reader()?.quarantined().await }.boxed()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        async {
            match self.file.take() {
                Some(running) => running.close().await,
                None => Ok(()),
            }
        }
        .boxed()
    }
}
