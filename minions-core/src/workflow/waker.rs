//! Wakes workflows that rest: those that sleep, wait, are put off, or were stored for later.
//!
//! One task for each orchestration reads what is due from the store, in the order in which it wakes; between two reads it
//! keeps nothing but the time of the next one. So a million workflows that sleep cost disk and no memory.
//!
//! # Why no workflow runs twice
//!
//! A row still says that it is due while its workflow is awake, until the next checkpoint. So what is awake is noted
//! *before* a page is read, and skipped: whatever the page says of it may be old by the time it is looked at. Everything
//! else on the page can only be woken by this task. The one that takes up what was awake when an earlier run ended has the
//! same trouble with what this one has woken meanwhile, and asks [`TakenUp`]. A workflow that comes to rest is told to [`Waker::note`] after it has
//! left the list of those that are awake, which takes the reader back to it if it was passed over.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tracing::warn;

use crate::backoff::Backoff;
use crate::clock::now_ms;
use crate::store::{Due, DuePlace, Status, StoredWorkflow};

use super::WorkflowId;
use super::load::{Woken, wake};
use super::orchestration::Orchestration;
use super::page::PageSize;

/// However far away the next one is: the time of day may be set, and a machine may have slept.
const LONGEST: Duration = Duration::from_secs(30);

/// The workflows that were woken while the backlog is still read; forgotten when that is through.
pub(crate) struct TakenUp(Mutex<Option<HashSet<WorkflowId>>>);

impl Default for TakenUp {
    fn default() -> Self {
        Self(Mutex::new(Some(HashSet::new())))
    }
}

impl TakenUp {
    /// Said before a workflow is woken.
    pub(super) fn add(&self, id: WorkflowId) {
        if let Some(ids) = &mut *self.0.lock() {
            ids.insert(id);
        }
    }

    pub(super) fn contains(&self, id: WorkflowId) -> bool {
        self.0.lock().as_ref().is_some_and(|ids| ids.contains(&id))
    }

    pub(super) fn close(&self) {
        *self.0.lock() = None;
    }
}

/// Told of every workflow of an orchestration that comes to rest.
#[derive(Default)]
pub(crate) struct Waker {
    state: Mutex<State>,
    noted: Notify,
}

struct State {
    /// The earliest time that was noted since the reader has begun its last read.
    noted: i64,
    /// When the reader looks again by itself; the smallest while it reads.
    looks: i64,
    /// Counts the notes.
    count: u64,
}

impl Default for State {
    fn default() -> Self {
        Self { noted: i64::MAX, looks: i64::MAX, count: 0 }
    }
}

impl Waker {
    /// Says that a workflow rests, durably, until `wake_ms`, in milliseconds since the Unix epoch.
    pub(crate) fn note(&self, wake_ms: i64) {
        let mut state = self.state.lock();
        state.count += 1;
        state.noted = state.noted.min(wake_ms);
        if wake_ms < state.looks {
            self.noted.notify_one();
        }
    }

    /// How often it was told; equal answers mean that nothing came to rest in between.
    pub(crate) fn count(&self) -> u64 {
        self.state.lock().count
    }

    /// What was noted since the last read, which begins anew.
    fn begin_read(&self) -> i64 {
        let mut state = self.state.lock();
        state.looks = i64::MAX;
        std::mem::replace(&mut state.noted, i64::MAX)
    }

    /// Says when the reader looks again; false if something earlier was noted meanwhile.
    fn look_at(&self, wake_ms: i64) -> bool {
        let mut state = self.state.lock();
        state.looks = wake_ms;
        state.noted >= wake_ms
    }
}

/// Wakes what is due until the orchestration stops.
pub(crate) async fn run(o: Arc<Orchestration>) {
    let (mut place, mut size) = (DuePlace::START, PageSize::default());
    let began = now_ms();
    tokio::select! {
        () = o.engine.recovery.over() => {}
        () = o.stopping.cancelled() => return,
    }
    loop {
        place = place.min(DuePlace::before(o.waker.begin_read()));
        o.waking.begin_read();
        let awake: HashSet<WorkflowId> = o.awake().into_iter().chain(o.engine.left_behind(&o.id)).collect();
        let Some(page) = read(&o, place, now_ms(), size.rows()).await else { return };
        size.learn(&page);
        if page.is_empty() {
            if !rest(&o, place).await {
                return;
            }
            continue;
        }
        if page[0].wake_ms <= Some(began) {
            // It was due when an earlier process died, and may have run.
            o.engine.take_up(&page).await;
        }
        for row in page {
            place = place_of(&row);
            if awake.contains(&row.id) {
                continue;
            }
            if row.status == Status::Waiting {
                // Its time has come, and from here on it waits for its turn.
                if let Some(lane) = row.lane {
                    o.lanes.arrive(&lane.into(), row.id);
                }
                continue;
            }
            o.taken_up.add(row.id);
            match wake(&o, row).await {
                Woken::Up | Woken::SetAside => {}
                Woken::Stopped => return,
            }
        }
    }
}

/// Waits until there may be something to wake; false if the orchestration stops.
async fn rest(o: &Orchestration, place: DuePlace) -> bool {
    let Some(next) = read(o, place, i64::MAX, 1).await else { return false };
    let next = next.first().and_then(|row| row.wake_ms).unwrap_or(i64::MAX);
    if !o.waker.look_at(next) {
        return true;
    }
    let pause = Duration::from_millis(next.saturating_sub(now_ms()).max(0).unsigned_abs()).min(LONGEST);
    tokio::select! {
        biased;
        () = o.stopping.cancelled() => false,
        () = o.waker.noted.notified() => true,
        () = tokio::time::sleep(pause) => true,
    }
}

/// Reads on however long the store fails; nothing only if the orchestration stops.
async fn read(o: &Orchestration, after: DuePlace, until_ms: i64, limit: usize) -> Option<Vec<StoredWorkflow>> {
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
    loop {
        if o.stopping.is_cancelled() {
            return None;
        }
        match o.engine.store.due(Due::until(o.id.clone(), until_ms).after(after), limit).await {
            Ok(rows) => return Some(rows),
            Err(error) => {
                let cause: &dyn std::error::Error = &error;
                warn!(orchestration = &*o.id, error = cause, "what is due cannot be read; trying again");
            }
        }
        tokio::select! {
            () = o.stopping.cancelled() => return None,
            () = tokio::time::sleep(backoff.next()) => {}
        }
    }
}

fn place_of(row: &StoredWorkflow) -> DuePlace {
    DuePlace { wake_ms: row.wake_ms.unwrap_or(i64::MIN), key: row.id.key() }
}
