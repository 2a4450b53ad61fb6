//! What a program and whoever measures it share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use minions::prelude::*;
use parking_lot::Mutex;

use crate::clock::{Waits, now_ns};
use crate::sample::Sample;

use super::context::Visit;
use super::parts::Page;

/// Injected into every source and minion.
#[resource]
#[derive(Clone)]
pub struct Board {
    state: Arc<State>,
}

/// What is out of the ordinary.
#[derive(Clone, Copy, Default)]
struct Manner {
    /// Whether the limit is the end of the source.
    ends: bool,
    /// Whether the first step sleeps, for a day.
    sleeps: bool,
    /// Whether the second step never ends.
    holds: bool,
}

struct State {
    /// Whether sources end.
    closed: AtomicBool,
    /// How many events are to be given in all.
    limit: AtomicU64,
    given: AtomicU64,
    manner: Manner,
    /// Workflows that have begun.
    begun: AtomicU64,
    /// Workflows that have come to their second step.
    half: AtomicU64,
    /// Workflows that have come to the end of their last step.
    through: AtomicU64,
    /// When the first step began.
    first_ns: AtomicU64,
    /// How long it took from one step to the next.
    waits: Waits,
    /// What minions have measured themselves.
    told: Mutex<Vec<Sample>>,
}

#[resource]
impl Board {
    async fn create() -> Result<Self> {
        Err("the benchmark makes it".into())
    }
}

impl Board {
    /// Sources give events without end.
    pub fn new(waits: Waits) -> Self {
        Self::with(waits, u64::MAX, Manner::default())
    }

    /// Sources give events up to the limit, and every workflow comes to rest in its first step.
    pub fn sleeping(limit: u64) -> Self {
        Self::with(Waits::none(), limit, Manner { sleeps: true, ..Manner::default() })
    }

    /// Sources give events up to the limit, and every workflow stays in its second step.
    pub fn holding(limit: u64) -> Self {
        Self::with(Waits::none(), limit, Manner { holds: true, ..Manner::default() })
    }

    /// Sources give so many events.
    pub fn limited(limit: u64) -> Self {
        Self::with(Waits::none(), limit, Manner::default())
    }

    /// Sources end after so many events.
    pub fn ending(limit: u64) -> Self {
        Self::with(Waits::none(), limit, Manner { ends: true, ..Manner::default() })
    }

    fn with(waits: Waits, limit: u64, manner: Manner) -> Self {
        let zero = || AtomicU64::new(0);
        let state = State {
            closed: AtomicBool::new(false),
            limit: AtomicU64::new(limit),
            given: zero(),
            manner,
            begun: zero(),
            half: zero(),
            through: zero(),
            first_ns: zero(),
            waits,
            told: Mutex::default(),
        };
        Self { state: Arc::new(state) }
    }

    /// Lets sources end.
    pub fn close(&self) {
        self.state.closed.store(true, Ordering::Relaxed);
    }

    /// Lets sources give more.
    pub fn raise(&self, limit: u64) {
        self.state.limit.store(limit, Ordering::Relaxed);
    }

    pub fn given(&self) -> u64 {
        self.state.given.load(Ordering::Relaxed)
    }

    pub fn begun(&self) -> u64 {
        self.state.begun.load(Ordering::Relaxed)
    }

    pub fn half(&self) -> u64 {
        self.state.half.load(Ordering::Relaxed)
    }

    pub fn through(&self) -> u64 {
        self.state.through.load(Ordering::Relaxed)
    }

    /// When the first step began, in nanoseconds since the process did.
    pub fn first_ns(&self) -> u64 {
        self.state.first_ns.load(Ordering::Relaxed)
    }

    pub fn waits(&self) -> &Waits {
        &self.state.waits
    }

    pub fn tell(&self, sample: Sample) {
        self.state.told.lock().push(sample);
    }

    pub fn told(&self) -> Vec<Sample> {
        std::mem::take(&mut *self.state.told.lock())
    }

    /// What a source gives.
    pub(super) fn next(&self) -> Next<Page> {
        let state = &*self.state;
        if state.closed.load(Ordering::Relaxed) {
            return Next::End;
        }
        let limit = state.limit.load(Ordering::Relaxed);
        let take = |given: u64| (given < limit).then_some(given + 1);
        let Ok(number) = state.given.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) else {
            return if state.manner.ends { Next::End } else { Next::Idle };
        };
        Next::Event(Page { number, sampled: state.waits.takes(number) })
    }

    /// What the steps do.
    pub(super) fn first<const TEXT: usize>(&self, page: &Page, visit: &mut Visit<TEXT>) -> Flow {
        let state = &*self.state;
        if state.begun.fetch_add(1, Ordering::Relaxed) == 0 {
            state.first_ns.store(now_ns(), Ordering::Relaxed);
        }
        self.count(page, visit);
        if state.manner.sleeps { Flow::sleep(std::time::Duration::from_secs(86_400)) } else { Flow::Continue }
    }

    pub(super) fn second<const TEXT: usize>(&self, page: &Page, visit: &mut Visit<TEXT>) -> bool {
        self.count(page, visit);
        self.state.half.fetch_add(1, Ordering::Relaxed);
        self.state.manner.holds
    }

    pub(super) fn third<const TEXT: usize>(&self, page: &Page, visit: &mut Visit<TEXT>) -> Result<()> {
        self.count(page, visit);
        if visit.steps != 3 {
            return Err(format!("workflow {} has been in {} steps, not 3", page.number, visit.steps).into());
        }
        self.state.through.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn count<const TEXT: usize>(&self, page: &Page, visit: &mut Visit<TEXT>) {
        if page.sampled {
            if visit.began_ns > 0 {
                self.state.waits.waited_since(visit.began_ns);
            }
            visit.began_ns = now_ns();
        }
        visit.steps += 1;
    }
}
