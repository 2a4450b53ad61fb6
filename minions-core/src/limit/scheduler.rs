//! Whose turn it is. A state machine without clocks and wakers: it is told the time, in nanoseconds, and what happened.
//!
//! A key with calls that wait is in exactly one place: in the *circle* if it could go on at once, among the *timed* ones if its
//! rate says when, *full* if one of its calls must end first. Turns are given round the circle, one call of each key, as long
//! as the bounds of all calls allow it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use super::breaker::{Change, nanos};
use super::keys::{Key, Keys, Place};
use super::meter::{May, Meter};
use super::{Bounds, Limit, Outcome, Why};

/// Who waits, of type `W`, and what everybody has used.
#[derive(Debug)]
pub(super) struct Scheduler<W> {
    limit: Limit,
    total: Meter,
    keys: Keys<W>,
    circle: VecDeque<u32>,
    timed: BTreeSet<(u64, u32)>,
    waiting: u32,
    /// How many keys have calls that wait.
    queues: u32,
    last: u64,
    /// How long a call takes, in nanoseconds: a moving average.
    takes: u64,
    /// What has happened to the circuit of all calls since somebody asked.
    change: Option<Change>,
}

/// The right to go on, to be given back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    key: u32,
    stamp: u32,
    total_stamp: u32,
    began: u64,
}

/// A call that waits: its key, and its number among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) key: u32,
    pub(super) number: u64,
}

/// Why not, and for how many nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) why: Why,
    pub(super) after: u64,
}

/// What became of a call that asked.
#[derive(Debug)]
pub(super) enum Asked {
    Goes(Ticket),
    Waits(Spot),
    Refused(Refusal),
}

/// Who waited, and what became of it.
pub(super) type Turn<W> = (W, Result<Ticket, Refusal>);

impl<W> Scheduler<W> {
    pub(super) fn new(limit: Limit) -> Self {
        Self {
            limit,
            total: Meter::default(),
            keys: Keys::new(),
            circle: VecDeque::new(),
            timed: BTreeSet::new(),
            waiting: 0,
            queues: 0,
            last: 0,
            takes: 0,
            change: None,
        }
    }

    /// A call of `key` wants to go on, and to wait for no longer than `patience`; `who` makes what stands for it in the queue.
    pub(super) fn ask(&mut self, now: u64, key: &str, patience: u64, who: impl FnOnce() -> W) -> Asked {
        if let May::Open(until) = self.total.may(now, &self.limit.total) {
            return Asked::Refused(Refusal { why: Why::Circuit, after: until - now });
        }
        let Some(number) = self.number(now, key) else {
            // What frees a key is the end of what is known of it, which is a call or a pause away.
            return Asked::Refused(Refusal { why: Why::Overloaded, after: self.takes.max(SECOND) });
        };
        let (each, total) = (self.limit.each, self.limit.total);
        let may = self.keys.get(number).meter.may(now, &each);
        if let May::Open(until) = may {
            return Asked::Refused(Refusal { why: Why::Circuit, after: until - now });
        }
        let before = self.keys.get(number).waiting.len();
        if before == 0 && may == May::Now && self.circle.is_empty() && self.total.may(now, &total) == May::Now {
            return Asked::Goes(self.take(now, number));
        }
        let expected = self.expected(now, number, before as u64);
        let is_full = |queue: Option<u32>, waiting: usize| queue.is_some_and(|most| waiting >= most as usize);
        if is_full(each.queue, before) || is_full(total.queue.or(Some(Bounds::QUEUE)), self.waiting as usize) {
            return Asked::Refused(Refusal { why: Why::Overloaded, after: expected });
        }
        if expected > patience {
            return Asked::Refused(Refusal { why: Why::MaxWait, after: expected });
        }
        Asked::Waits(self.enqueue(now, number, who()))
    }

    /// Gives turns to whoever waits and may go on, and refuses those whose circuit has opened.
    pub(super) fn turn(&mut self, now: u64, turns: &mut Vec<Turn<W>>) {
        while let Some((_, key)) = self.timed.first().copied().filter(|(at, _)| *at <= now) {
            self.timed.pop_first();
            self.keys.get(key).place = Place::Circle;
            self.circle.push_back(key);
        }
        while let Some(key) = self.circle.front().copied() {
            if self.keys.get(key).waiting.is_empty() {
                self.circle.pop_front();
                self.keys.get(key).place = Place::Idle;
                continue;
            }
            match self.total.may(now, &self.limit.total) {
                May::Now => {}
                May::At(_) | May::Later => return,
                May::Open(until) => return self.refuse_all(Refusal { why: Why::Circuit, after: until - now }, turns),
            }
            self.circle.pop_front();
            match self.keys.get(key).meter.may(now, &self.limit.each) {
                May::Now => {
                    let ticket = self.take(now, key);
                    let next = self.keys.get(key).waiting.pop_front();
                    turns.extend(next.map(|(_, who)| (who, Ok(ticket))));
                    self.is_fewer(key, 1);
                    self.place(now, key);
                }
                May::Open(until) => {
                    self.keys.get(key).place = Place::Idle;
                    self.refuse(key, Refusal { why: Why::Circuit, after: until - now }, turns);
                }
                May::At(_) | May::Later => self.place(now, key),
            }
        }
    }

    /// When it is somebody's turn although nothing happens before, and which key's.
    pub(super) fn next(&self, now: u64) -> Option<(u64, u32)> {
        let timed = self.timed.first().copied();
        let Some(front) = self.circle.front().copied() else { return timed };
        match self.total.may(now, &self.limit.total) {
            May::At(at) => Some((at, front)),
            May::Now => Some((now, front)),
            // Nobody's time helps.
            May::Later | May::Open(_) => None,
        }
    }

    /// Whoever is first of a key.
    pub(super) fn first(&self, key: u32) -> Option<&W> {
        self.keys.peek(key)?.waiting.front().map(|(_, who)| who)
    }

    /// A call that waits has gone; false if it was given its turn before.
    pub(super) fn leave(&mut self, spot: Spot) -> bool {
        let Some(key) = self.keys.peek(spot.key) else { return false };
        let Ok(at) = key.waiting.binary_search_by_key(&spot.number, |(number, _)| *number) else { return false };
        let key = self.keys.get(spot.key);
        key.waiting.remove(at);
        if key.waiting.is_empty() {
            match key.place {
                Place::Timed(time) => {
                    self.timed.remove(&(time, spot.key));
                    key.place = Place::Idle;
                }
                Place::Full => key.place = Place::Idle,
                Place::Circle | Place::Idle => {}
            }
        }
        self.is_fewer(spot.key, 1);
        true
    }

    /// A call has ended.
    pub(super) fn end(&mut self, now: u64, ticket: Ticket, outcome: Outcome, turns: &mut Vec<Turn<W>>) {
        self.takes = match (self.takes, now.saturating_sub(ticket.began)) {
            (0, took) => took,
            (takes, took) => takes - takes / 8 + took / 8,
        };
        let (each, total) = (self.limit.each, self.limit.total);
        if let Outcome::NotBefore(time) = outcome {
            let until = now.saturating_add(nanos(time));
            if self.limit.keyed {
                self.keys.get(ticket.key).meter.hold(until);
            } else {
                self.total.hold(until);
            }
        }
        self.change = self.total.give_back(now, &total, ticket.total_stamp, outcome).or(self.change.take());
        let change = self.keys.get(ticket.key).meter.give_back(now, &each, ticket.stamp, outcome);
        if let Some(Change::Opened(until)) = change {
            self.refuse(ticket.key, Refusal { why: Why::Circuit, after: until - now }, turns);
        }
        if let Some(Change::Opened(until)) = self.change {
            self.refuse_all(Refusal { why: Why::Circuit, after: until.saturating_sub(now) }, turns);
        }
        if self.keys.get(ticket.key).place == Place::Full {
            self.place(now, ticket.key);
        }
    }

    /// What has happened to the circuit of all calls since it was last asked.
    pub(super) fn change(&mut self) -> Option<Change> {
        self.change.take()
    }

    /// The name of a key that somebody waits for, and how many calls are before one of it.
    pub(super) fn ahead(&self, spot: Spot) -> Option<(Arc<str>, u64)> {
        let key = self.keys.peek(spot.key)?;
        let at = key.waiting.binary_search_by_key(&spot.number, |(number, _)| *number).ok()?;
        Some((key.name.clone(), self.before(at as u64)))
    }

    /// How long a call waits that comes now, in nanoseconds.
    pub(super) fn expects(&self, now: u64, spot: Spot) -> u64 {
        self.keys.peek(spot.key).map_or(0, |key| {
            let at = key.waiting.binary_search_by_key(&spot.number, |(number, _)| *number);
            self.expected(now, spot.key, at.unwrap_or_else(|at| at) as u64)
        })
    }

    pub(super) fn waiting(&self) -> u32 {
        self.waiting
    }

    pub(super) fn held(&self) -> u32 {
        self.total.held()
    }

    pub(super) fn keys(&self) -> usize {
        self.keys.len()
    }

    #[cfg(test)]
    pub(super) fn longest_key(&self) -> usize {
        self.keys.all().filter_map(|number| Some(self.keys.peek(number)?.name.len())).max().unwrap_or(0)
    }

    /// The number of a key, which may be a new one; nothing if there are too many.
    fn number(&mut self, now: u64, name: &str) -> Option<u32> {
        let known = self.keys.find(name);
        if self.limit.keyed {
            let each = self.limit.each;
            let is_idle = |key: &Key<W>| {
                let waits = key.place != Place::Idle || !key.waiting.is_empty();
                !waits && key.meter.is_idle(now, &each) && *key.name != *name
            };
            // A new key pays for two old ones, so that the idle ones are never many more than the others.
            self.keys.sweep(if known.is_some() { 1 } else { 2 }, is_idle);
            if known.is_none() && self.keys.len() >= self.limit.keys as usize {
                self.keys.sweep(usize::MAX, is_idle);
                if self.keys.len() >= self.limit.keys as usize {
                    return None;
                }
            }
        }
        Some(known.unwrap_or_else(|| self.keys.insert(name)))
    }

    fn take(&mut self, now: u64, key: u32) -> Ticket {
        let stamp = self.keys.get(key).meter.take(now, &self.limit.each);
        let total_stamp = self.total.take(now, &self.limit.total);
        Ticket { key, stamp, total_stamp, began: now }
    }

    fn enqueue(&mut self, now: u64, number: u32, who: W) -> Spot {
        self.last += 1;
        self.waiting += 1;
        let key = self.keys.get(number);
        if key.waiting.is_empty() {
            self.queues += 1;
        }
        key.waiting.push_back((self.last, who));
        if key.place == Place::Idle {
            self.place(now, number);
        }
        Spot { key: number, number: self.last }
    }

    /// So many calls of a key wait no more.
    fn is_fewer(&mut self, key: u32, calls: u32) {
        self.waiting -= calls;
        if calls > 0 && self.keys.get(key).waiting.is_empty() {
            self.queues -= 1;
        }
    }

    /// Puts a key where it belongs that is in no place.
    fn place(&mut self, now: u64, number: u32) {
        let key = self.keys.get(number);
        key.place = if key.waiting.is_empty() {
            Place::Idle
        } else {
            match key.meter.may(now, &self.limit.each) {
                // Those of an open circuit are refused when it is their turn.
                May::Now | May::Open(_) => Place::Circle,
                May::At(at) => Place::Timed(at),
                May::Later => Place::Full,
            }
        };
        match key.place {
            Place::Circle => self.circle.push_back(number),
            Place::Timed(at) => drop(self.timed.insert((at, number))),
            Place::Idle | Place::Full => {}
        }
    }

    /// Refuses all calls of a key that wait.
    fn refuse(&mut self, number: u32, refusal: Refusal, turns: &mut Vec<Turn<W>>) {
        let key = self.keys.get(number);
        match key.place {
            Place::Timed(at) => {
                self.timed.remove(&(at, number));
                key.place = Place::Idle;
            }
            Place::Full => key.place = Place::Idle,
            // It is found without calls when its turn comes.
            Place::Circle | Place::Idle => {}
        }
        let refused = std::mem::take(&mut key.waiting);
        let count = u32::try_from(refused.len()).unwrap_or(u32::MAX);
        turns.extend(refused.into_iter().map(|(_, who)| (who, Err(refusal))));
        self.is_fewer(number, count);
    }

    fn refuse_all(&mut self, refusal: Refusal, turns: &mut Vec<Turn<W>>) {
        for number in self.keys.all() {
            if self.keys.peek(number).is_some_and(|key| !key.waiting.is_empty()) {
                self.refuse(number, refusal, turns);
            }
        }
    }

    /// How many calls have their turn before the one that has `before` calls of its own key before it: about one of every
    /// other key for each of them, and for itself.
    fn before(&self, before: u64) -> u64 {
        u64::from(self.waiting).min((before + 1).saturating_mul(u64::from(self.queues.max(1)))) - 1
    }

    fn expected(&self, now: u64, number: u32, before: u64) -> u64 {
        let Some(key) = self.keys.peek(number) else { return 0 };
        let each = key.meter.expected(now, &self.limit.each, before, self.takes);
        let joins = u64::from(key.waiting.is_empty());
        let all = u64::from(self.waiting).min((before + 1).saturating_mul(u64::from(self.queues) + joins) - 1);
        each.max(self.total.expected(now, &self.limit.total, all, self.takes))
    }
}

const SECOND: u64 = 1_000_000_000;
