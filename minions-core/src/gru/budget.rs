//! How long a stop may take, and who gets how much of it.

use std::time::Duration;

use tokio::time::Instant;

/// The part of the whole that workflows and sources may use up; the rest is for hooks.
const WORK: f64 = 0.7;

/// The time that is left for a stop and for everything that comes down with it.
///
/// A hook gets at most half of what is left, so that any number of them that hang one after the other stays within the
/// whole, and the last one still has a chance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    work: Instant,
    end: Instant,
}

impl Budget {
    pub(super) fn of(all: Duration) -> Self {
        let now = Instant::now();
        // A deadline beyond what the clock can express is as good as none.
        let after = |time: Duration| now.checked_add(time).unwrap_or_else(|| now + Duration::from_secs(86_400 * 365));
        Self { work: after(all.mul_f64(WORK)), end: after(all) }
    }

    /// What is left for workflows and sources to come to an end.
    pub(super) fn for_work(self) -> Duration {
        self.work.saturating_duration_since(Instant::now())
    }

    /// What the next hook may take.
    pub(super) fn for_hook(self) -> Duration {
        (self.end.saturating_duration_since(Instant::now()) / 2).max(Duration::from_millis(1))
    }

    /// What is left altogether.
    pub(super) fn left(self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }
}
