//! What one key, or all calls together, have used of what they may. Times are nanoseconds of the limiter's clock.

use super::Outcome;
use super::bounds::Bounds;
use super::breaker::{Admits, Breaker, Change};

/// The state that belongs to one set of bounds.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// Calls that go on.
    held: u32,
    /// When the next call would come if all calls came at their pace: the theoretical arrival time of the generic cell rate
    /// algorithm (ITU-T I.371), which needs no other memory.
    due: u64,
    /// Nothing before this, because somebody asked for patience.
    hold: u64,
    /// Only where a circuit has something to remember.
    breaker: Option<Box<Breaker>>,
}

/// Whether one more call may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum May {
    Now,
    /// At this time.
    At(u64),
    /// When a call has ended.
    Later,
    /// The circuit is open until this time.
    Open(u64),
}

impl Meter {
    pub(super) fn may(&self, now: u64, bounds: &Bounds) -> May {
        if let (Some(breaker), Some(circuit)) = (&self.breaker, &bounds.circuit) {
            match breaker.admits(now, circuit) {
                Admits::Yes => {}
                Admits::Later => return May::Later,
                Admits::No(until) => return May::Open(until),
            }
        }
        if bounds.concurrency.is_some_and(|most| self.held >= most) {
            return May::Later;
        }
        let at = self.at(bounds);
        if at > now { May::At(at) } else { May::Now }
    }

    /// When the rate, and whoever asked for patience, let a call through.
    fn at(&self, bounds: &Bounds) -> u64 {
        let paced = bounds.pace().map_or(0, |(_, early)| self.due.saturating_sub(early));
        paced.max(self.hold)
    }

    /// Takes what one call uses; the answer is for [`give_back`](Self::give_back).
    pub(super) fn take(&mut self, now: u64, bounds: &Bounds) -> u32 {
        self.held += 1;
        if let Some((interval, _)) = bounds.pace() {
            self.due = self.due.max(now).saturating_add(interval);
        }
        self.breaker.as_mut().map_or(0, |breaker| breaker.take())
    }

    /// A call has ended that was given this `stamp`.
    pub(super) fn give_back(&mut self, now: u64, bounds: &Bounds, stamp: u32, outcome: Outcome) -> Option<Change> {
        self.held -= 1;
        let circuit = bounds.circuit.as_ref()?;
        let ok = match outcome {
            Outcome::Succeeded => Some(true),
            Outcome::Failed => Some(false),
            Outcome::NotBefore(_) | Outcome::Unknown => None,
        };
        if self.breaker.is_none() && ok != Some(false) && circuit.ratio.is_none() {
            return None;
        }
        self.breaker.get_or_insert_default().record(now, circuit, stamp, ok)
    }

    /// Lets nothing through before `until`.
    pub(super) fn hold(&mut self, until: u64) {
        self.hold = self.hold.max(until);
    }

    /// How long the call waits that has `before` others before it, if each takes `each` nanoseconds.
    pub(super) fn expected(&self, now: u64, bounds: &Bounds, before: u64, each: u64) -> u64 {
        let interval = bounds.pace().map_or(0, |(interval, _)| interval);
        let paced = self.at(bounds).saturating_sub(now).saturating_add(interval.saturating_mul(before));
        let Some(most) = bounds.concurrency else { return paced };
        let ends = (u64::from(self.held) + before + 1).saturating_sub(u64::from(most));
        paced.max(each.saturating_mul(ends) / u64::from(most))
    }

    pub(super) fn held(&self) -> u32 {
        self.held
    }

    /// Whether it is as good as new.
    pub(super) fn is_idle(&self, now: u64, bounds: &Bounds) -> bool {
        let is_clean = |breaker: &Breaker| bounds.circuit.is_none_or(|circuit| breaker.is_clean(now, &circuit));
        self.held == 0 && self.due <= now && self.hold <= now && self.breaker.as_deref().is_none_or(is_clean)
    }
}
