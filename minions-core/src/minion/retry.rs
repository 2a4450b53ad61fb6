//! How often a step that fails is tried, and how long it waits in between.

use std::time::Duration;

use crate::random;

/// What `retry(..)` says: how many attempts a step has, and the pauses between them.
///
/// The pause doubles from the first one to the longest one; each is taken between half of that and all of it, so that many
/// workflows that failed together do not come back together ("equal jitter", M. Brooker, Exponential Backoff and Jitter,
/// 2015).
///
/// ```
/// use std::time::Duration;
///
/// use minions_core::minion::Retry;
///
/// const POLITE: Retry = Retry::attempts(5).backoff(Duration::from_millis(200), Duration::from_secs(30));
/// let second = POLITE.pause(2);
/// assert!((Duration::from_millis(200)..=Duration::from_millis(400)).contains(&second));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Retry {
    attempts: u32,
    first: Duration,
    longest: Duration,
}

impl Retry {
    /// Five attempts in all, with pauses from half a second to a minute.
    pub const DEFAULT: Self = Self::attempts(5);

    /// So many attempts in all, the first one included, with pauses from half a second to a minute.
    pub const fn attempts(attempts: u32) -> Self {
        Self { attempts, first: Duration::from_millis(500), longest: Duration::from_secs(60) }
    }

    /// Pauses from `first` to `longest`.
    pub const fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        (self.first, self.longest) = (first, longest);
        self
    }

    /// How many attempts there are in all.
    #[must_use]
    pub const fn limit(&self) -> u32 {
        self.attempts
    }

    /// Whether there is another attempt after the failed attempt number `attempt`, from 1.
    #[must_use]
    pub const fn goes_on_after(&self, attempt: u32) -> bool {
        attempt < self.attempts
    }

    /// A pause after the failed attempt number `attempt`, from 1.
    #[must_use]
    pub fn pause(&self, attempt: u32) -> Duration {
        let step = self.first.saturating_mul(1 << attempt.saturating_sub(1).min(20)).min(self.longest);
        let half = step / 2;
        half + half.mul_f64(random::fraction())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_within_their_bounds() {
        let retry = Retry::attempts(9).backoff(Duration::from_millis(100), Duration::from_secs(1));
        for (attempt, step) in [(1, 100), (2, 200), (3, 400), (4, 800), (5, 1000), (6, 1000), (u32::MAX, 1000)] {
            for _ in 0..100 {
                let pause = retry.pause(attempt).as_millis();
                assert!((step / 2..=step).contains(&pause), "{pause} ms after attempt {attempt}");
            }
        }
        assert!(retry.goes_on_after(8) && !retry.goes_on_after(9));
        assert!(!Retry::attempts(0).goes_on_after(0), "no attempt at all is one that fails");
    }
}
