//! The state of one circuit: closed, open for a while, or trying with a few calls.

use super::Circuit;

/// A circuit that something is known of. Times are nanoseconds of the limiter's clock.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    state: State,
    /// Changes with the state: what calls from before come to says nothing any more.
    stamp: u32,
    in_a_row: u32,
    window: Counts,
    before: Counts,
    window_began: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Closed,
    Open {
        until: u64,
    },
    /// It has let through so many calls, of which some have succeeded.
    HalfOpen {
        running: u32,
        passed: u32,
    },
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    calls: u32,
    failed: u32,
}

/// Whether the circuit lets a call through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admits {
    Yes,
    /// When those that try it are done.
    Later,
    /// Not before this time.
    No(u64),
}

/// What the end of a call changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Opened(u64),
    Closed,
}

impl Breaker {
    pub(super) fn admits(&self, now: u64, circuit: &Circuit) -> Admits {
        match self.state {
            State::Closed => Admits::Yes,
            State::Open { until } if until > now => Admits::No(until),
            State::Open { .. } => Admits::Yes,
            State::HalfOpen { running, passed } if running + passed < circuit.probes => Admits::Yes,
            State::HalfOpen { .. } => Admits::Later,
        }
    }

    /// Lets a call through, which it admits; the answer is to be given back with what comes of it.
    pub(super) fn take(&mut self) -> u32 {
        match &mut self.state {
            State::Closed => {}
            State::Open { .. } => {
                self.state = State::HalfOpen { running: 1, passed: 0 };
                self.stamp = self.stamp.wrapping_add(1);
            }
            State::HalfOpen { running, .. } => *running += 1,
        }
        self.stamp
    }

    /// Notes what came of a call: success, failure, or nothing that could be told.
    pub(super) fn record(&mut self, now: u64, circuit: &Circuit, stamp: u32, ok: Option<bool>) -> Option<Change> {
        if stamp != self.stamp {
            return None;
        }
        match (&mut self.state, ok) {
            (State::Closed, Some(ok)) => {
                self.count(now, circuit, ok);
                (!ok && self.is_hopeless(now, circuit)).then(|| self.open(now, circuit))
            }
            (State::HalfOpen { .. }, Some(false)) => Some(self.open(now, circuit)),
            (State::HalfOpen { running, passed }, ok) => {
                *running -= 1;
                *passed += u32::from(ok == Some(true));
                if *passed < circuit.probes {
                    return None;
                }
                *self = Self { stamp: self.stamp.wrapping_add(1), window_began: now, ..Self::default() };
                Some(Change::Closed)
            }
            (State::Closed, None) | (State::Open { .. }, _) => None,
        }
    }

    /// Whether it is as good as one that nothing is known of.
    pub(super) fn is_clean(&self, now: u64, circuit: &Circuit) -> bool {
        let window = nanos(circuit.window).saturating_mul(2);
        // A stamp of its own would be taken for one of a new circuit by calls that are under way; nobody forgets a key then.
        self.state == State::Closed && self.in_a_row == 0 && now.saturating_sub(self.window_began) >= window
    }

    fn open(&mut self, now: u64, circuit: &Circuit) -> Change {
        let until = now.saturating_add(nanos(circuit.open));
        let stamp = self.stamp.wrapping_add(1);
        *self = Self { state: State::Open { until }, stamp, window_began: now, ..Self::default() };
        Change::Opened(until)
    }

    fn count(&mut self, now: u64, circuit: &Circuit, ok: bool) {
        let (window, age) = (nanos(circuit.window), now.saturating_sub(self.window_began));
        if age >= window {
            self.before = if age >= window.saturating_mul(2) { Counts::default() } else { self.window };
            self.window = Counts::default();
            self.window_began = now - age % window;
        }
        self.window.calls = self.window.calls.saturating_add(1);
        if ok {
            self.in_a_row = 0;
        } else {
            self.window.failed = self.window.failed.saturating_add(1);
            self.in_a_row = self.in_a_row.saturating_add(1);
        }
    }

    /// The ratio is over the window so far and the part of the one before that makes it whole.
    fn is_hopeless(&self, now: u64, circuit: &Circuit) -> bool {
        if circuit.failures.is_some_and(|failures| self.in_a_row >= failures) {
            return true;
        }
        let Some(ratio) = circuit.ratio else { return false };
        let passed = now.saturating_sub(self.window_began) as f64 / nanos(circuit.window) as f64;
        let of_before = (1.0 - passed).clamp(0.0, 1.0);
        let calls = f64::from(self.window.calls) + of_before * f64::from(self.before.calls);
        let failed = f64::from(self.window.failed) + of_before * f64::from(self.before.failed);
        calls >= f64::from(circuit.calls) && failed > ratio * calls
    }
}

pub(super) fn nanos(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const S: u64 = 1_000_000_000;
    const THREE: Circuit = Circuit::new().failures(3).open(Duration::from_secs(10)).probes(2);

    fn opened() -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..2 {
            assert_eq!(breaker.record(0, &THREE, 0, Some(false)), None);
        }
        assert_eq!(breaker.record(0, &THREE, 0, Some(false)), Some(Change::Opened(10 * S)));
        breaker
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_not_before() {
        let mut breaker = Breaker::default();
        for ok in [false, false, true, false, false] {
            assert_eq!(breaker.record(0, &THREE, 0, Some(ok)), None);
        }
        assert_eq!(breaker.admits(0, &THREE), Admits::Yes);
        assert_eq!(opened().admits(9 * S, &THREE), Admits::No(10 * S));
    }

    #[test]
    fn it_tries_with_as_many_calls_as_it_has_probes_and_closes_when_all_succeed() {
        let mut breaker = opened();
        assert_eq!(breaker.admits(10 * S, &THREE), Admits::Yes);
        let (first, second) = (breaker.take(), breaker.take());
        assert_eq!(breaker.admits(10 * S, &THREE), Admits::Later);
        assert_eq!(breaker.record(11 * S, &THREE, first, Some(true)), None);
        assert_eq!(breaker.admits(11 * S, &THREE), Admits::Later);
        assert_eq!(breaker.record(11 * S, &THREE, second, Some(true)), Some(Change::Closed));
        assert_eq!(breaker.admits(11 * S, &THREE), Admits::Yes);
    }

    #[test]
    fn a_probe_that_is_dropped_makes_room_for_another_one() {
        let mut breaker = opened();
        let (first, _second) = (breaker.take(), breaker.take());
        assert_eq!(breaker.record(11 * S, &THREE, first, None), None);
        assert_eq!(breaker.admits(11 * S, &THREE), Admits::Yes);
    }

    #[test]
    fn calls_from_before_change_nothing() {
        let mut breaker = opened();
        assert_eq!(breaker.record(S, &THREE, 0, Some(true)), None, "it was under way when the circuit opened");
        let (first, second) = (breaker.take(), breaker.take());
        assert_eq!(breaker.record(11 * S, &THREE, 0, Some(true)), None);
        assert_eq!(breaker.record(11 * S, &THREE, 0, Some(false)), None);
        assert_eq!(breaker.record(11 * S, &THREE, first, Some(false)), Some(Change::Opened(21 * S)));
        assert_eq!(breaker.record(11 * S, &THREE, second, Some(true)), None, "the other probe comes too late");
        assert_eq!(breaker.admits(12 * S, &THREE), Admits::No(21 * S));
    }

    #[test]
    fn a_ratio_counts_over_its_window_once_there_are_calls_enough() {
        let half = Circuit::new().ratio(0.5).calls(4).window(Duration::from_secs(10));
        let mut breaker = Breaker::default();
        for ok in [false, false, false] {
            assert_eq!(breaker.record(0, &half, 0, Some(ok)), None, "too few calls");
        }
        for _ in 0..3 {
            assert_eq!(breaker.record(S, &half, 0, Some(true)), None);
        }
        assert!(breaker.record(2 * S, &half, 0, Some(false)).is_some(), "four of seven");
        let mut breaker = Breaker::default();
        for second in 0..3 {
            assert_eq!(breaker.record(second * 25 * S, &half, 0, Some(false)), None, "each in a window of its own");
        }
        assert!(!breaker.is_clean(55 * S, &half));
        assert_eq!(breaker.record(56 * S, &half, 0, Some(true)), None);
        assert!(breaker.is_clean(100 * S, &half));
    }
}
