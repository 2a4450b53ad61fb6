//! Who is in which lane, and whose turn it is: a state machine that knows no store and no time but what it is told.
//!
//! A lane is in the table while somebody is in it. Of those that wait it knows the first ones, [`WINDOW`] at most, and whether
//! there are more; those are read when they are needed. Where there are more lanes than the table may hold, it forgets lanes in
//! which nothing can begin: their rows are the truth, and whoever leaves such a lane says so, which brings it back. A lane that
//! is not known is read before anybody gets a turn in it; until then whoever comes waits, which is always right.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use crate::minion::Lanes;
use crate::workflow::WorkflowId;

/// So many of those that wait in one lane are known at most.
pub(super) const WINDOW: usize = 64;

/// So many lanes are known at most.
const LANES: usize = 1 << 16;

/// Microseconds since some instant.
pub(super) type Micros = u64;

type Key = Arc<str>;

/// The bounds of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) lanes: usize,
    pub(super) window: usize,
}

impl Bounds {
    /// Where a store has the rest.
    pub(super) const STORED: Self = Self { lanes: LANES, window: WINDOW };
    /// Where there is nothing else.
    pub(super) const MEMORY: Self = Self { lanes: usize::MAX, window: usize::MAX };
}

/// The lanes of one orchestration.
#[derive(Debug)]
pub(super) struct Table {
    options: Lanes,
    bounds: Bounds,
    lanes: HashMap<Key, Lane>,
    /// Lanes in which somebody may begin, in the order of their turns; each is here once.
    ready: VecDeque<Key>,
    /// Lanes that have to be read; each is here once.
    unread: VecDeque<Key>,
    /// Lanes that are looked at again at a time, because they are paced.
    paced: BTreeSet<(Micros, Key)>,
    /// How many wait in lanes that are known.
    waiting: u64,
    /// How many are expected to wait.
    coming: u64,
    /// Those that are expected in lanes for which there was no room.
    strays: HashSet<WorkflowId>,
    /// How many wait in lanes that were forgotten.
    elsewhere: u64,
    /// Lanes with as many waiting as may be.
    full: HashSet<Key>,
    /// Whether a lane that is not in the table has nobody in it.
    is_complete: bool,
    sweep: Sweep,
    /// Whether there was no room for a lane in which somebody may be about to begin.
    missed: bool,
    /// What has happened since the store is being read.
    since: Option<Since>,
}

/// What makes an answer of the store old by the time it comes.
#[derive(Debug, Default)]
struct Since {
    /// Who has left a lane.
    left: HashSet<WorkflowId>,
    /// Lanes that were forgotten: whoever has begun in them may be read as one who waits.
    forgotten: HashSet<Key>,
}

#[derive(Debug, Default)]
struct Lane {
    /// Whether those that have begun are known.
    is_known: bool,
    /// Those that have had their turn.
    begun: Vec<WorkflowId>,
    /// Those of them that are not stored so yet.
    unsure: Vec<WorkflowId>,
    /// Those that will wait as soon as they are stored.
    expected: Vec<WorkflowId>,
    /// The first of those that wait.
    waiting: BTreeSet<WorkflowId>,
    /// How many wait.
    count: u64,
    /// Whether more wait than are known.
    more: bool,
    /// Whether some were forgotten that came since it was to be read.
    cut: bool,
    /// Nobody begins before.
    not_before: Micros,
    queued: Queued,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Queued {
    #[default]
    No,
    Ready,
    Unread,
}

/// Reading all lanes of the store, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Sweep {
    Done,
    /// The last lane that was read, and whether none was forgotten since the first one.
    After {
        last: Option<Key>,
        all: bool,
    },
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Somebody may begin: take a place and [`pick`](Table::pick).
    Begin,
    /// Read this lane.
    Read(Key),
    /// Read the lanes after this one.
    Sweep(Option<Key>),
    /// Nothing before this time, if any.
    Rest(Option<Micros>),
}

/// What the store says of a lane.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    pub(super) begun: Vec<WorkflowId>,
    /// The first of those that wait.
    pub(super) waiting: Vec<WorkflowId>,
    /// How many wait, if those are not all.
    pub(super) more: Option<u64>,
}

/// Why no more events should be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fullness {
    All,
    Lane(Key),
}

impl Table {
    /// The lanes of an orchestration; what is stored of them has to be read first, unless there is no store.
    pub(super) fn new(options: Lanes, bounds: Bounds, is_complete: bool) -> Self {
        Self {
            options,
            bounds,
            lanes: HashMap::new(),
            ready: VecDeque::new(),
            unread: VecDeque::new(),
            paced: BTreeSet::new(),
            waiting: 0,
            coming: 0,
            strays: HashSet::new(),
            elsewhere: 0,
            full: HashSet::new(),
            is_complete,
            sweep: if is_complete { Sweep::Done } else { Sweep::BEGIN },
            missed: false,
            since: None,
        }
    }

    /// A new workflow comes: whether it has its turn at once. Otherwise it is expected to wait as soon as it is stored, and
    /// nobody who came later begins before.
    pub(super) fn enter(&mut self, key: &Key, id: WorkflowId, now: Micros) -> bool {
        let (at_once, pace) = (self.options.at_once() as usize, self.pace());
        // One that is expected somewhere may be before this one.
        let is_certain = self.strays.is_empty();
        let Some(lane) = self.lane(key, now) else {
            self.strays.insert(id);
            return false;
        };
        let is_free = is_certain && lane.is_known && lane.expected.is_empty() && lane.count == 0 && !lane.more;
        if is_free && lane.begun.len() < at_once && lane.not_before <= now {
            lane.begun.push(id);
            lane.unsure.push(id);
            lane.not_before = now + pace;
            return true;
        }
        lane.expected.push(id);
        self.coming += 1;
        self.weigh(key);
        self.settle(key, now);
        false
    }

    /// The workflow that came is not admitted after all.
    pub(super) fn withdraw(&mut self, key: &Key, id: WorkflowId, now: Micros) {
        self.comes_no_more(key, id);
        self.leave(key, id, now);
    }

    /// A workflow waits, durably.
    pub(super) fn arrive(&mut self, key: &Key, id: WorkflowId, now: Micros) {
        let window = self.bounds.window;
        self.comes_no_more(key, id);
        let Some(lane) = self.lane(key, now) else {
            self.elsewhere += 1;
            return;
        };
        if lane.begun.contains(&id) || lane.waiting.contains(&id) {
            return self.settle(key, now);
        }
        let before = lane.count;
        lane.count += 1;
        let is_among_the_first = lane.waiting.last().is_some_and(|last| id < *last);
        // While it is read, what comes may be too late to be read.
        if is_among_the_first || !lane.more || lane.queued == Queued::Unread {
            lane.waiting.insert(id);
            if lane.waiting.len() > window {
                lane.waiting.pop_last();
                (lane.more, lane.cut) = (true, true);
            }
        }
        let after = lane.count;
        self.counted(key, before, after);
        self.settle(key, now);
    }

    /// A workflow that has had its turn has left its lane; or one that waits, because somebody has removed it.
    pub(super) fn leave(&mut self, key: &Key, id: WorkflowId, now: Micros) {
        if let Some(since) = &mut self.since {
            since.left.insert(id);
        }
        if self.is_complete && !self.lanes.contains_key(key) {
            return;
        }
        let Some(lane) = self.lane(key, now) else { return };
        lane.begun.retain(|other| *other != id);
        lane.unsure.retain(|other| *other != id);
        if lane.waiting.remove(&id) {
            lane.count -= 1;
            let count = lane.count;
            self.counted(key, count + 1, count);
        }
        self.settle(key, now);
    }

    /// The store knows by now that a workflow has had its turn.
    pub(super) fn is_stored(&mut self, key: &Key, id: WorkflowId) {
        if let Some(lane) = self.lanes.get_mut(key) {
            lane.unsure.retain(|other| *other != id);
        }
    }

    /// Somebody removed a workflow that waits, of which nothing else is known.
    pub(super) fn remove_waiting(&mut self, key: &Key, id: WorkflowId, now: Micros) {
        let lane = self.lanes.get(key).filter(|lane| lane.is_known);
        if lane.is_none() {
            self.elsewhere = self.elsewhere.saturating_sub(1);
        }
        let is_beyond = lane.is_some_and(|lane| lane.more && !lane.waiting.contains(&id));
        if is_beyond && let Some(lane) = self.lanes.get_mut(key) {
            let before = lane.count;
            lane.count = before.saturating_sub(1);
            let after = lane.count;
            self.counted(key, before, after);
        }
        self.leave(key, id, now);
    }

    /// Gives the next one its turn; the lanes take turns.
    pub(super) fn pick(&mut self, now: Micros) -> Option<(Key, WorkflowId)> {
        let pace = self.pace();
        loop {
            let key = self.ready.pop_front()?;
            let Some(lane) = self.lanes.get_mut(&key) else { continue };
            lane.queued = Queued::No;
            // Whoever made it ready may be gone by now.
            if !lane.may_begin(self.options.at_once()) || lane.not_before > now {
                self.settle(&key, now);
                continue;
            }
            let Some(id) = lane.waiting.pop_first() else { continue };
            lane.begun.push(id);
            lane.unsure.push(id);
            lane.not_before = now + pace;
            lane.count = lane.count.saturating_sub(1);
            let count = lane.count;
            self.counted(&key, count + 1, count);
            self.settle(&key, now);
            return Some((key, id));
        }
    }

    /// What there is to do.
    pub(super) fn next(&mut self, now: Micros) -> Next {
        while let Some((at, key)) = self.paced.first().cloned()
            && at <= now
        {
            self.paced.pop_first();
            self.settle(&key, now);
        }
        if let Some(key) = self.unread.front() {
            return Next::Read(key.clone());
        }
        if !self.ready.is_empty() {
            return Next::Begin;
        }
        let has_missed = self.missed && self.lanes.len() <= self.bounds.lanes / 2;
        // Where nobody is known to be in any lane, perhaps nobody is, and everything is known again.
        let may_be_complete = !self.is_complete && self.lanes.is_empty();
        if self.sweep == Sweep::Done && (has_missed || may_be_complete) {
            self.missed = false;
            self.sweep = Sweep::BEGIN;
        }
        if let Sweep::After { last, .. } = &self.sweep {
            return Next::Sweep(last.clone());
        }
        Next::Rest(self.paced.first().map(|(at, _)| *at))
    }

    /// The store is about to be read: from here on it is noted who leaves.
    pub(super) fn begin_read(&mut self) {
        self.since = Some(Since::default());
    }

    /// What the store says of a lane that was to be read.
    pub(super) fn has_read(&mut self, key: &Key, content: Content, now: Micros) {
        let left = self.since.take().unwrap_or_default().left;
        self.learn(key, content, &left, now);
    }

    /// What the store says of lanes in their order; nothing if there are no more.
    pub(super) fn has_swept(&mut self, lanes: Vec<(Key, Content)>, now: Micros) {
        let left = self.since.as_mut().map(|since| std::mem::take(&mut since.left)).unwrap_or_default();
        let Some((end, _)) = lanes.last() else {
            self.since = None;
            // Whatever lane is not known has nobody in it: one that has come since would be known.
            let all = self.sweep == Sweep::Done || matches!(self.sweep, Sweep::After { all: true, .. });
            self.sweep = Sweep::Done;
            if all && !self.missed && self.strays.is_empty() {
                (self.is_complete, self.elsewhere) = (true, 0);
            }
            return;
        };
        if let Sweep::After { last, .. } = &mut self.sweep {
            *last = Some(end.clone());
        }
        for (key, content) in lanes {
            let is_known = self.lanes.get(&key).is_some_and(|lane| lane.is_known);
            let is_old = self.since.as_ref().is_some_and(|since| since.forgotten.contains(&key));
            if !is_known && !is_old && self.lane(&key, now).is_some() {
                self.learn(&key, content, &left, now);
            }
        }
        self.since = None;
    }

    /// Takes up what was read. Who has left since is not there any more; who has come since may be there already.
    fn learn(&mut self, key: &Key, content: Content, left: &HashSet<WorkflowId>, now: Micros) {
        let Some(lane) = self.lanes.get_mut(key) else { return };
        if lane.queued == Queued::Unread {
            lane.queued = Queued::No;
            self.unread.retain(|other| other != key);
        }
        for id in content.begun {
            if !left.contains(&id) && !lane.begun.contains(&id) {
                lane.begun.push(id);
            }
        }
        // Beyond the last one that is certainly in order there may be others that are not known.
        let read_to = content.waiting.last().copied().filter(|_| content.more.is_some());
        let came_to = lane.waiting.last().copied().filter(|_| lane.cut);
        for id in content.waiting {
            if !left.contains(&id) && !lane.begun.contains(&id) {
                lane.waiting.insert(id);
            }
        }
        lane.more = content.more.is_some() || lane.cut;
        lane.cut = false;
        if let Some(last) = read_to.into_iter().chain(came_to).min() {
            lane.waiting.retain(|id| *id <= last);
        }
        while lane.waiting.len() > self.bounds.window {
            lane.waiting.pop_last();
            lane.more = true;
        }
        let (was_known, before) = (std::mem::replace(&mut lane.is_known, true), lane.count);
        let known = lane.waiting.len() as u64;
        lane.count = match content.more {
            _ if !lane.more => known,
            Some(count) if !was_known => count.max(known),
            _ => before.max(known),
        };
        let after = lane.count;
        if !was_known {
            self.elsewhere = self.elsewhere.saturating_sub(after.saturating_sub(before));
        }
        self.counted(key, before, after);
        self.settle(key, now);
    }

    /// Why no more events should be taken, if that is so.
    pub(super) fn fullness(&self) -> Option<Fullness> {
        if self.waiting() + self.coming >= self.options.in_all() {
            return Some(Fullness::All);
        }
        self.full.iter().next().cloned().map(Fullness::Lane)
    }

    /// Whether no more events should be taken.
    pub(super) fn is_full(&self) -> bool {
        self.waiting() + self.coming >= self.options.in_all() || !self.full.is_empty()
    }

    /// Before when nobody begins in a lane.
    pub(super) fn not_before(&self, lane: &str) -> Micros {
        self.lanes.get(lane).map_or(0, |lane| lane.not_before)
    }

    /// Whether nobody is in any lane.
    pub(super) fn is_empty(&self) -> bool {
        self.is_complete && self.lanes.is_empty()
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> u64 {
        self.waiting + self.elsewhere
    }

    /// A workflow that has had its turn is gone, and nobody knows its lane.
    pub(super) fn lose(&mut self, id: WorkflowId, now: Micros) {
        if let Some(since) = &mut self.since {
            since.left.insert(id);
        }
        let key = self.lanes.iter().find(|(_, lane)| lane.begun.contains(&id)).map(|(key, _)| key.clone());
        if let Some(key) = key {
            self.leave(&key, id, now);
        }
    }

    fn pace(&self) -> Micros {
        self.options.pace().map_or(0, |pace| u64::try_from(pace.as_micros()).unwrap_or(u64::MAX))
    }

    /// The lane of a key; nothing if there is no room for another one.
    fn lane(&mut self, key: &Key, now: Micros) -> Option<&mut Lane> {
        if !self.lanes.contains_key(key) {
            if self.lanes.len() >= self.bounds.lanes {
                self.forget(now);
            }
            if self.lanes.len() >= self.bounds.lanes {
                (self.is_complete, self.missed) = (false, true);
                return None;
            }
            self.lanes.insert(key.clone(), Lane { is_known: self.is_complete, ..Lane::default() });
        }
        self.lanes.get_mut(key)
    }

    /// Forgets the lanes in which nothing can begin before somebody leaves.
    fn forget(&mut self, now: Micros) {
        let (at_once, full, since) = (self.options.at_once(), &self.full, &mut self.since);
        let mut forgotten = 0;
        self.lanes.retain(|key, lane| {
            let keeps = !lane.is_blocked(at_once) || lane.not_before > now || full.contains(key);
            if !keeps {
                forgotten += lane.count;
                if let Some(since) = since {
                    since.forgotten.insert(key.clone());
                }
            }
            keeps
        });
        self.waiting -= forgotten;
        self.elsewhere += forgotten;
        self.is_complete = false;
        if let Sweep::After { all, .. } = &mut self.sweep {
            *all = false;
        }
    }

    /// The count of those that wait in a lane has changed.
    fn counted(&mut self, key: &Key, before: u64, after: u64) {
        self.waiting = (self.waiting + after).saturating_sub(before);
        self.weigh(key);
    }

    /// Whether as many wait in a lane, or will, as may.
    fn weigh(&mut self, key: &Key) {
        let Some(most) = self.options.per_lane() else { return };
        let load = self.lanes.get(key).map_or(0, |lane| lane.count + lane.expected.len() as u64);
        if load >= most {
            self.full.insert(key.clone());
        } else {
            self.full.remove(key);
        }
    }

    /// Nobody has to wait any longer for a workflow that was expected.
    fn comes_no_more(&mut self, key: &Key, id: WorkflowId) {
        self.strays.remove(&id);
        let Some(lane) = self.lanes.get_mut(key) else { return };
        let before = lane.expected.len();
        lane.expected.retain(|other| *other != id);
        self.coming -= (before - lane.expected.len()) as u64;
        self.weigh(key);
    }

    /// Puts a lane where it belongs after something has changed in it.
    fn settle(&mut self, key: &Key, now: Micros) {
        let at_once = self.options.at_once();
        let Some(lane) = self.lanes.get_mut(key) else { return };
        if lane.queued != Queued::No {
            return;
        }
        let wants_more = lane.has_turn(at_once) && lane.waiting.is_empty() && lane.more;
        if !lane.is_known || wants_more {
            lane.queued = Queued::Unread;
            self.unread.push_back(key.clone());
        } else if lane.may_begin(at_once) || lane.is_empty() {
            if lane.not_before > now {
                self.paced.insert((lane.not_before, key.clone()));
            } else if lane.is_empty() {
                let count = lane.count;
                self.lanes.remove(key);
                self.counted(key, count, 0);
            } else {
                lane.queued = Queued::Ready;
                self.ready.push_back(key.clone());
            }
        }
    }
}

impl Sweep {
    const BEGIN: Self = Self::After { last: None, all: true };
}

impl Lane {
    fn has_turn(&self, at_once: u32) -> bool {
        self.begun.len() < at_once as usize
    }

    fn may_begin(&self, at_once: u32) -> bool {
        let first = self.waiting.first();
        self.has_turn(at_once) && first.is_some_and(|first| self.expected.iter().all(|expected| expected >= first))
    }

    fn is_empty(&self) -> bool {
        self.begun.is_empty() && self.expected.is_empty() && self.waiting.is_empty() && !self.more
    }

    fn is_blocked(&self, at_once: u32) -> bool {
        let sure = self.is_known && self.unsure.is_empty() && self.expected.is_empty();
        sure && self.queued == Queued::No && !self.has_turn(at_once)
    }
}
