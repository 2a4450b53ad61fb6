//! What is known of a pipeline while it produces; its health is derived from it.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::clock::now_ms;
use crate::error::Error;

/// Counts of one live instance.
#[derive(Default)]
pub(crate) struct Stats {
    produced: AtomicU64,
    /// 0 before the first event.
    last_event_ms: AtomicU64,
    failures: AtomicU32,
    error: Mutex<Option<String>>,
}

impl Stats {
    pub(crate) fn event(&self) {
        self.produced.fetch_add(1, Ordering::Relaxed);
        self.last_event_ms.store(u64::try_from(now_ms()).unwrap_or(0), Ordering::Relaxed);
    }

    /// `next` has answered something else than an error.
    pub(crate) fn works(&self) {
        if self.failures.load(Ordering::Relaxed) > 0 {
            self.failures.store(0, Ordering::Relaxed);
            *self.error.lock() = None;
        }
    }

    pub(crate) fn failure(&self, error: &Error) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        *self.error.lock() = Some(format!("{error:#}"));
    }

    pub(crate) fn produced(&self) -> u64 {
        self.produced.load(Ordering::Relaxed)
    }

    pub(crate) fn last_event_ms(&self) -> Option<u64> {
        Some(self.last_event_ms.load(Ordering::Relaxed)).filter(|ms| *ms > 0)
    }

    /// How many calls of `next` have failed since the last one that did not, and the last failure.
    pub(crate) fn failing(&self) -> (u32, Option<String>) {
        (self.failures.load(Ordering::Relaxed), self.error.lock().clone())
    }
}
