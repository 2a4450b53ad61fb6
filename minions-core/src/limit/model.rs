//! The scheduler against what it promises, under random calls, ends, departures and pauses.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::random::mix;

use super::scheduler::{Asked, Scheduler, Spot, Ticket, Turn};
use super::{Bounds, Circuit, Limit, Outcome, Rate, Why};

const MS: u64 = 1_000_000;

/// What is promised, kept by the simplest means.
struct Model {
    limit: Limit,
    scheduler: Scheduler<u64>,
    now: u64,
    seed: u64,
    last: u64,
    /// Who waits, in the order in which they came.
    waiting: BTreeMap<usize, VecDeque<(u64, Spot)>>,
    held: Vec<(usize, Ticket)>,
    granted: Vec<u64>,
    granted_by_key: BTreeMap<usize, Vec<u64>>,
    refused: u64,
}

impl Model {
    fn new(limit: Limit, seed: u64) -> Self {
        Self {
            scheduler: Scheduler::new(limit),
            limit,
            now: 0,
            seed,
            last: 0,
            waiting: BTreeMap::new(),
            held: Vec::new(),
            granted: Vec::new(),
            granted_by_key: BTreeMap::new(),
            refused: 0,
        }
    }

    fn dice(&mut self, sides: u64) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.seed) % sides
    }

    fn ask(&mut self, key: usize) {
        self.last += 1;
        let number = self.last;
        let (now, name) = (self.now, key.to_string());
        match self.scheduler.ask(now, &name, u64::MAX, || number) {
            Asked::Goes(ticket) => {
                assert!(
                    self.waiting.get(&key).is_none_or(VecDeque::is_empty),
                    "nobody overtakes a call of its own key"
                );
                self.granted(key, ticket);
            }
            Asked::Waits(spot) => self.waiting.entry(key).or_default().push_back((number, spot)),
            Asked::Refused(refusal) => {
                assert_eq!(refusal.why, Why::Circuit, "the queue is long enough");
                self.refused += 1;
            }
        }
    }

    fn granted(&mut self, key: usize, ticket: Ticket) {
        self.held.push((key, ticket));
        self.granted.push(self.now);
        self.granted_by_key.entry(key).or_default().push(self.now);
        let of_key = self.held.iter().filter(|(held, _)| *held == key).count();
        assert!(self.limit.each.concurrency.is_none_or(|most| of_key <= most as usize));
        assert!(self.limit.total.concurrency.is_none_or(|most| self.held.len() <= most as usize));
    }

    fn turns(&mut self, turns: Vec<Turn<u64>>) {
        for (number, turn) in turns {
            let (key, queue) = self
                .waiting
                .iter_mut()
                .find(|(_, queue)| queue.iter().any(|(waits, _)| *waits == number))
                .expect("only who waits is given a turn");
            let key = *key;
            match turn {
                Ok(ticket) => {
                    assert_eq!(queue.pop_front().map(|(first, _)| first), Some(number), "the first of its key");
                    self.granted(key, ticket);
                }
                Err(refusal) => {
                    assert_eq!(refusal.why, Why::Circuit);
                    queue.retain(|(waits, _)| *waits != number);
                    self.refused += 1;
                }
            }
        }
        let waiting: usize = self.waiting.values().map(VecDeque::len).sum();
        assert_eq!(self.scheduler.waiting() as usize, waiting);
        assert_eq!(self.scheduler.held() as usize, self.held.len());
    }

    fn turn(&mut self) {
        let mut turns = Vec::new();
        self.scheduler.turn(self.now, &mut turns);
        self.turns(turns);
        assert!(self.scheduler.next(self.now).is_none_or(|(at, _)| at > self.now), "what is due was done");
    }

    fn end(&mut self, at: usize, outcome: Outcome) {
        let (_, ticket) = self.held.swap_remove(at);
        let mut turns = Vec::new();
        self.scheduler.end(self.now, ticket, outcome, &mut turns);
        self.turns(turns);
        self.turn();
    }

    fn leave(&mut self) {
        let queues: Vec<_> = self.waiting.iter().filter(|(_, queue)| !queue.is_empty()).map(|(key, _)| *key).collect();
        if queues.is_empty() {
            return;
        }
        let key = queues[self.dice(queues.len() as u64) as usize];
        let at = self.dice(self.waiting[&key].len() as u64) as usize;
        let (_, spot) = self.waiting.get_mut(&key).and_then(|queue| queue.remove(at)).expect("it was looked up");
        assert!(self.scheduler.leave(spot));
        assert!(!self.scheduler.leave(spot), "it has left");
        self.turn();
    }

    /// Lets everything end; afterwards nobody may be left behind.
    fn drain(&mut self) {
        for _ in 0..100_000 {
            if !self.held.is_empty() {
                self.end(0, Outcome::Succeeded);
            } else if let Some((at, _)) = self.scheduler.next(self.now) {
                self.now = at;
                self.turn();
            } else {
                break;
            }
        }
        assert!(self.waiting.values().all(VecDeque::is_empty), "somebody waits for a turn that never comes");
        assert!(self.held.is_empty());
    }

    /// No span of time has had more calls than its rate and the burst allow, with one tick of the timers.
    fn check_rate(calls: &[u64], bounds: &Bounds) {
        let Some((interval, early)) = bounds.pace() else { return };
        for (first, began) in calls.iter().enumerate() {
            for (count, at) in (1_u64..).zip(&calls[first..]) {
                let most = (at - began + early) / interval + 1;
                assert!(count <= most, "{count} calls in {} ns", at - began);
            }
        }
    }
}

fn run(limit: Limit, keys: u64, seed: u64) -> Model {
    let mut model = Model::new(limit, seed);
    for _ in 0..400 {
        match model.dice(10) {
            0..=4 => {
                let key = model.dice(keys) as usize;
                model.turn();
                model.ask(key);
            }
            5 | 6 if !model.held.is_empty() => {
                let at = model.dice(model.held.len() as u64) as usize;
                let outcome = match model.dice(8) {
                    0 => Outcome::Failed,
                    1 => Outcome::Unknown,
                    2 => Outcome::NotBefore(Duration::from_millis(30)),
                    _ => Outcome::Succeeded,
                };
                model.end(at, outcome);
            }
            7 => model.leave(),
            _ => {
                model.now += model.dice(20) * MS / 2;
                model.turn();
            }
        }
    }
    model.drain();
    Model::check_rate(&model.granted, &limit.total);
    for calls in model.granted_by_key.values() {
        Model::check_rate(calls, &limit.each);
    }
    model
}

#[test]
fn nobody_is_forgotten_overtaken_or_let_through_too_soon() {
    let each = Bounds::new();
    let fast = Rate::new(200, Duration::from_secs(1));
    let circuit = Circuit::new().failures(2).open(Duration::from_millis(40)).probes(2);
    let limits = [
        Limit::new(Bounds::new().concurrency(3)),
        Limit::new(Bounds::new().rate(fast).burst(4)),
        Limit::per_key(each.concurrency(1)).total(Bounds::new().concurrency(3)),
        Limit::per_key(each.rate(fast).burst(2)).total(Bounds::new().rate(Rate::per_second(700))),
        Limit::per_key(each.concurrency(2).rate(fast).circuit(circuit)).total(Bounds::new().concurrency(4)),
        Limit::per_key(each.concurrency(2)).total(Bounds::new().concurrency(4).rate(fast).circuit(circuit)),
    ];
    let mut refused = 0;
    for seed in 0..20 {
        for limit in limits {
            for keys in [1, 5, 40] {
                refused += run(limit, keys, seed).refused;
            }
        }
    }
    assert!(refused > 0, "no circuit has ever opened");
}

#[test]
fn turns_go_round_the_keys_however_long_their_queues_are() {
    let mut model = Model::new(Limit::per_key(Bounds::new()).total(Bounds::new().concurrency(1)), 1);
    // The first call takes the only permit; then one greedy key comes before everybody else.
    model.ask(0);
    for _ in 0..500 {
        model.ask(1);
    }
    for key in 2..12 {
        model.ask(key);
        model.ask(key);
    }
    let mut order = Vec::new();
    while !model.held.is_empty() && order.len() < 22 {
        model.end(0, Outcome::Succeeded);
        order.extend(model.held.iter().map(|(key, _)| *key));
    }
    let circle: Vec<usize> = (1..12).collect();
    assert_eq!(order, [circle.clone(), circle].concat());
}

#[test]
fn idle_keys_are_forgotten_and_too_many_are_refused() {
    let limit = Limit::per_key(Bounds::new().rate(Rate::per_second(10))).keys(100);
    let mut scheduler: Scheduler<()> = Scheduler::new(limit);
    let ask = |scheduler: &mut Scheduler<()>, now, key: u64| {
        let asked = scheduler.ask(now, &key.to_string(), u64::MAX, || ());
        if let Asked::Goes(ticket) = asked {
            scheduler.end(now, ticket, Outcome::Succeeded, &mut Vec::new());
            return None;
        }
        match asked {
            Asked::Refused(refusal) => Some(refusal.why),
            _ => panic!("each key has its own rate"),
        }
    };
    for key in 0..100 {
        assert_eq!(ask(&mut scheduler, 0, key), None);
    }
    assert_eq!(ask(&mut scheduler, MS, 100), Some(Why::Overloaded), "something is known of all of them");
    for key in 0..10_000 {
        assert_eq!(ask(&mut scheduler, 200 * MS + key * 2 * MS, 1_000 + key), None);
    }
    assert!(scheduler.keys() <= 100);
    for second in 0..200 {
        assert_eq!(ask(&mut scheduler, (100 + second) * 1_000 * MS, 1), None);
    }
    assert_eq!(scheduler.keys(), 1, "calls of one key sweep the others away");
}
