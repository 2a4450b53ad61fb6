//! Ledgers: what became of every event, so that nothing can be missing without being seen.

use std::fmt;

use parking_lot::Mutex;
use serde::Serialize;

/// What became of the events of one pipeline since the process started.
///
/// At every moment `produced = admitted + duplicates + filtered + refused + pending`: an event changes its column in one step.
///
/// ```
/// # use minions_core::telemetry::EventLedger;
/// let ledger = EventLedger::default();
/// assert!(ledger.is_balanced());
/// assert_eq!(ledger.to_string(), "produced 0 = admitted 0 + duplicates 0 + filtered 0 + refused 0 + pending 0");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EventLedger {
    /// Events that `next` returned or an inlet took.
    pub produced: u64,
    /// Events that became a workflow of at least one minion.
    pub admitted: u64,
    /// Events with a key that was admitted before.
    pub duplicates: u64,
    /// Events that no minion accepts.
    pub filtered: u64,
    /// Events that were not admitted, and whose source was told so.
    pub refused: u64,
    /// Events on their way to durability.
    pub pending: u64,
}

impl EventLedger {
    /// Whether every event is in one of the columns.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.produced == self.admitted + self.duplicates + self.filtered + self.refused + self.pending
    }
}

impl fmt::Display for EventLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { produced, admitted, duplicates, filtered, refused, pending } = self;
        write!(
            f,
            "produced {produced} = admitted {admitted} + duplicates {duplicates} + filtered {filtered} + refused {refused} \
             + pending {pending}"
        )
    }
}

/// What became of everything that came to one orchestration since the process started.
///
/// At every moment `offered + found + emitted = running + stored + succeeded + aborted + failed + filtered + refused +
/// duplicates + dropped + pending`: a workflow changes its column in one step.
///
/// ```
/// # use minions_core::telemetry::WorkflowLedger;
/// assert!(WorkflowLedger::default().is_balanced());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WorkflowLedger {
    /// Events of its pipeline, while it was subscribed.
    pub offered: u64,
    /// Workflows that were stored when the process started, quarantined ones included. Where so much is stored that counting it
    /// takes longer than a moment, this is the number of those that something became of, until it is counted.
    pub found: u64,
    /// Workflows begun by events that a minion emitted. An event with a key counts also if its key was known: that is the
    /// store's to know, so it stays under `stored` until the process ends.
    pub emitted: u64,
    /// Workflows that are awake.
    pub running: u64,
    /// Workflows that are stored and not awake: parked, sleeping, waiting, in quarantine, or about to begin.
    pub stored: u64,
    /// Workflows that went through their last step.
    pub succeeded: u64,
    /// Workflows that a step aborted.
    pub aborted: u64,
    /// Workflows that failed, and whose step for failures has dealt with that.
    pub failed: u64,
    /// Events that the minion does not accept.
    pub filtered: u64,
    /// Events that were not admitted, and whose source was told so.
    pub refused: u64,
    /// Events with a key that was admitted before.
    pub duplicates: u64,
    /// Workflows that are gone without having ended: removed by an operator; without a store that keeps them, also those
    /// that failed or were interrupted by a stop.
    pub dropped: u64,
    /// Events on their way to durability.
    pub pending: u64,
}

impl WorkflowLedger {
    /// Everything that came in.
    fn came(&self) -> u64 {
        self.offered + self.found + self.emitted
    }

    /// Everything that is known of it, stored workflows aside.
    fn known(&self) -> u64 {
        let ended = self.succeeded + self.aborted + self.failed + self.dropped;
        self.running + ended + self.filtered + self.refused + self.duplicates + self.pending
    }

    /// Before what was found is counted: at least what became of it is known.
    pub(crate) fn while_counting(mut self) -> Self {
        self.found = self.found.max(self.known().saturating_sub(self.offered + self.emitted));
        self.stored = self.came().saturating_sub(self.known());
        self
    }

    /// Whether everything is in one of the columns.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.came() == self.known() + self.stored
    }
}

impl fmt::Display for WorkflowLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { offered, found, emitted, running, stored, succeeded, aborted, .. } = self;
        let Self { failed, filtered, refused, duplicates, dropped, pending, .. } = self;
        write!(
            f,
            "offered {offered} + found {found} + emitted {emitted} = running {running} + stored {stored} + succeeded \
             {succeeded} + aborted {aborted} + failed {failed} + filtered {filtered} + refused {refused} + duplicates \
             {duplicates} + dropped {dropped} + pending {pending}"
        )
    }
}

/// A ledger that is being kept.
#[derive(Debug, Default)]
pub(crate) struct Kept<T>(Mutex<T>);

impl<T: Copy> Kept<T> {
    /// Changes columns, all in one step.
    pub(crate) fn book(&self, change: impl FnOnce(&mut T)) {
        change(&mut self.0.lock());
    }
}

impl Kept<EventLedger> {
    pub(crate) fn read(&self) -> EventLedger {
        *self.0.lock()
    }
}

impl Kept<WorkflowLedger> {
    pub(crate) fn read(&self) -> WorkflowLedger {
        let mut ledger = *self.0.lock();
        // What came in and is nowhere else is in the store. Not booked, because sleeping workflows cost the process nothing;
        // whoever doubts it counts the rows.
        ledger.stored = ledger.came().saturating_sub(ledger.known());
        ledger
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nowhere_else_is_stored() {
        let kept = Kept::<WorkflowLedger>::default();
        kept.book(|ledger| (ledger.offered, ledger.found, ledger.running, ledger.filtered) = (5, 2, 3, 1));
        let ledger = kept.read();
        assert_eq!((ledger.stored, ledger.is_balanced()), (3, true));
        kept.book(|ledger| ledger.running += 9);
        assert!(!kept.read().is_balanced(), "more than came in is shown, not hidden");
    }
}
