//! Takes no more events, and starts nothing, while memory runs out.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::{info, warn};

use crate::panics::contain_sync;
use crate::pipeline::Hold;
use crate::reason::{MemoryOf, Reason};

/// How much memory is used, and how much there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryUse {
    /// Bytes that could not be given back.
    pub used: u64,
    /// Bytes that there are; never 0.
    pub limit: u64,
    /// Whose memory it is.
    pub of: MemoryOf,
}

/// Why memory cannot be measured.
pub type MeasureError = Box<dyn Error + Send + Sync>;

/// Tells how much memory there is; `app!` has one that asks the system.
///
/// It is asked at intervals on a thread of the runtime, so it must answer within a fraction of a millisecond.
pub trait MemoryGauge: Send + Sync + 'static {
    /// Measures once.
    ///
    /// # Errors
    ///
    /// When that is impossible here: the guard says so once, and guards no more.
    fn measure(&self) -> Result<MemoryUse, MeasureError>;
}

/// When the memory guard closes the gates, and when it opens them again.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct MemoryBounds {
    /// The share of the memory in use from which on no events are taken; 0.85 by default.
    pub close_at: f64,
    /// The share below which they are taken again; 0.75 by default.
    pub open_at: f64,
    /// How long they are not taken at least; 5 s by default.
    pub cooldown: Duration,
    /// How often it measures; every 500 ms by default.
    pub every: Duration,
}

impl Default for MemoryBounds {
    fn default() -> Self {
        Self { close_at: 0.85, open_at: 0.75, cooldown: Duration::from_secs(5), every: Duration::from_millis(500) }
    }
}

impl MemoryBounds {
    /// Takes no events from the share `close_at` on, until it is below `open_at`.
    #[must_use]
    pub const fn between(mut self, open_at: f64, close_at: f64) -> Self {
        (self.open_at, self.close_at) = (open_at, close_at);
        self
    }

    /// Takes none for at least so long.
    #[must_use]
    pub const fn cooldown(mut self, cooldown: Duration) -> Self {
        self.cooldown = cooldown;
        self
    }

    /// Measures so often.
    #[must_use]
    pub const fn every(mut self, every: Duration) -> Self {
        self.every = every;
        self
    }

    /// What is wrong with them, if anything is.
    pub(crate) fn problem(&self) -> Option<String> {
        if !(self.open_at > 0.0 && self.open_at < self.close_at && self.close_at <= 1.0) {
            let Self { open_at, close_at, .. } = self;
            return Some(format!(
                "the memory guard opens at {open_at} and closes at {close_at}; both are shares of the memory, above 0 and at \
                 most 1, and it opens below where it closes"
            ));
        }
        self.every
            .is_zero()
            .then(|| "the memory guard measures every 0 s; it needs a pause between two looks".to_owned())
    }
}

/// How much a new measurement counts against those before it.
const NEWEST: f64 = 0.4;

/// Decides, from one measurement to the next.
struct Judge {
    bounds: MemoryBounds,
    /// The share in use, smoothed.
    share: Option<f64>,
    closed: Option<Instant>,
}

impl Judge {
    const fn new(bounds: MemoryBounds) -> Self {
        Self { bounds, share: None, closed: None }
    }

    /// Whether memory is short, now that `share` of it is in use.
    fn is_short(&mut self, share: f64, now: Instant) -> bool {
        let smoothed = self.share.map_or(share, |before| before + NEWEST * (share - before));
        self.share = Some(smoothed);
        let Self { bounds, closed, .. } = self;
        match *closed {
            // Half of what is left is gone: that is no moment for smoothing.
            None if smoothed >= bounds.close_at || share >= f64::midpoint(bounds.close_at, 1.0) => *closed = Some(now),
            Some(since) if smoothed < bounds.open_at && now.duration_since(since) >= bounds.cooldown => *closed = None,
            _ => {}
        }
        closed.is_some()
    }
}

/// Measures until it cannot, and holds events back while memory is short.
pub(crate) async fn watch(gauge: Arc<dyn MemoryGauge>, bounds: MemoryBounds, hold: Arc<Hold>) {
    let mut judge = Judge::new(bounds);
    loop {
        // A gauge of the user's own may panic.
        let measured = contain_sync(|| Ok(gauge.measure()));
        let MemoryUse { used, limit, of } = match measured.unwrap_or_else(|panic| Err(panic.to_string().into())) {
            Ok(measured) => measured,
            Err(error) => {
                hold.clear();
                let error: &dyn Error = &*error;
                return warn!(error, "memory cannot be measured and is not guarded any more");
            }
        };
        let (was_short, share) = (hold.is_held(), used as f64 / limit.max(1) as f64);
        if judge.is_short(share, Instant::now()) {
            let reason = Reason::Memory { used, limit, of };
            if !was_short {
                warn!(%reason, "memory is short: no events are taken and nothing is started until there is more");
            }
            hold.because(reason);
        } else if was_short {
            info!(used, limit, of = %of, "there is enough memory again");
            hold.clear();
        }
        tokio::time::sleep(bounds.every).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// What the judge says of shares in percent, one a second.
    fn judged(judge: &mut Judge, began: Instant, from: u64, percents: &[u32]) -> String {
        let says = percents.iter().zip(from..).map(|(percent, second)| {
            let now = began + SECOND * u32::try_from(second).unwrap();
            if judge.is_short(f64::from(*percent) / 100.0, now) { 'x' } else { '.' }
        });
        says.collect()
    }

    #[tokio::test(start_paused = true)]
    async fn t5_it_closes_above_one_bound_and_opens_below_another_after_a_while() {
        let (mut judge, began) = (Judge::new(MemoryBounds::default()), Instant::now());
        assert_eq!(judged(&mut judge, began, 0, &[50, 80, 84, 84]), "....");
        // A peak is smoothed away; what stays is not.
        assert_eq!(judged(&mut judge, began, 4, &[90, 80, 80]), "...");
        assert_eq!(judged(&mut judge, began, 7, &[90, 90, 90, 90]), ".xxx");
        // Between the bounds nothing changes.
        assert_eq!(judged(&mut judge, began, 11, &[80, 80, 80]), "xxx");
        assert_eq!(judged(&mut judge, began, 14, &[60, 60, 60]), "...");
        // What is nearly all closes at once, and opens only after the cooldown.
        assert_eq!(judged(&mut judge, began, 17, &[95, 10, 10, 10, 10, 10, 10]), "xxxxx..");
    }

    #[test]
    fn l1_bounds_that_make_no_sense_are_told() {
        assert_eq!(MemoryBounds::default().problem(), None);
        for (open_at, close_at) in [(0.9, 0.8), (0.0, 0.5), (0.5, 1.5), (f64::NAN, 0.9)] {
            assert!(MemoryBounds::default().between(open_at, close_at).problem().is_some());
        }
        assert!(MemoryBounds::default().every(Duration::ZERO).problem().is_some());
    }
}
