//! [`Restarts`]: how often a component has failed, and what its policy makes of that.

use std::time::Duration;

use crate::random;

use super::{Restart, RestartPolicy};

/// Counts the failures of one component.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Restarts {
    /// Since it last ran for as long as `reset`.
    in_a_row: u32,
    total: u32,
}

impl Restarts {
    /// Notes a failure after the component ran for `ran_for`, which is nothing if it could not be started; answers
    /// the pause before it is started again, or nothing if it is lost.
    pub(crate) fn failed(&mut self, policy: &RestartPolicy, ran_for: Duration) -> Option<Duration> {
        if ran_for >= policy.reset {
            self.in_a_row = 0;
        }
        if policy.restart == Restart::Never || self.in_a_row >= policy.limit {
            return None;
        }
        let pause = pause(policy, self.in_a_row, random::fraction());
        self.in_a_row += 1;
        self.total = self.total.saturating_add(1);
        Some(pause)
    }

    /// Forgets the failures so far: the next one is the first in a row.
    pub(crate) fn forget(&mut self) {
        self.in_a_row = 0;
    }

    /// How many restarts have been granted altogether, forgotten failures included.
    pub(crate) fn count(&self) -> u32 {
        self.total
    }
}

/// The pause before the restart of number `n` in a row, counted from 0; `random` is in 0..1.
fn pause(policy: &RestartPolicy, n: u32, random: f64) -> Duration {
    let (first, longest) = (policy.first_delay.as_secs_f64(), policy.max_delay.as_secs_f64());
    // Infinite for a large `n`, which the longest pause bounds as well.
    let exact = (first * policy.multiplier.powf(f64::from(n))).min(longest);
    let moved = exact * (1.0 + policy.jitter * (2.0 * random - 1.0));
    Duration::try_from_secs_f64(moved).unwrap_or(policy.max_delay)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// From 1 s to 10 s, doubling.
    fn policy() -> RestartPolicy {
        RestartPolicy::on_failure().backoff(SECOND, 10 * SECOND).limit(6)
    }

    #[test]
    fn pauses_grow_up_to_the_longest_one() {
        let pauses: Vec<_> = (0..6).map(|n| pause(&policy().jitter(0.0), n, 0.7).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 10, 10]);
        assert_eq!(pause(&policy().jitter(0.0), u32::MAX, 0.0), 10 * SECOND);
    }

    #[test]
    fn jitter_moves_a_pause_both_ways_and_no_further() {
        let policy = policy().jitter(0.25);
        assert_eq!(pause(&policy, 2, 0.0), 3 * SECOND);
        assert_eq!(pause(&policy, 2, 0.5), 4 * SECOND);
        assert_eq!(pause(&policy, 2, 1.0), 5 * SECOND);
        for _ in 0..200 {
            let pause = Restarts::default().failed(&policy, Duration::ZERO).unwrap();
            assert!((SECOND * 3 / 4..=SECOND * 5 / 4).contains(&pause), "{pause:?}");
        }
    }

    #[test]
    fn the_longest_pause_there_is_is_no_panic() {
        let policy = policy().backoff(Duration::MAX, Duration::MAX).jitter(1.0);
        assert_eq!(pause(&policy, 3, 1.0), Duration::MAX);
    }

    #[test]
    fn after_the_limit_it_is_lost() {
        let (policy, mut restarts) = (policy().limit(2), Restarts::default());
        assert!(restarts.failed(&policy, Duration::ZERO).is_some());
        assert!(restarts.failed(&policy, 599 * SECOND).is_some());
        assert_eq!(restarts.failed(&policy, Duration::ZERO), None);
        assert_eq!(restarts.count(), 2);
    }

    #[test]
    fn who_ran_long_enough_starts_afresh() {
        let (policy, mut restarts) = (policy().limit(1).jitter(0.0).reset(60 * SECOND), Restarts::default());
        for round in 1..=5 {
            assert_eq!(restarts.failed(&policy, 60 * SECOND), Some(SECOND));
            assert_eq!(restarts.count(), round);
        }
        assert_eq!(restarts.failed(&policy, 59 * SECOND), None);
    }

    #[test]
    fn what_is_forgotten_no_longer_counts_to_the_limit() {
        let (policy, mut restarts) = (policy().limit(1), Restarts::default());
        assert!(restarts.failed(&policy, Duration::ZERO).is_some());
        restarts.forget();
        assert!(restarts.failed(&policy, Duration::ZERO).is_some());
        assert_eq!((restarts.failed(&policy, Duration::ZERO), restarts.count()), (None, 2));
    }

    #[test]
    fn never_and_a_limit_of_zero_lose_it_at_once() {
        for policy in [RestartPolicy::never(), RestartPolicy::always().limit(0)] {
            assert_eq!(Restarts::default().failed(&policy, Duration::MAX), None);
        }
    }
}
