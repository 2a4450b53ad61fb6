//! [`MemoryStore`]: everything a store promises, except to outlive the process.

use std::collections::BTreeMap;
use std::fmt;
use std::future::ready;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use crate::workflow::WorkflowId;

use super::{
    Admit, Advance, Discard, Filter, NewWorkflow, Op, Opened, Quarantine, Requeue, Resolve, StateStore, Status,
    StatusCount, StepFailure, StoreError, StoredWorkflow,
};

/// Keeps workflows in memory: for tests, and for programs whose work may die with the process.
///
/// Clones share their content, so a test "restarts" a program by giving a clone to the next one.
///
/// ```
/// use minions_core::store::{Filter, MemoryStore, StateStore as _};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), minions_core::store::StoreError> {
/// let store = MemoryStore::new();
/// let first = store.clone().open().await?;
/// let second = store.open().await?;
/// assert_eq!((first.epoch, second.epoch), (1, 2));
/// assert!(store.scan(Filter::all(), 10).await?.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct MemoryStore {
    content: Arc<Mutex<Content>>,
}

#[derive(Default)]
struct Content {
    epoch: u64,
    rows: BTreeMap<i64, Row>,
}

struct Row {
    id: WorkflowId,
    orchestration: Arc<str>,
    status: Status,
    step: String,
    steps_hash: u64,
    seq: u32,
    attempt: u32,
    event: Arc<[u8]>,
    context: Vec<u8>,
    failures: Vec<StepFailure>,
    created_ms: i64,
    updated_ms: i64,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("workflows", &self.content.lock().rows.len()).finish_non_exhaustive()
    }
}

impl StateStore for MemoryStore {
    fn kind(&self) -> &'static str {
        "memory"
    }

    fn open(&self) -> BoxFuture<'_, Result<Opened, StoreError>> {
        let mut content = self.content.lock();
        content.epoch += 1;
        let last_id = content.rows.last_key_value().map(|(_, row)| row.id);
        ready(Ok(Opened::new(last_id, content.epoch))).boxed()
    }

    fn commit(&self, batch: Vec<Op>) -> BoxFuture<'static, Vec<Result<(), StoreError>>> {
        let mut content = self.content.lock();
        let results = batch.into_iter().map(|op| content.apply(op)).collect();
        ready(results).boxed()
    }

    fn scan(&self, filter: Filter, limit: usize) -> BoxFuture<'_, Result<Vec<StoredWorkflow>, StoreError>> {
        let content = self.content.lock();
        let after = filter.after.map_or(i64::MIN, |id| id.key().saturating_add(1));
        let up_to = filter.up_to.map_or(i64::MAX, |id| id.key());
        // `range` panics on an inverted range, which a filter may well describe.
        let range = if after <= up_to { content.rows.range(after..=up_to) } else { content.rows.range(0..0) };
        let found = range.map(|(_, row)| row).filter(|row| row.matches(&filter)).take(limit).map(Row::stored).collect();
        ready(Ok(found)).boxed()
    }

    fn counts(&self) -> BoxFuture<'_, Result<Vec<StatusCount>, StoreError>> {
        let mut counts = BTreeMap::<_, u64>::new();
        for row in self.content.lock().rows.values() {
            *counts.entry((row.orchestration.clone(), row.status)).or_default() += 1;
        }
        let counts = counts.into_iter().map(|((orchestration, status), count)| StatusCount {
            orchestration: orchestration.to_string(),
            status,
            count,
        });
        ready(Ok(counts.collect())).boxed()
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        ready(Ok(())).boxed()
    }
}

impl Content {
    fn apply(&mut self, op: Op) -> Result<(), StoreError> {
        match op {
            Op::Admit(op) => self.admit(op),
            Op::Advance(op) => self.advance(op),
            Op::Resolve(Resolve { id }) => {
                // A missing row is no error: the operation was repeated.
                let _ = self.remove(id);
                Ok(())
            }
            Op::Quarantine(op) => self.quarantine(op),
            Op::Requeue(op) => self.requeue(&op),
            Op::Discard(Discard { id }) => self.remove(id),
        }
    }

    fn admit(&mut self, Admit { event, create, at_ms }: Admit) -> Result<(), StoreError> {
        // Everything is checked before anything is stored: all or none.
        for new in &create {
            if let Some(row) = self.rows.get(&new.id.key()).filter(|row| row.id != new.id) {
                return Err(StoreError::rejected(format!("workflow {} has the key of workflow {}", new.id, row.id)));
            }
        }
        for new in create {
            self.rows.entry(new.id.key()).or_insert_with(|| Row::new(new, event.clone(), at_ms));
        }
        Ok(())
    }

    fn advance(&mut self, op: Advance) -> Result<(), StoreError> {
        let row = self.row(op.id)?;
        row.step = op.step.into_owned();
        row.steps_hash = op.steps_hash;
        row.seq = op.seq;
        row.attempt = 0;
        row.context = op.context;
        row.updated_ms = op.at_ms;
        Ok(())
    }

    fn quarantine(&mut self, Quarantine { id, failure, at_ms }: Quarantine) -> Result<(), StoreError> {
        let row = self.row(id)?;
        // The same failure again is the operation repeated, not a second failure.
        if row.status == Status::Quarantined && row.failures.last() == Some(&failure) {
            return Ok(());
        }
        row.status = Status::Quarantined;
        row.attempt = failure.attempt;
        row.failures.push(failure);
        let forgotten = row.failures.len().saturating_sub(StepFailure::KEPT);
        row.failures.drain(..forgotten);
        row.updated_ms = at_ms;
        Ok(())
    }

    fn requeue(&mut self, Requeue { id, at_ms }: &Requeue) -> Result<(), StoreError> {
        let row = self.row(*id)?;
        if row.status != Status::Quarantined {
            return Err(StoreError::rejected(format!("workflow {id} is not quarantined")));
        }
        row.status = Status::Running;
        row.updated_ms = *at_ms;
        Ok(())
    }

    fn remove(&mut self, id: WorkflowId) -> Result<(), StoreError> {
        self.row(id)?;
        self.rows.remove(&id.key());
        Ok(())
    }

    fn row(&mut self, id: WorkflowId) -> Result<&mut Row, StoreError> {
        self.rows
            .get_mut(&id.key())
            .filter(|row| row.id == id)
            .ok_or_else(|| StoreError::rejected(format!("workflow {id} is not stored")))
    }
}

impl Row {
    fn new(new: NewWorkflow, event: Arc<[u8]>, at_ms: i64) -> Self {
        Self {
            id: new.id,
            orchestration: new.orchestration,
            status: Status::Running,
            step: new.step.into_owned(),
            steps_hash: new.steps_hash,
            seq: 0,
            attempt: 0,
            event,
            context: new.context,
            failures: Vec::new(),
            created_ms: at_ms,
            updated_ms: at_ms,
        }
    }

    fn matches(&self, filter: &Filter) -> bool {
        filter.only.is_none_or(|id| id == self.id)
            && filter.status.is_none_or(|status| status == self.status)
            && filter.orchestration.as_deref().is_none_or(|orchestration| orchestration == &*self.orchestration)
    }

    fn stored(&self) -> StoredWorkflow {
        StoredWorkflow {
            id: self.id,
            orchestration: self.orchestration.to_string(),
            status: self.status,
            step: self.step.clone(),
            steps_hash: self.steps_hash,
            seq: self.seq,
            attempt: self.attempt,
            event: self.event.to_vec(),
            context: self.context.clone(),
            failures: self.failures.clone(),
            created_ms: self.created_ms,
            updated_ms: self.updated_ms,
            damage: None,
        }
    }
}
