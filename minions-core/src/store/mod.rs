//! Where unfinished work is kept: the [`StateStore`] trait and the stores that need no other crate.
//!
//! A store knows rows and atomic operations, nothing of components or steps. The runtime gathers operations into
//! batches (group commit), so a store only has to make one batch durable at a time.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::workflow::WorkflowId;

mod committer;
mod error;
mod memory;
mod none;
mod op;
mod row;

pub(crate) use committer::{Committed, Committer};
pub use error::StoreError;
pub use memory::MemoryStore;
pub use none::NoStore;
pub use op::{
    Admit, Advance, Amend, Applied, Begin, CursorMove, Dedupe, Defer, Discard, KeepHistory, NewWorkflow, Op,
    Quarantine, Requeue, Resolve, Signal, Suspect, Tidy, Wait, Work,
};
pub use row::{
    Due, DuePlace, Ended, FailureKind, FieldIs, Filter, InLanes, LaneMember, Outcome, Status, StatusCount, StepFailure,
    StoredCursor, StoredWorkflow,
};

/// Keeps workflows from one step to the next, and over restarts.
///
/// # The contract
///
/// * [`commit`](Self::commit) answers when the batch is durable, with one result for each operation, in order.
/// * An operation happens wholly or not at all. One that can never succeed fails alone: its neighbours are committed.
/// * Every operation is idempotent: the runtime repeats one whose outcome it does not know.
/// * A reader sees everything that was committed before it began.
/// * Every batch is refused as [owned](StoreError::is_owned) once another process has opened the store.
///
/// What each operation does to a row is said by its type, [`Op`]. `testing::store_conformance!`, with the feature
/// `testing`, turns all these sentences into tests for any store.
///
/// ```
/// use minions_core::store::{Filter, StateStore, Status, StoreError};
///
/// /// What waits for an operator, a page at a time.
/// async fn quarantined(store: &dyn StateStore) -> Result<Vec<String>, StoreError> {
///     let mut filter = Filter::all().status(Status::Quarantined);
///     let mut ids = Vec::new();
///     loop {
///         let page = store.scan(filter.clone(), 100).await?;
///         let Some(last) = page.last() else { return Ok(ids) };
///         filter = filter.after(last.id);
///         ids.extend(page.iter().map(|workflow| workflow.id.to_string()));
///     }
/// }
/// ```
pub trait StateStore: Send + Sync + 'static {
    /// What kind of store this is, in one word for logs and reports: `sqlite`, `memory`.
    fn kind(&self) -> &'static str;

    /// Whether work survives in this store at all; without it the runtime neither encodes nor commits.
    fn keeps(&self) -> bool {
        true
    }

    /// Takes possession of the store and prepares it; called once, before anything else.
    ///
    /// # Errors
    ///
    /// When it is owned by another process, was written by a newer version, or cannot be read or written. Nothing is
    /// left behind then, and the store is as it was.
    fn open(&self) -> BoxFuture<'_, Result<Opened, StoreError>>;

    /// Applies `batch` and answers when it is durable: one result per operation, in order.
    ///
    /// # Errors
    ///
    /// A [rejected](StoreError::is_rejected) operation will never succeed as it is; any other error says that the store
    /// is unavailable and the operation may be repeated.
    ///
    /// # Cancel safety
    ///
    /// The batch is under way once this function returned: dropping the future does not take it back.
    /// Operations are shared, so that whoever waits for one can repeat it without a copy; a store drops its own share before
    /// it answers, and the waiter can use the memory again.
    fn commit(&self, batch: Vec<Arc<Op>>) -> BoxFuture<'static, Vec<Result<Applied, StoreError>>>;

    /// How many batches may be under way at once.
    fn batches_in_flight(&self) -> usize {
        1
    }

    /// Reads up to `limit` workflows that match `filter`, in ascending order of identity.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    fn scan(&self, filter: Filter, limit: usize) -> BoxFuture<'_, Result<Vec<StoredWorkflow>, StoreError>>;

    /// Reads up to `limit` workflows that rest and wake as `due` says, in the order in which they wake.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    fn due(&self, due: Due, limit: usize) -> BoxFuture<'_, Result<Vec<StoredWorkflow>, StoreError>>;

    /// Reads up to `limit` members of lanes, in the order that [`InLanes`] describes.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    fn lanes(&self, which: InLanes, limit: usize) -> BoxFuture<'_, Result<Vec<LaneMember>, StoreError>>;

    /// Counts the members of lanes.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    fn count_in_lanes(&self, which: InLanes) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// Where the partitions of `source` are.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    fn cursors(&self, source: Arc<str>) -> BoxFuture<'_, Result<Vec<StoredCursor>, StoreError>>;

    /// Reads up to `limit` ended workflows, the last one first; all orchestrations unless one is named.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    fn history(&self, orchestration: Option<String>, limit: usize) -> BoxFuture<'_, Result<Vec<Ended>, StoreError>>;

    /// Counts the stored workflows by orchestration and status.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    fn counts(&self) -> BoxFuture<'_, Result<Vec<StatusCount>, StoreError>>;

    /// Counts the workflows in quarantine by orchestration. Every start waits for it, so it should not have to look at those
    /// that are not.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    fn quarantined(&self) -> BoxFuture<'_, Result<Vec<StatusCount>, StoreError>> {
        let counts = self.counts();
        Box::pin(async {
            let mut counts = counts.await?;
            counts.retain(|count| count.status == Status::Quarantined);
            Ok(counts)
        })
    }

    /// Finishes what is under way and gives the store up; called once, after everything else.
    ///
    /// # Errors
    ///
    /// When the store could not be closed in order; what was committed stays committed.
    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// What a store tells when it opens.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Opened {
    /// The greatest identity it holds; new ones are made above it.
    pub last_id: Option<WorkflowId>,
    /// How often the store has been opened, this time included: 1 for a new one, and greater for every later owner.
    pub epoch: u64,
    /// How many owners in a row have ended without closing it, up to now.
    pub deaths: u32,
    /// The workflow that ran alone when the last owner died; see [`Suspect`].
    pub alone: Option<WorkflowId>,
}

impl Opened {
    /// Describes a store whose greatest identity is `last_id`, opened for the `epoch`th time.
    #[must_use]
    pub fn new(last_id: Option<WorkflowId>, epoch: u64) -> Self {
        Self { last_id, epoch, ..Self::default() }
    }

    /// Says that `deaths` owners in a row have not closed it, and which workflow ran `alone` with the last of them.
    #[must_use]
    pub fn after_deaths(mut self, deaths: u32, alone: Option<WorkflowId>) -> Self {
        (self.deaths, self.alone) = (deaths, alone);
        self
    }
}
