//! The table against a naive model of a store and of those who come and go, at random.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::minion::Lanes as Options;
use crate::workflow::WorkflowId;

use super::table::{Bounds, Content, Fullness, Next, Table};

fn id(number: u64) -> WorkflowId {
    WorkflowId::from_bytes(u128::from(number).to_be_bytes())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Is {
    /// It has had its turn, and the store does not know yet.
    Unsure,
    Begun,
    Expected,
    Waiting,
}

/// Everybody, by lane and identity.
struct Model {
    table: Table,
    options: Options,
    window: usize,
    /// Whether events come from a source, or are emitted.
    comes: [bool; 2],
    lanes: BTreeMap<Arc<str>, BTreeMap<WorkflowId, Is>>,
    last: BTreeMap<Arc<str>, u64>,
    made: u64,
    now: u64,
    dice: u64,
    ended: usize,
    /// What the store has answered, and has not been taken up yet.
    reading: Option<Reading>,
}

enum Reading {
    One(Arc<str>, Content),
    Page(Vec<(Arc<str>, Content)>),
}

impl Model {
    fn new(options: Options, bounds: Bounds, comes: [bool; 2], seed: u64) -> Self {
        let table = Table::new(options, bounds, false);
        let window = bounds.window;
        let (lanes, last) = Default::default();
        Self { table, options, window, comes, lanes, last, made: 0, now: 0, dice: seed, ended: 0, reading: None }
    }

    fn throw(&mut self, sides: u64) -> u64 {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) % sides
    }

    fn any(&mut self, wanted: &[Is]) -> Option<(Arc<str>, WorkflowId)> {
        let all = self.lanes.iter().flat_map(|(lane, of)| of.iter().map(move |(id, is)| (lane.clone(), *id, *is)));
        let all: Vec<_> = all.filter(|(_, _, is)| wanted.contains(is)).collect();
        if all.is_empty() {
            return None;
        }
        let at = self.throw(all.len() as u64) as usize;
        Some((all[at].0.clone(), all[at].1))
    }

    /// The first of those that are expected in any lane: events are settled in the order in which they came.
    fn next_expected(&mut self) -> Option<(Arc<str>, WorkflowId)> {
        let (lane, _) = self.any(&[Is::Expected])?;
        let first = self.lanes[&lane].iter().find(|(_, is)| **is == Is::Expected).map(|(id, _)| *id)?;
        Some((lane, first))
    }

    fn set(&mut self, lane: &Arc<str>, id: WorkflowId, is: Option<Is>) {
        let of = self.lanes.entry(lane.clone()).or_default();
        match is {
            Some(is) => drop(of.insert(id, is)),
            None => drop(of.remove(&id)),
        }
        if of.is_empty() {
            self.lanes.remove(lane);
        }
    }

    fn begins(&mut self, lane: &Arc<str>) {
        if let Some(last) = self.last.insert(lane.clone(), self.now) {
            let pace = self.options.pace().map_or(0, |pace| pace.as_micros() as u64);
            assert!(self.now - last >= pace, "`{lane}` is too fast");
        }
    }

    fn come(&mut self, lane: &Arc<str>) {
        self.made += 1;
        let new = id(self.made);
        let others: Vec<_> = self.lanes.get(lane).into_iter().flatten().map(|(_, is)| *is).collect();
        let has_turn = self.table.enter(lane, new, self.now);
        if has_turn {
            let in_turn = others.iter().all(|is| matches!(is, Is::Begun | Is::Unsure));
            assert!(in_turn && others.len() < self.options.at_once() as usize, "{new} passes {others:?}");
            self.begins(lane);
        }
        self.set(lane, new, Some(if has_turn { Is::Unsure } else { Is::Expected }));
    }

    /// One that is emitted waits without having been expected, perhaps after others that are younger.
    fn emit(&mut self, lane: &Arc<str>) {
        self.made += 2;
        let new = id(self.made - self.throw(2));
        self.set(lane, new, Some(Is::Waiting));
        self.table.arrive(lane, new, self.now);
    }

    fn pick(&mut self) {
        let Some((lane, picked)) = self.table.pick(self.now) else { return };
        let of = &self.lanes[&lane];
        let begun = of.values().filter(|is| matches!(is, Is::Begun | Is::Unsure)).count();
        assert!(begun < self.options.at_once() as usize, "{begun} have begun in `{lane}` already");
        let first = of.iter().find(|(_, is)| matches!(is, Is::Waiting | Is::Expected));
        assert_eq!(first, Some((&picked, &Is::Waiting)), "somebody else is before {picked} in `{lane}`");
        self.begins(&lane);
        self.set(&lane, picked, Some(Is::Unsure));
    }

    /// What the store has of a lane.
    fn stored(&self, lane: &Arc<str>) -> Content {
        let of = self.lanes.get(lane);
        let all = |wanted: Is| of.into_iter().flatten().filter(move |(_, is)| **is == wanted).map(|(id, _)| *id);
        // Who has been given a turn may be stored as one who waits still.
        let mut waiting: Vec<_> = all(Is::Waiting).chain(all(Is::Unsure)).collect();
        waiting.sort();
        let count = waiting.len() as u64;
        waiting.truncate(self.window.saturating_add(self.options.at_once() as usize));
        let more = (waiting.len() as u64) < count;
        Content { begun: all(Is::Begun).collect(), waiting, more: more.then_some(count) }
    }

    /// Does what the table says is to be done.
    fn step(&mut self) -> bool {
        match self.reading.take() {
            Some(Reading::One(lane, content)) => self.table.has_read(&lane, content, self.now),
            Some(Reading::Page(lanes)) => self.table.has_swept(lanes, self.now),
            None => match self.table.next(self.now) {
                Next::Begin => self.pick(),
                Next::Read(lane) => {
                    self.table.begin_read();
                    self.reading = Some(Reading::One(lane.clone(), self.stored(&lane)));
                }
                Next::Sweep(after) => {
                    self.table.begin_read();
                    let names = self.lanes.keys().filter(|lane| after.as_ref().is_none_or(|after| *lane > after));
                    let names: Vec<_> = names.take(3).cloned().collect();
                    let page = names.into_iter().map(|lane| (lane.clone(), self.stored(&lane))).collect();
                    self.reading = Some(Reading::Page(page));
                }
                Next::Rest(Some(at)) => self.now = self.now.max(at),
                Next::Rest(None) => return false,
            },
        }
        true
    }

    fn act(&mut self, lanes: u64) {
        self.now += self.throw(50);
        let lane: Arc<str> = format!("lane {}", self.throw(lanes)).into();
        match self.throw(12) {
            0..2 if self.comes[0] => self.come(&lane),
            2 if self.comes[1] => self.emit(&lane),
            3 => {
                if let Some((lane, id)) = self.any(&[Is::Unsure]) {
                    self.set(&lane, id, Some(Is::Begun));
                    self.table.is_stored(&lane, id);
                }
            }
            4 => {
                if let Some((lane, id)) = self.next_expected() {
                    self.set(&lane, id, Some(Is::Waiting));
                    self.table.arrive(&lane, id, self.now);
                }
            }
            5 => {
                if let Some((lane, id)) = self.next_expected().filter(|_| self.made.is_multiple_of(3)) {
                    self.set(&lane, id, None);
                    self.table.withdraw(&lane, id, self.now);
                }
            }
            6 => self.end(),
            7 => {
                if let Some((lane, id)) = self.any(&[Is::Waiting]).filter(|_| self.made.is_multiple_of(5)) {
                    self.set(&lane, id, None);
                    self.table.remove_waiting(&lane, id, self.now);
                }
            }
            _ => drop(self.step()),
        }
    }

    fn end(&mut self) {
        if let Some((lane, id)) = self.any(&[Is::Begun]) {
            self.set(&lane, id, None);
            self.table.leave(&lane, id, self.now);
            self.ended += 1;
        }
    }

    /// Lets everybody end, and nobody come.
    fn drain(&mut self) {
        for _ in 0..1_000_000 {
            if let Some((lane, id)) = self.next_expected() {
                self.set(&lane, id, Some(Is::Waiting));
                self.table.arrive(&lane, id, self.now);
                continue;
            }
            if self.step() {
                continue;
            }
            while let Some((lane, id)) = self.any(&[Is::Unsure]) {
                self.set(&lane, id, Some(Is::Begun));
                self.table.is_stored(&lane, id);
            }
            if self.lanes.is_empty() {
                return;
            }
            let before = self.ended;
            self.end();
            assert!(self.ended > before, "nobody begins in {} lanes: {:?}", self.lanes.len(), self.table);
        }
        panic!("it never comes to an end");
    }
}

fn run(options: Options, bounds: Bounds, comes: [bool; 2], lanes: u64, seed: u64) {
    let mut model = Model::new(options, bounds, comes, seed);
    for _ in 0..1_500 {
        model.act(lanes);
    }
    model.drain();
    assert_eq!(model.table.waiting(), 0);
    assert!(model.ended > 50);
}

#[test]
fn lanes_keep_their_order_and_let_everybody_begin_at_random() {
    let paced = Options::ONE_BY_ONE.rate(1, Duration::from_micros(40));
    for seed in 0..6 {
        for options in [Options::ONE_BY_ONE, Options::ONE_BY_ONE.concurrency(3), paced] {
            run(options, Bounds { lanes: 1_000, window: 1_000 }, [true, true], 9, seed);
            run(options, Bounds { lanes: 1_000, window: 2 }, [true, true], 4, seed);
            // Fewer than there are: lanes are forgotten, and found again.
            run(options, Bounds { lanes: 6, window: 3 }, [true, false], 20, seed);
            run(options, Bounds { lanes: 6, window: 3 }, [false, true], 20, seed);
        }
    }
}

/// A table that has read an empty store.
fn empty(options: Options) -> Table {
    let mut table = Table::new(options, Bounds { lanes: 100, window: 4 }, false);
    assert_eq!(table.next(0), Next::Sweep(None));
    table.begin_read();
    table.has_swept(Vec::new(), 0);
    assert_eq!(table.next(0), Next::Rest(None));
    table
}

#[test]
fn keys_take_turns_however_many_wait_in_one() {
    let mut table = empty(Options::ONE_BY_ONE.concurrency(100));
    let lane = |name: &str| Arc::<str>::from(name);
    for number in 0..4 {
        table.arrive(&lane("hot"), id(number), 0);
    }
    for (at, name) in ["a", "b", "c"].into_iter().enumerate() {
        table.arrive(&lane(name), id(100 + at as u64), 0);
    }
    let order: Vec<_> = std::iter::from_fn(|| table.pick(0)).map(|(lane, _)| lane.to_string()).collect();
    assert_eq!(order, ["hot", "a", "b", "c", "hot", "hot", "hot"]);
}

#[test]
fn bounds_are_where_they_are_said_to_be() {
    let mut table = empty(Options::ONE_BY_ONE.queue(3).backlog(5));
    let (one, other) = (Arc::from("one"), Arc::from("other"));
    assert!(table.enter(&one, id(1), 0) && table.enter(&other, id(2), 0));
    for number in 3..6 {
        assert_eq!(table.fullness(), None);
        table.arrive(&one, id(number), 0);
    }
    assert_eq!(table.fullness(), Some(Fullness::Lane(one.clone())));
    table.leave(&one, id(1), 0);
    assert_eq!(table.pick(0), Some((one.clone(), id(3))));
    assert_eq!(table.fullness(), None);
    (6..9).for_each(|number| table.arrive(&other, id(number), 0));
    assert_eq!((table.waiting(), table.fullness()), (5, Some(Fullness::All)));
}

#[test]
fn a_lane_of_which_nothing_is_known_is_read_before_anybody_begins() {
    let mut table = Table::new(Options::ONE_BY_ONE, Bounds { lanes: 100, window: 4 }, false);
    let lane: Arc<str> = Arc::from("k");
    assert!(!table.enter(&lane, id(9), 0), "somebody may be before it");
    assert_eq!(table.next(0), Next::Read(lane.clone()));
    table.begin_read();
    // One of those that are read ends meanwhile, and the new one is stored.
    table.leave(&lane, id(1), 0);
    table.arrive(&lane, id(9), 0);
    table.has_read(&lane, Content { begun: vec![id(1)], waiting: vec![id(2)], more: None }, 0);
    assert_eq!(table.next(0), Next::Begin);
    assert_eq!(table.pick(0), Some((lane.clone(), id(2))));
    assert_eq!(table.pick(0), None);
    table.leave(&lane, id(2), 0);
    assert_eq!(table.pick(0), Some((lane.clone(), id(9))));
}
