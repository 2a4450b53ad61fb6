//! Where each thread is: which piece of user code it is polling at this moment.
//!
//! Who polls writes one word into a slot of its thread before and after; the watchdog reads the slots from outside. The word
//! has the time of the last tick, which the watchdogs set, so that nobody who polls reads a clock.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use metrics::{Counter, counter};
use parking_lot::Mutex;

use crate::component::{Kind, Location};
use crate::telemetry::names;

/// A piece of user code that may be polled, by a number that is never used again; forgotten when it is dropped.
#[derive(Debug)]
pub(crate) struct Spot(u32);

/// What a spot is.
#[derive(Clone, Debug)]
pub(crate) struct Code {
    /// Of which program of the process.
    pub(crate) program: u64,
    pub(crate) kind: Kind,
    pub(crate) component: Arc<str>,
    /// Empty outside an orchestration.
    pub(crate) orchestration: Arc<str>,
    /// A step, or a hook.
    pub(crate) what: &'static str,
    pub(crate) location: Location,
}

impl Code {
    /// Counts how often it held a thread for a while.
    fn blocks(&self) -> Counter {
        let (kind, component) = (self.kind.as_str(), self.component.to_string());
        counter!(names::THREAD_BLOCKS, "kind" => kind, "component" => component, "what" => self.what)
    }
}

/// A thread that has been in one poll for some time.
pub(crate) struct Blocked {
    /// The number of the spot.
    pub(crate) spot: u32,
    pub(crate) code: Code,
    /// Counts such blocks of it.
    pub(crate) count: Counter,
    pub(crate) since: Duration,
}

/// The time in milliseconds since the first tick of the process, as of the last one.
static TICK: AtomicU32 = AtomicU32::new(0);
static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
static NEXT: AtomicU32 = AtomicU32::new(1);
static CODES: LazyLock<Mutex<HashMap<u32, (Code, Counter)>>> = LazyLock::new(Mutex::default);
static THREADS: Mutex<Vec<Weak<AtomicU64>>> = Mutex::new(Vec::new());

thread_local! {
    /// The spot in the upper half, the tick of its beginning in the lower one; 0 outside.
    static SLOT: Arc<AtomicU64> = slot();
}

fn slot() -> Arc<AtomicU64> {
    let slot = Arc::new(AtomicU64::new(0));
    THREADS.lock().push(Arc::downgrade(&slot));
    slot
}

impl Spot {
    pub(crate) fn new(code: Code) -> Self {
        let (number, blocks) = (NEXT.fetch_add(1, Ordering::Relaxed), code.blocks());
        // There from the start, so that whoever watches it sees the first one.
        blocks.increment(0);
        CODES.lock().insert(number, (code, blocks));
        Self(number)
    }

    /// Lets the watchdog see whoever polls `work`.
    pub(crate) const fn watch<F: Future + Unpin>(&self, work: F) -> Watched<F> {
        Watched { spot: self.0, work }
    }
}

impl Drop for Spot {
    fn drop(&mut self) {
        CODES.lock().remove(&self.0);
    }
}

/// A future that is seen while it is polled.
pub(crate) struct Watched<F> {
    spot: u32,
    work: F,
}

impl<F: Future + Unpin> Future for Watched<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let _here = Here::enter(self.spot);
        Pin::new(&mut self.work).poll(cx)
    }
}

/// The thread is at a spot as long as this lives; afterwards it is where it was before, also after a panic.
struct Here(u64);

impl Here {
    fn enter(spot: u32) -> Self {
        let now = u64::from(spot) << 32 | u64::from(TICK.load(Ordering::Relaxed));
        // A thread that is about to end has no slot any more, and is not watched.
        let before = SLOT.try_with(|slot| {
            let before = slot.load(Ordering::Relaxed);
            slot.store(now, Ordering::Relaxed);
            before
        });
        Self(before.unwrap_or(0))
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        let _ = SLOT.try_with(|slot| slot.store(self.0, Ordering::Relaxed));
    }
}

/// Sets the time that polls write down.
pub(crate) fn tick() {
    // It wraps after seven weeks, and so do the differences.
    TICK.store(BEGAN.elapsed().as_millis() as u32, Ordering::Relaxed);
}

/// The threads that have been in one poll of `program` for at least `since`.
pub(crate) fn blocked(program: u64, since: Duration) -> Vec<Blocked> {
    let now = BEGAN.elapsed().as_millis() as u32;
    let words: Vec<u64> = {
        let mut threads = THREADS.lock();
        threads.retain(|thread| thread.strong_count() > 0);
        threads.iter().filter_map(Weak::upgrade).map(|slot| slot.load(Ordering::Relaxed)).collect()
    };
    let found = words.into_iter().filter(|word| *word != 0).filter_map(|word| {
        let (spot, began) = ((word >> 32) as u32, word as u32);
        let for_so_long = Duration::from_millis(u64::from(now.wrapping_sub(began)));
        if for_so_long < since {
            return None;
        }
        let (code, count) = CODES.lock().get(&spot).filter(|(code, _)| code.program == program).cloned()?;
        Some(Blocked { spot, code, count, since: for_so_long })
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use futures_util::FutureExt;

    use super::*;

    fn spot(program: u64, what: &'static str) -> Spot {
        let (component, orchestration) = ("watcher".into(), "a/b".into());
        Spot::new(Code { program, kind: Kind::Minion, component, orchestration, what, location: crate::location!() })
    }

    fn seen(program: u64) -> Vec<&'static str> {
        blocked(program, Duration::ZERO).into_iter().map(|blocked| blocked.code.what).collect()
    }

    #[test]
    fn t6_whoever_polls_is_seen_from_outside_while_it_polls_and_not_after() {
        let (outer, inner) = (spot(71, "fetch"), spot(71, "parse"));
        outer
            .watch(Box::pin(async {
                assert_eq!(seen(71), ["fetch"]);
                assert_eq!(std::thread::spawn(|| seen(71)).join().unwrap(), ["fetch"]);
                inner.watch(Box::pin(async { assert_eq!(seen(71), ["parse"]) })).await;
                assert_eq!(seen(71), ["fetch"]);
                assert!(seen(72).is_empty(), "that is another program");
            }))
            .now_or_never()
            .unwrap();
        assert!(seen(71).is_empty());
        let panics = outer.watch(Box::pin(async { panic!("no") }));
        assert!(catch_unwind(AssertUnwindSafe(|| panics.now_or_never())).is_err());
        assert!(seen(71).is_empty(), "also after a panic");
    }

    #[test]
    fn t6_a_spot_that_is_gone_is_not_named() {
        let spot = spot(73, "fetch");
        let here = Here::enter(spot.0);
        assert_eq!(seen(73), ["fetch"]);
        drop(spot);
        assert!(seen(73).is_empty());
        drop(here);
    }
}
