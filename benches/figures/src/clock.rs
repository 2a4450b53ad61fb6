//! Time since the process began, and the waiting times that were measured with it.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use parking_lot::Mutex;

static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Nanoseconds since the first call.
pub fn now_ns() -> u64 {
    u64::try_from(BEGAN.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Waiting times, of those whose turn it is and only while it is asked for, so that measuring costs next to nothing.
#[derive(Debug)]
pub struct Waits {
    one_in: u64,
    wanted: AtomicBool,
    nanoseconds: Mutex<Vec<u64>>,
}

impl Waits {
    /// Measures one in so many.
    pub fn one_in(one_in: u64) -> Self {
        Self { one_in, wanted: AtomicBool::new(false), nanoseconds: Mutex::default() }
    }

    /// Measures none.
    pub fn none() -> Self {
        Self::one_in(u64::MAX)
    }

    /// About as many samples from each: all of few, some of many.
    pub fn for_in_flight(in_flight: usize) -> Self {
        Self::one_in(if in_flight < 16 { 1 } else { 32 })
    }

    /// Whether the one with this number is measured.
    pub fn takes(&self, number: u64) -> bool {
        self.one_in != u64::MAX && number.is_multiple_of(self.one_in)
    }

    pub fn set_wanted(&self, wanted: bool) {
        self.wanted.store(wanted, Ordering::Relaxed);
    }

    /// It has waited since `began_ns`.
    pub fn waited_since(&self, began_ns: u64) {
        if self.wanted.load(Ordering::Relaxed) {
            self.nanoseconds.lock().push(now_ns() - began_ns);
        }
    }

    pub fn take(&self) -> Vec<u64> {
        std::mem::take(&mut *self.nanoseconds.lock())
    }
}
