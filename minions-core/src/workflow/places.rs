//! How many workflows of an orchestration may be awake, and how much they may weigh.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use metrics::Gauge;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::clock::now_ms;
use crate::reason::{Reason, Wait};

/// The places of one orchestration.
///
/// A workflow weighs what its event and its context take when they are encoded. Who is awake may grow beyond the bound, because
/// work in flight is never held up; nobody else gets a place then. So what is awake is heavier than the bound by what grows,
/// and by one workflow, which may be heavier than the bound alone.
pub(crate) struct Places {
    orchestration: Arc<str>,
    /// One permit for every workflow that may be awake.
    slots: Arc<Semaphore>,
    max: usize,
    max_weight: u64,
    weight: AtomicU64,
    /// The same for whoever scrapes.
    bytes: Gauge,
    /// When the last free place was taken, in milliseconds since the Unix epoch.
    taken_ms: AtomicI64,
    /// When the weight has come to its bound.
    heavy_ms: AtomicI64,
    /// Told whenever the weight falls below its bound.
    lighter: Notify,
}

/// The place of a workflow that is awake, or about to be; given back when it is dropped.
pub(crate) struct Place {
    places: Arc<Places>,
    /// Nothing while the workflow waits in memory.
    slot: Option<OwnedSemaphorePermit>,
    weight: u64,
}

impl Places {
    pub(super) fn new(orchestration: Arc<str>, max: usize, max_weight: u64, bytes: Gauge) -> Arc<Self> {
        Arc::new(Self {
            orchestration,
            slots: Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS))),
            max,
            max_weight,
            weight: AtomicU64::new(0),
            bytes,
            taken_ms: AtomicI64::new(0),
            heavy_ms: AtomicI64::new(0),
            lighter: Notify::new(),
        })
    }

    /// Why nobody else gets a place at this moment, as the word of the reason.
    pub(crate) fn closed_by(&self) -> Option<&'static str> {
        if self.slots.available_permits() == 0 {
            Some("in_flight")
        } else if self.is_heavy() {
            Some("bytes")
        } else {
            None
        }
    }

    /// The same with who and since when.
    pub(crate) fn wait(&self) -> Option<Wait> {
        let orchestration = self.orchestration.clone();
        if self.slots.available_permits() == 0 {
            let since_ms = self.taken_ms.load(Ordering::Relaxed);
            return Some(Wait::new(Reason::InFlight { orchestration, max: self.max }, since_ms));
        }
        let (used, max) = (self.weight(), self.max_weight);
        let heavy = Reason::Bytes { orchestration, used, max };
        (used >= max).then(|| Wait::new(heavy, self.heavy_ms.load(Ordering::Relaxed)))
    }

    /// What is awake weighs so many bytes.
    pub(crate) fn weight(&self) -> u64 {
        self.weight.load(Ordering::Relaxed)
    }

    fn is_heavy(&self) -> bool {
        self.weight() >= self.max_weight
    }

    /// Waits for a place.
    ///
    /// # Cancel safety
    ///
    /// Safe; the place in the queue is lost.
    pub(crate) async fn take(self: &Arc<Self>) -> Place {
        let slot = Some(self.slot().await);
        while self.is_heavy() {
            let mut lighter = std::pin::pin!(self.lighter.notified());
            lighter.as_mut().enable();
            if self.is_heavy() {
                lighter.await;
            }
        }
        Place { places: self.clone(), slot, weight: 0 }
    }

    async fn slot(&self) -> OwnedSemaphorePermit {
        let slot = self.slots.clone().acquire_owned().await.expect("the semaphore is never closed");
        if self.slots.available_permits() == 0 {
            self.taken_ms.store(now_ms(), Ordering::Relaxed);
        }
        slot
    }

    fn add(&self, weight: u64) {
        let before = self.weight.fetch_add(weight, Ordering::Relaxed);
        self.bytes.increment(weight as f64);
        if before < self.max_weight && before.saturating_add(weight) >= self.max_weight {
            self.heavy_ms.store(now_ms(), Ordering::Relaxed);
        }
    }

    fn subtract(&self, weight: u64) {
        let before = self.weight.fetch_sub(weight, Ordering::AcqRel);
        self.bytes.decrement(weight as f64);
        if before >= self.max_weight && before - weight < self.max_weight {
            self.lighter.notify_waiters();
        }
    }
}

impl Place {
    /// Its workflow weighs so many bytes from now on.
    pub(crate) fn weigh(&mut self, weight: u64) {
        let before = std::mem::replace(&mut self.weight, weight);
        if weight > before {
            self.places.add(weight - before);
        } else if weight < before {
            self.places.subtract(before - weight);
        }
    }

    /// Lets somebody else be awake, while its workflow waits in memory and weighs what it does.
    pub(crate) fn give_back(&mut self) {
        self.slot = None;
    }

    /// Takes part again, however heavy the others are: its own weight is among theirs.
    ///
    /// # Cancel safety
    ///
    /// Safe; the place in the queue is lost.
    pub(crate) async fn take_again(&mut self) {
        self.slot = Some(self.places.slot().await);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.subtract(self.weight);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn places(max: usize, max_weight: u64) -> Arc<Places> {
        Places::new("a/b".into(), max, max_weight, Gauge::noop())
    }

    #[test]
    fn there_are_as_many_places_as_there_may_be_and_whoever_waits_is_told_why() {
        let places = places(2, 100);
        let (first, _second) = (places.take().now_or_never().unwrap(), places.take().now_or_never().unwrap());
        assert_eq!(places.closed_by(), Some("in_flight"));
        let wait = places.wait().unwrap();
        assert_eq!(wait.reason, Reason::InFlight { orchestration: "a/b".into(), max: 2 });
        assert!(wait.since_ms > 0);
        assert!(places.take().now_or_never().is_none());
        drop(first);
        assert_eq!((places.closed_by(), places.wait()), (None, None));
    }

    #[test]
    fn one_that_is_heavier_than_all_may_be_still_gets_its_place_and_nobody_else_beside_it() {
        let places = places(10, 100);
        let mut heavy = places.take().now_or_never().unwrap();
        heavy.weigh(1_000);
        assert_eq!(places.closed_by(), Some("bytes"));
        let waits = places.wait().unwrap().reason;
        assert_eq!(waits, Reason::Bytes { orchestration: "a/b".into(), used: 1_000, max: 100 });
        let mut next = Box::pin(places.take());
        assert!(next.as_mut().now_or_never().is_none());
        heavy.weigh(99);
        assert!(next.now_or_never().is_some(), "there is room as soon as it is lighter");
        drop(heavy);
        assert_eq!(places.weight(), 0);
    }

    #[test]
    fn whoever_waits_in_memory_keeps_its_weight_and_comes_back_past_the_bound() {
        let places = places(1, 10);
        let mut place = places.take().now_or_never().unwrap();
        place.weigh(50);
        place.give_back();
        assert_eq!((places.weight(), places.closed_by()), (50, Some("bytes")));
        assert!(place.take_again().now_or_never().is_some());
    }
}
