//! [`MemoryStore`]: everything a store promises, except to outlive the process.

use std::borrow::Cow;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::ready;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use crate::workflow::WorkflowId;

use super::{
    Admit, Advance, Amend, Applied, Begin, CursorMove, Defer, Discard, Due, Ended, Filter, InLanes, LaneMember,
    NewWorkflow, Op, Opened, Quarantine, Requeue, Resolve, Signal, StateStore, Status, StatusCount, StepFailure,
    StoreError, StoredCursor, StoredWorkflow, Suspect, Tidy, Work,
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
    /// How many owners in a row have not closed it.
    deaths: u32,
    is_open: bool,
    rows: BTreeMap<i64, Row>,
    /// The rows that rest: their orchestrations, when they wake, and their keys.
    resting: BTreeSet<(Arc<str>, i64, i64)>,
    /// The members of lanes: their orchestrations, lanes, statuses and keys.
    in_lanes: BTreeSet<(Arc<str>, Arc<str>, Status, i64)>,
    /// By the key of the workflow and the name.
    signals: BTreeMap<(i64, String), Vec<u8>>,
    /// By source and partition: how many events, and the position after the last of them.
    cursors: BTreeMap<Pair, (u64, Vec<u8>)>,
    /// By scope and key: until when, and the workflow that was admitted by it.
    keys: BTreeMap<Pair, (i64, WorkflowId)>,
    /// Revisions and deaths by key.
    suspects: BTreeMap<i64, (u32, u32)>,
    alone: Option<WorkflowId>,
    /// In the order of their ends.
    history: Vec<Ended>,
}

type Pair = (Arc<str>, Arc<str>);

struct Row {
    id: WorkflowId,
    orchestration: Arc<str>,
    status: Status,
    step: String,
    steps_hash: u64,
    version: u32,
    seq: u32,
    attempt: u32,
    revision: u32,
    wake_ms: Option<i64>,
    lane: Option<Arc<str>>,
    signal: Option<String>,
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
        if std::mem::replace(&mut content.is_open, true) {
            content.deaths += 1;
        }
        let last_id = content.rows.last_key_value().map(|(_, row)| row.id);
        ready(Ok(Opened::new(last_id, content.epoch).after_deaths(content.deaths, content.alone))).boxed()
    }

    fn commit(&self, batch: Vec<Arc<Op>>) -> BoxFuture<'static, Vec<Result<Applied, StoreError>>> {
        let mut content = self.content.lock();
        let results = batch.into_iter().map(|op| content.apply(Arc::unwrap_or_clone(op))).collect();
        ready(results).boxed()
    }

    fn scan(&self, filter: Filter, limit: usize) -> BoxFuture<'_, Result<Vec<StoredWorkflow>, StoreError>> {
        let content = self.content.lock();
        let after = filter.after.map_or(i64::MIN, |id| id.key().saturating_add(1));
        let up_to = filter.up_to.map_or(i64::MAX, |id| id.key());
        // `range` panics on an inverted range, which a filter may well describe.
        let range = if after <= up_to { content.rows.range(after..=up_to) } else { content.rows.range(0..0) };
        let rows = range.map(|(_, row)| row).filter(|row| content.matches(row, &filter)).take(limit);
        ready(Ok(rows.map(|row| content.stored(row)).collect())).boxed()
    }

    fn due(&self, due: Due, limit: usize) -> BoxFuture<'_, Result<Vec<StoredWorkflow>, StoreError>> {
        let content = self.content.lock();
        let first = (due.orchestration.clone(), due.after.wake_ms, due.after.key);
        let found = content
            .resting
            .range(first.clone()..)
            .skip_while(|place| **place == first)
            .take_while(|(orchestration, wake_ms, _)| *orchestration == due.orchestration && *wake_ms <= due.until_ms)
            .take(limit);
        ready(Ok(found.map(|(_, _, key)| content.stored(&content.rows[key])).collect())).boxed()
    }

    fn lanes(&self, which: InLanes, limit: usize) -> BoxFuture<'_, Result<Vec<LaneMember>, StoreError>> {
        let content = self.content.lock();
        let members = content.members(&which).take(limit);
        ready(Ok(members
            .map(|(_, lane, status, key)| LaneMember::new(&**lane, content.rows[key].id, *status))
            .collect()))
        .boxed()
    }

    fn count_in_lanes(&self, which: InLanes) -> BoxFuture<'_, Result<u64, StoreError>> {
        let content = self.content.lock();
        ready(Ok(content.members(&which).count() as u64)).boxed()
    }

    fn cursors(&self, source: Arc<str>) -> BoxFuture<'_, Result<Vec<StoredCursor>, StoreError>> {
        let content = self.content.lock();
        let of_source = content.cursors.iter().filter(|((of, _), _)| *of == source);
        let cursors = of_source
            .map(|((_, partition), (count, position))| StoredCursor::new(&**partition, *count, position.clone()));
        ready(Ok(cursors.collect())).boxed()
    }

    fn history(&self, orchestration: Option<String>, limit: usize) -> BoxFuture<'_, Result<Vec<Ended>, StoreError>> {
        let content = self.content.lock();
        let ended = content.history.iter().rev();
        let ended = ended.filter(|ended| orchestration.as_deref().is_none_or(|of| *of == *ended.orchestration));
        ready(Ok(ended.take(limit).cloned().collect())).boxed()
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
        let mut content = self.content.lock();
        content.is_open = false;
        content.deaths = 0;
        content.suspects.clear();
        content.alone = None;
        ready(Ok(())).boxed()
    }
}

/// What a row says to an operation that makes a revision of it.
enum Turn {
    Now,
    /// The operation was repeated.
    Past,
}

impl Content {
    fn apply(&mut self, op: Op) -> Result<Applied, StoreError> {
        match op {
            Op::Admit(op) => return self.admit(op),
            Op::Signal(op) => return self.signal(op),
            Op::Begin(op) => self.begin(&op),
            Op::Advance(op) => self.advance(op),
            Op::Defer(op) => self.defer(op),
            Op::Resolve(op) => self.resolve(op),
            Op::Quarantine(op) => self.quarantine(op),
            Op::Requeue(op) => self.requeue(op),
            Op::Amend(op) => self.amend(op),
            Op::Discard(Discard { id }) => self.row(id).map(drop).map(|()| self.remove(id)),
            Op::Suspect(op) => {
                self.suspect(op);
                Ok(())
            }
            Op::Tidy(op) => {
                self.tidy(&op);
                Ok(())
            }
        }
        .map(|()| Applied::Done)
    }

    fn admit(&mut self, op: Admit) -> Result<Applied, StoreError> {
        // Everything is checked before anything is stored: all or none.
        for new in &op.create {
            if let Some(row) = self.rows.get(&new.id.key()).filter(|row| row.id != new.id) {
                return Err(StoreError::rejected(format!("workflow {} has the key of workflow {}", new.id, row.id)));
            }
        }
        if let Some(CursorMove { source, partition, count, position }) = op.cursor {
            let place = (source, partition);
            let applied = self.cursors.get(&place).map_or(0, |cursor| cursor.0);
            if count <= applied {
                return Ok(Applied::Done);
            }
            if count > applied + 1 {
                return Err(StoreError::unavailable(format!(
                    "event {count} of a cursor waits for event {}, which is not stored yet",
                    applied + 1
                )));
            }
            self.cursors.insert(place, (count, position));
        }
        if let Some((dedupe, first)) = op.dedupe.zip(op.create.first()) {
            let known = self.keys.entry((dedupe.scope, dedupe.key)).or_insert((i64::MIN, first.id));
            if known.0 > op.at_ms && known.1 != first.id {
                return Ok(Applied::Duplicate);
            }
            *known = (dedupe.until_ms, first.id);
        }
        for new in op.create {
            let key = new.id.key();
            let (wake_ms, status) = (new.wake_ms, if new.waits { Status::Waiting } else { Status::Running });
            if let Entry::Vacant(vacant) = self.rows.entry(key) {
                vacant.insert(Row::new(new, op.event.clone(), op.at_ms));
                self.rest(key, wake_ms);
                self.set_status(key, status);
            }
        }
        Ok(Applied::Done)
    }

    /// Whether the row of `id` is about to be at `revision`.
    fn turn(&mut self, id: WorkflowId, revision: u32) -> Result<Turn, StoreError> {
        let row = self.row(id)?;
        if row.revision >= revision {
            return Ok(Turn::Past);
        }
        if row.revision + 1 < revision {
            let behind = row.revision;
            return Err(StoreError::rejected(format!("workflow {id} is at revision {behind}, not before {revision}")));
        }
        Ok(Turn::Now)
    }

    /// What a step asked for, or nothing of it.
    fn ask(&mut self, id: WorkflowId, emits: Vec<Admit>, work: &[Work]) -> Result<(), StoreError> {
        if let Some(work) = work.first() {
            return Err(StoreError::rejected(format!(
                "the step of workflow {id} hands over `{}`, which only a store of the kind `{}` can do",
                work.label(),
                work.kind()
            )));
        }
        let taken = |new: &&NewWorkflow| self.rows.get(&new.id.key()).is_some_and(|row| row.id != new.id);
        if let Some(new) = emits.iter().flat_map(|emit| &emit.create).find(taken) {
            return Err(StoreError::rejected(format!("workflow {} has the key of another workflow", new.id)));
        }
        emits.into_iter().try_for_each(|emit| self.admit(emit).map(drop))
    }

    fn advance(&mut self, op: Advance) -> Result<(), StoreError> {
        if let Turn::Past = self.turn(op.id, op.revision)? {
            return Ok(());
        }
        self.ask(op.id, op.emits, &op.work)?;
        let key = op.id.key();
        if let Some(consumed) = op.consumed {
            self.signals.remove(&(key, consumed.into_owned()));
        }
        let row = self.row(op.id)?;
        row.step = op.step.into_owned();
        row.steps_hash = op.steps_hash;
        row.version = op.version;
        row.seq = op.seq;
        row.attempt = op.attempt;
        row.revision = op.revision;
        row.context = op.context;
        row.updated_ms = op.at_ms;
        if let Some(event) = op.event {
            row.event = event;
        }
        row.fail(op.failure);
        let mut wake_ms = op.wait.as_ref().map(|wait| wait.until_ms);
        if !op.stays {
            row.signal = op.wait.and_then(|wait| wait.signal).map(Cow::into_owned);
        }
        if let Some(signal) = row.signal.clone().filter(|_| !op.stays)
            && self.signals.contains_key(&(key, signal))
        {
            wake_ms = Some(op.at_ms);
        }
        self.rest(key, wake_ms);
        Ok(())
    }

    fn begin(&mut self, op: &Begin) -> Result<(), StoreError> {
        if let Turn::Past = self.turn(op.id, op.revision)? {
            return Ok(());
        }
        let row = self.row(op.id)?;
        if row.status != Status::Waiting {
            return Err(StoreError::rejected(format!("workflow {} does not wait for its turn", op.id)));
        }
        row.revision = op.revision;
        row.updated_ms = op.at_ms;
        self.set_status(op.id.key(), Status::Running);
        self.rest(op.id.key(), None);
        Ok(())
    }

    fn defer(&mut self, op: Defer) -> Result<(), StoreError> {
        if let Turn::Past = self.turn(op.id, op.revision)? {
            return Ok(());
        }
        let row = self.row(op.id)?;
        row.attempt = op.attempt;
        row.revision = op.revision;
        row.updated_ms = op.at_ms;
        row.fail(op.failure);
        self.rest(op.id.key(), Some(op.wake_ms));
        Ok(())
    }

    fn resolve(&mut self, op: Resolve) -> Result<(), StoreError> {
        // A missing row is no error: the operation was repeated.
        if self.row(op.id).is_err() {
            return Ok(());
        }
        if let Turn::Past = self.turn(op.id, op.revision)? {
            return Err(StoreError::rejected(format!("workflow {} has gone beyond its end", op.id)));
        }
        self.ask(op.id, op.emits, &op.work)?;
        self.remove(op.id);
        self.history.extend(op.history);
        Ok(())
    }

    fn quarantine(&mut self, op: Quarantine) -> Result<(), StoreError> {
        if let Turn::Past = self.turn(op.id, op.revision)? {
            return Ok(());
        }
        let row = self.row(op.id)?;
        row.attempt = op.failure.attempt;
        row.revision = op.revision;
        row.updated_ms = op.at_ms;
        row.fail(Some(op.failure));
        self.set_status(op.id.key(), Status::Quarantined);
        self.rest(op.id.key(), None);
        Ok(())
    }

    fn signal(&mut self, op: Signal) -> Result<Applied, StoreError> {
        let key = op.id.key();
        let waits = self.row(op.id)?.signal.as_ref() == Some(&op.name);
        let kept = self.signals.entry((key, op.name));
        if let Entry::Occupied(_) = kept {
            return Ok(Applied::Duplicate);
        }
        kept.or_insert(op.payload);
        // One that is awake, or in quarantine, finds it when it comes to it.
        if waits && self.rows[&key].wake_ms.is_some() {
            self.rest(key, Some(op.at_ms));
        }
        Ok(Applied::Done)
    }

    fn requeue(&mut self, op: Requeue) -> Result<(), StoreError> {
        let row = self.quarantined(op.id)?;
        row.attempt = 0;
        row.revision += 1;
        row.updated_ms = op.at_ms;
        if let Some(step) = op.step {
            row.step = step;
            row.seq += 1;
        }
        self.set_status(op.id.key(), if op.waits { Status::Waiting } else { Status::Running });
        self.rest(op.id.key(), (!op.waits).then_some(op.at_ms));
        Ok(())
    }

    fn amend(&mut self, op: Amend) -> Result<(), StoreError> {
        let row = self.quarantined(op.id)?;
        row.context = op.context;
        row.updated_ms = op.at_ms;
        Ok(())
    }

    fn suspect(&mut self, op: Suspect) {
        for (id, revision) in op.found {
            let known = self.suspects.entry(id.key()).or_insert((revision, 0));
            let deaths = if known.0 == revision { known.1 + 1 } else { 1 };
            *known = (revision, deaths);
        }
        self.alone = op.alone;
    }

    fn tidy(&mut self, op: &Tidy) {
        self.keys.retain(|_, (until_ms, _)| *until_ms > op.at_ms);
        for keep in &op.history {
            let of = |ended: &Ended| ended.orchestration == keep.orchestration;
            let mut beyond = self.history.iter().filter(|ended| of(ended)).count() as u64;
            self.history.retain(|ended| {
                let keeps = !of(ended) || (beyond <= keep.last && ended.ended_ms >= keep.since_ms);
                beyond -= u64::from(of(ended));
                keeps
            });
        }
    }

    fn remove(&mut self, id: WorkflowId) {
        let key = id.key();
        self.rest(key, None);
        if let Some(Row { orchestration, lane: Some(lane), status, .. }) = self.rows.remove(&key) {
            self.in_lanes.remove(&(orchestration, lane, status, key));
        }
        self.suspects.remove(&key);
        self.signals.retain(|(of, _), _| *of != key);
    }

    /// Lets a row rest until `wake_ms`, or not at all.
    fn rest(&mut self, key: i64, wake_ms: Option<i64>) {
        let Some(row) = self.rows.get_mut(&key) else { return };
        if let Some(before) = std::mem::replace(&mut row.wake_ms, wake_ms) {
            self.resting.remove(&(row.orchestration.clone(), before, key));
        }
        if let Some(wake_ms) = wake_ms {
            self.resting.insert((row.orchestration.clone(), wake_ms, key));
        }
    }

    /// Gives a row another status.
    fn set_status(&mut self, key: i64, status: Status) {
        let Some(row) = self.rows.get_mut(&key) else { return };
        let before = std::mem::replace(&mut row.status, status);
        if let Some(lane) = &row.lane {
            self.in_lanes.remove(&(row.orchestration.clone(), lane.clone(), before, key));
            self.in_lanes.insert((row.orchestration.clone(), lane.clone(), status, key));
        }
    }

    fn members<'a>(&'a self, which: &'a InLanes) -> impl Iterator<Item = &'a (Arc<str>, Arc<str>, Status, i64)> {
        let first = which.lane.iter().chain(&which.after).max().cloned().unwrap_or_default();
        let from = (which.orchestration.clone(), first, Status::Running, i64::MIN);
        let of = self.in_lanes.range(from..).take_while(|member| {
            member.0 == which.orchestration && which.lane.as_ref().is_none_or(|lane| *lane == member.1)
        });
        of.filter(|(_, lane, status, key)| {
            which.after.as_ref().is_none_or(|after| lane > after)
                && (*status != Status::Waiting
                    || (self.rows[key].wake_ms.is_none_or(|wake_ms| wake_ms <= which.until_ms)
                        && which.before.is_none_or(|id| *key < id.key())))
        })
    }

    fn quarantined(&mut self, id: WorkflowId) -> Result<&mut Row, StoreError> {
        let row = self.row(id)?;
        if row.status == Status::Quarantined {
            Ok(row)
        } else {
            Err(StoreError::rejected(format!("workflow {id} is not quarantined")))
        }
    }

    fn row(&mut self, id: WorkflowId) -> Result<&mut Row, StoreError> {
        self.rows
            .get_mut(&id.key())
            .filter(|row| row.id == id)
            .ok_or_else(|| StoreError::rejected(format!("workflow {id} is not stored")))
    }

    fn deaths(&self, row: &Row) -> u32 {
        self.suspects.get(&row.id.key()).filter(|suspect| suspect.0 == row.revision).map_or(0, |suspect| suspect.1)
    }

    fn matches(&self, row: &Row, filter: &Filter) -> bool {
        filter.only.is_none_or(|id| id == row.id)
            && filter.status.is_none_or(|status| status == row.status)
            && filter.orchestration.as_deref().is_none_or(|orchestration| orchestration == &*row.orchestration)
            && filter.rests.is_none_or(|rests| rests == row.wake_ms.is_some())
            && filter.lane.as_deref().is_none_or(|lane| row.lane.as_deref() == Some(lane))
            && filter.step.as_deref().is_none_or(|step| step == row.step)
            && filter.deaths.is_none_or(|deaths| self.deaths(row) >= deaths)
            && filter.event.as_ref().is_none_or(|field| field.matches(&row.event))
    }

    fn stored(&self, row: &Row) -> StoredWorkflow {
        let key = row.id.key();
        let payload = row.signal.as_ref().and_then(|signal| self.signals.get(&(key, signal.clone())));
        StoredWorkflow {
            id: row.id,
            orchestration: row.orchestration.to_string(),
            status: row.status,
            step: row.step.clone(),
            steps_hash: row.steps_hash,
            seq: row.seq,
            attempt: row.attempt,
            revision: row.revision,
            version: row.version,
            wake_ms: row.wake_ms,
            lane: row.lane.as_deref().map(str::to_owned),
            signal: row.signal.clone(),
            payload: payload.cloned(),
            deaths: self.deaths(row),
            event: row.event.to_vec(),
            context: row.context.clone(),
            failures: row.failures.clone(),
            created_ms: row.created_ms,
            updated_ms: row.updated_ms,
            damage: None,
        }
    }
}

impl Row {
    /// A row that does not rest yet.
    fn new(new: NewWorkflow, event: Arc<[u8]>, at_ms: i64) -> Self {
        Self {
            id: new.id,
            orchestration: new.orchestration,
            status: Status::Running,
            step: new.step.into_owned(),
            steps_hash: new.steps_hash,
            version: new.version,
            seq: 0,
            attempt: 0,
            revision: 0,
            wake_ms: None,
            lane: new.lane,
            signal: None,
            event,
            context: new.context,
            failures: Vec::new(),
            created_ms: at_ms,
            updated_ms: at_ms,
        }
    }

    fn fail(&mut self, failure: Option<StepFailure>) {
        self.failures.extend(failure);
        let forgotten = self.failures.len().saturating_sub(StepFailure::KEPT);
        self.failures.drain(..forgotten);
    }
}
