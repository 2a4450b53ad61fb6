//! Lanes: the workflows of one key one after another, and the keys in turn.
//!
//! A workflow whose lane is taken is stored as [`Waiting`](crate::store::Status::Waiting): neither the resumption of what was
//! awake nor the waker of what rests looks at it, so it costs a row and nothing else. [`Table`] knows whose turn it is, and
//! [`run`] gives it: the row becomes one that runs, durably, before its first step. So whoever has begun is known after every
//! end of the process, goes on as any other, and holds its lane until it has ended.

use std::collections::HashMap;
use std::sync::Arc;

use metrics::Gauge;
use parking_lot::Mutex;
use tokio::sync::{Notify, RwLock};
use tokio::time::Instant;

use crate::clock::now_ms;
use crate::minion::Lanes as Options;
use crate::pipeline::Hold;
use crate::reason::Reason;

use super::WorkflowId;
use super::orchestration::Start;

mod run;
mod table;

#[cfg(test)]
mod model;

pub(crate) use run::run;

use table::{Bounds, Fullness, Micros, Next, Table};

/// The lanes of one orchestration.
pub(crate) struct Lanes {
    orchestration: Arc<str>,
    options: Options,
    /// Whether its minion has lanes. One that has had them may have workflows that wait.
    is_on: bool,
    state: Mutex<State>,
    /// Told when there may be something to do.
    stirred: Notify,
    /// Told when fewer wait.
    fewer: Notify,
    /// Keeps events away while as many wait as may.
    hold: Arc<Hold>,
    waiting: Gauge,
    began: Instant,
    /// Shared by those who give turns, for oneself by whoever takes a workflow away: nobody begins meanwhile.
    pub(crate) turns: RwLock<()>,
}

struct State {
    table: Table,
    /// Those that wait, where no store keeps them.
    kept: HashMap<WorkflowId, Box<Start>>,
    /// How many have been given their turn and are not awake yet.
    beginning: usize,
}

impl Lanes {
    pub(super) fn new(orchestration: Arc<str>, options: Option<Options>, keeps: bool, waiting: Gauge) -> Self {
        let bounds = if keeps { Bounds::STORED } else { Bounds::MEMORY };
        waiting.set(0.0);
        let table = Table::new(options.unwrap_or_default(), bounds, !keeps);
        Self {
            orchestration,
            options: options.unwrap_or_default(),
            is_on: options.is_some(),
            state: Mutex::new(State { table, kept: HashMap::new(), beginning: 0 }),
            stirred: Notify::new(),
            fewer: Notify::new(),
            hold: Arc::default(),
            waiting,
            began: Instant::now(),
            turns: RwLock::default(),
        }
    }

    /// Whether events have to be asked for their lane.
    pub(crate) fn is_on(&self) -> bool {
        self.is_on
    }

    /// Whether a workflow in quarantine holds its lane.
    pub(crate) fn holds(&self) -> bool {
        self.options.holds()
    }

    /// A new workflow comes to its lane: whether it has its turn at once. It has to [`arrive`](Self::arrive) otherwise, once it
    /// is stored.
    pub(crate) fn enter(&self, lane: &Arc<str>, id: WorkflowId) -> bool {
        self.change(|table, now| table.enter(lane, id, now))
    }

    /// The workflow that came is not admitted after all.
    pub(crate) fn withdraw(&self, lane: &Arc<str>, id: WorkflowId) {
        self.change(|table, now| table.withdraw(lane, id, now));
    }

    /// A workflow waits in its lane, durably.
    pub(crate) fn arrive(&self, lane: &Arc<str>, id: WorkflowId) {
        self.change(|table, now| table.arrive(lane, id, now));
    }

    /// A workflow waits in its lane, and nothing but this keeps it.
    pub(crate) fn keep(&self, lane: &Arc<str>, start: Box<Start>) {
        let id = start.id;
        self.state.lock().kept.insert(id, start);
        self.arrive(lane, id);
    }

    /// A workflow that has had its turn is stored as one that has.
    pub(crate) fn is_stored(&self, lane: &Arc<str>, id: WorkflowId) {
        self.state.lock().table.is_stored(lane, id);
    }

    /// A workflow that has had its turn has ended, durably, or lets the others pass.
    pub(crate) fn leave(&self, lane: &Arc<str>, id: WorkflowId) {
        self.change(|table, now| table.leave(lane, id, now));
    }

    /// An operator has removed a workflow.
    pub(crate) fn remove(&self, lane: &Arc<str>, id: WorkflowId, waited: bool) {
        self.change(|table, now| if waited { table.remove_waiting(lane, id, now) } else { table.leave(lane, id, now) });
    }

    /// Gives the next one its turn; answers what keeps it besides the store.
    fn pick(&self) -> Option<(Arc<str>, WorkflowId, Option<Box<Start>>)> {
        // Under one lock, so that it is always seen as one that waits or one that begins.
        let mut state = self.state.lock();
        let was_full = state.table.is_full();
        let (lane, id) = state.table.pick(self.now())?;
        state.beginning += 1;
        self.judge(&state.table, was_full);
        let (kept, waiting) = (state.kept.remove(&id), state.table.waiting());
        drop(state);
        self.waiting.set(waiting as f64);
        self.fewer.notify_waiters();
        Some((lane, id, kept))
    }

    /// One that was given its turn is awake, or will not be.
    fn begun(&self) {
        self.state.lock().beginning -= 1;
        self.fewer.notify_waiters();
    }

    /// Lets go of those that nothing but this keeps; answers how many there were.
    pub(super) fn drop_kept(&self) -> usize {
        let kept = std::mem::take(&mut self.state.lock().kept);
        for start in kept.values() {
            if let Some(lane) = &start.lane {
                self.remove(lane, start.id, true);
            }
        }
        kept.len()
    }

    /// A workflow has ended where its lane is not known.
    pub(super) fn lost(&self, id: WorkflowId) {
        self.change(|table, now| table.lose(id, now));
    }

    /// Whether somebody is about to begin, or may be. Those who wait for others are not: where nobody else is awake or rests,
    /// they wait for one in quarantine.
    pub(crate) fn is_busy(&self) -> bool {
        let mut state = self.state.lock();
        state.beginning > 0 || state.table.next(self.now()) != Next::Rest(None)
    }

    /// Whether nobody is in any lane.
    fn is_empty(&self) -> bool {
        self.state.lock().table.is_empty()
    }

    /// How many have been given their turn and are not awake yet.
    pub(crate) fn beginning(&self) -> usize {
        self.state.lock().beginning
    }

    /// What keeps events away while as many wait as may.
    pub(crate) fn hold(&self) -> Arc<Hold> {
        self.hold.clone()
    }

    /// Keeps events away, or lets them come; called under the lock of the state, so that the last one to change it is right.
    fn judge(&self, table: &Table, was_full: bool) {
        let full = table.fullness().filter(|_| self.is_on);
        if full.is_none() && !was_full {
            return;
        }
        let orchestration = self.orchestration.clone();
        match full {
            None => self.hold.clear(),
            Some(Fullness::All) => {
                self.hold.because(Reason::Backlog { orchestration, max: self.options.in_all() });
            }
            Some(Fullness::Lane(lane)) => {
                let max = self.options.per_lane().unwrap_or_default();
                self.hold.because(Reason::LaneFull { orchestration, lane, max });
            }
        }
    }

    /// When the next one may begin in a lane that is paced, in milliseconds since the Unix epoch; nothing if it may now.
    pub(crate) fn paced_until(&self, lane: &str) -> Option<i64> {
        let left = self.state.lock().table.not_before(lane).checked_sub(self.now()).filter(|left| *left > 0)?;
        Some(now_ms().saturating_add_unsigned(left.div_ceil(1_000)))
    }

    /// Waits until nobody waits and nobody is about to begin.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub(crate) async fn emptied(&self) {
        loop {
            let mut fewer = std::pin::pin!(self.fewer.notified());
            fewer.as_mut().enable();
            if !self.is_busy() && self.state.lock().table.waiting() == 0 {
                return;
            }
            fewer.await;
        }
    }

    fn now(&self) -> Micros {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Changes the table, and tells whoever waits for that.
    fn change<T>(&self, change: impl FnOnce(&mut Table, Micros) -> T) -> T {
        let now = self.now();
        let mut state = self.state.lock();
        let (before, was_full) = (state.table.waiting(), state.table.is_full());
        let answer = change(&mut state.table, now);
        let after = state.table.waiting();
        self.judge(&state.table, was_full);
        let opens = was_full && !state.table.is_full();
        let rests = matches!(state.table.next(now), Next::Rest(None));
        drop(state);
        if before != after {
            self.waiting.set(after as f64);
        }
        if after < before || opens {
            self.fewer.notify_waiters();
        }
        if !rests {
            self.stirred.notify_one();
        }
        answer
    }
}
