//! The place that the minion has in an orchestration: every step takes it, and waits while it is vacant.
//!
//! A minion that is started again, or whose resources are, leaves its seat first. Steps in flight end on the instance that
//! they began on; the next ones wait, and go on with the new one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::RwLock;
use tokio::sync::Notify;

use crate::minion::ErasedMinion;

const VACANT: usize = 1;
const STEP: usize = 2;

pub(crate) struct Seat {
    /// `VACANT`, and `STEP` for every step in flight: one word, so that a step that comes and a minion that leaves agree on
    /// who was first.
    word: AtomicUsize,
    /// Counts the instances that have sat here.
    instance: AtomicU64,
    minion: RwLock<Arc<dyn ErasedMinion>>,
    occupied: Notify,
    idle: Notify,
}

impl Seat {
    pub(crate) fn new(minion: Arc<dyn ErasedMinion>) -> Self {
        Self {
            word: AtomicUsize::new(0),
            instance: AtomicU64::new(0),
            minion: RwLock::new(minion),
            occupied: Notify::new(),
            idle: Notify::new(),
        }
    }

    /// The instance that sits here, or has left last.
    pub(crate) fn minion(&self) -> Arc<dyn ErasedMinion> {
        self.minion.read().clone()
    }

    /// Which instance that is.
    pub(crate) fn instance(&self) -> u64 {
        self.instance.load(Ordering::Acquire)
    }

    /// Waits until there is a minion, and keeps it there for one step.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub(crate) async fn take(&self) -> Taken<'_> {
        loop {
            if let Some(taken) = self.try_take() {
                return taken;
            }
            let mut occupied = std::pin::pin!(self.occupied.notified());
            occupied.as_mut().enable();
            // Again, because it may have been occupied before this began to listen.
            if let Some(taken) = self.try_take() {
                return taken;
            }
            occupied.await;
        }
    }

    /// Keeps the minion there for one step, if there is one.
    pub(crate) fn try_take(&self) -> Option<Taken<'_>> {
        let taken = Taken(self);
        let before = self.word.fetch_add(STEP, Ordering::AcqRel);
        (before & VACANT == 0).then_some(taken)
    }

    /// Lets no step begin any more, and waits for those in flight.
    ///
    /// # Cancel safety
    ///
    /// No step begins afterwards, also when the future is dropped.
    pub(crate) async fn vacate(&self) {
        self.word.fetch_or(VACANT, Ordering::AcqRel);
        loop {
            let mut idle = std::pin::pin!(self.idle.notified());
            idle.as_mut().enable();
            if self.word.load(Ordering::Acquire) == VACANT {
                return;
            }
            idle.await;
        }
    }

    /// Seats a new instance, after the last one has left.
    pub(crate) fn occupy(&self, minion: Arc<dyn ErasedMinion>) {
        *self.minion.write() = minion;
        self.instance.fetch_add(1, Ordering::AcqRel);
        self.word.fetch_and(!VACANT, Ordering::AcqRel);
        self.occupied.notify_waiters();
    }
}

/// A step in flight, which keeps the minion where it is.
pub(crate) struct Taken<'a>(&'a Seat);

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if self.0.word.fetch_sub(STEP, Ordering::AcqRel) == STEP | VACANT {
            self.0.idle.notify_waiters();
        }
    }
}
