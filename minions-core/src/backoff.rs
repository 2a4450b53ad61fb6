//! Growing pauses between attempts.

use std::time::Duration;

use crate::random;

/// Doubles from a first pause to a longest one, with jitter so that many waiters do not come back at once.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    attempt: u32,
}

impl Backoff {
    pub(crate) const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, attempt: 0 }
    }

    /// The next pause: between half of the step and all of it ("equal jitter").
    pub(crate) fn next(&mut self) -> Duration {
        let step = self.first.saturating_mul(1 << self.attempt.min(20)).min(self.longest);
        self.attempt = self.attempt.saturating_add(1);
        let half = step / 2;
        half + half.mul_f64(random::fraction())
    }

    pub(crate) fn reset(&mut self) {
        self.attempt = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_within_their_bounds_and_start_over() {
        let (first, longest) = (Duration::from_millis(100), Duration::from_secs(1));
        let mut backoff = Backoff::new(first, longest);
        for step in [100, 200, 400, 800, 1000, 1000] {
            let pause = backoff.next();
            assert!((step / 2..=step).contains(&(pause.as_millis() as u64)), "{pause:?} for {step}");
        }
        backoff.reset();
        assert!(backoff.next() <= first);
    }
}
