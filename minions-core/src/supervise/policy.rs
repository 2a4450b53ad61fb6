//! [`RestartPolicy`]: whether, when and how often a failed component is started again.

use std::time::Duration;

use crate::config::{KeyPath, Problem};

/// When a component is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Restart {
    /// Never: the first failure loses it.
    Never,
    /// After a failure: its `run` ended or panicked, its `next` panicked, or it could not be started again.
    OnFailure,
    /// After a failure, and a pipeline also after the end of its source.
    Always,
}

/// Whether, when and how often a component is started again after it failed.
///
/// The pause before the restart of number *n*, counted from 0, is `first_delay · multiplierⁿ`, at most `max_delay`,
/// moved by a random part of at most `jitter` in either direction. After `limit` restarts without a time of `reset` in
/// between in which it ran, the component is lost.
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a policy does nothing until it is given to a component or to a builder"]
pub struct RestartPolicy {
    pub(crate) restart: Restart,
    pub(crate) first_delay: Duration,
    pub(crate) max_delay: Duration,
    pub(crate) multiplier: f64,
    pub(crate) jitter: f64,
    pub(crate) limit: u32,
    pub(crate) reset: Duration,
}

impl RestartPolicy {
    /// A policy with the defaults: pauses from 200 ms to 30 s, doubling, jitter 0.1; 5 restarts; reset after 10 min.
    pub const fn new(restart: Restart) -> Self {
        Self {
            restart,
            first_delay: Duration::from_millis(200),
            max_delay: Duration::from_secs(30),
            multiplier: 2.0,
            jitter: 0.1,
            limit: 5,
            reset: Duration::from_secs(600),
        }
    }

    /// The first failure loses the component.
    pub const fn never() -> Self {
        Self::new(Restart::Never)
    }

    /// Started again after failures; what holds for a component that does not say.
    pub const fn on_failure() -> Self {
        Self::new(Restart::OnFailure)
    }

    /// Started again after failures and, a pipeline, after the end of its source.
    pub const fn always() -> Self {
        Self::new(Restart::Always)
    }

    /// When it restarts at all.
    #[must_use]
    pub const fn mode(&self) -> Restart {
        self.restart
    }

    /// The first pause and the longest one.
    pub const fn backoff(mut self, first_delay: Duration, max_delay: Duration) -> Self {
        self.first_delay = first_delay;
        self.max_delay = max_delay;
        self
    }

    /// By what each pause is longer than the one before; at least 1.
    pub const fn multiplier(mut self, multiplier: f64) -> Self {
        self.multiplier = multiplier;
        self
    }

    /// Which part of a pause may be random, 0..=1.
    pub const fn jitter(mut self, jitter: f64) -> Self {
        self.jitter = jitter;
        self
    }

    /// How many restarts in a row are tried.
    pub const fn limit(mut self, limit: u32) -> Self {
        self.limit = limit;
        self
    }

    /// How long a component must run until its failures so far are forgotten.
    pub const fn reset(mut self, reset: Duration) -> Self {
        self.reset = reset;
        self
    }

    /// Everything that is wrong with its numbers; nothing if they can be followed.
    ///
    /// The key of each problem is the key of the same number in a section `[minions.restart]`. A builder checks the
    /// policies that it is given, so that nobody else has to.
    #[must_use]
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut wrong = |key: &str, what: String, fix: &str| {
            problems.push(Problem { key: KeyPath::root().key(key), ..Problem::new(what).fix(fix) });
        };
        let Self { first_delay, max_delay, multiplier, jitter, reset, .. } = *self;
        if first_delay.is_zero() {
            wrong("first_delay", "first_delay is 0, so restarts would not wait at all".into(), "it is above 0");
        }
        if max_delay < first_delay {
            let what = format!("max_delay is {max_delay:?}, less than first_delay, which is {first_delay:?}");
            wrong("max_delay", what, "it is at least as long");
        }
        // Written so that it also holds for what is no number.
        if !(multiplier >= 1.0 && multiplier.is_finite()) {
            wrong(
                "multiplier",
                format!("multiplier is {multiplier}"),
                "it is a number from 1, so that pauses do not shrink",
            );
        }
        if !(0.0..=1.0).contains(&jitter) {
            wrong("jitter", format!("jitter is {jitter}"), "it is a part of the pause, from 0 to 1");
        }
        if reset.is_zero() {
            wrong("reset", "reset is 0, so that no failure would ever count".into(), "it is above 0");
        }
        problems
    }
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self::on_failure()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l1_every_wrong_number_is_named_at_once() {
        let second = Duration::from_secs(1);
        let policy = RestartPolicy::always().backoff(Duration::ZERO, second).multiplier(0.5).jitter(1.5);
        let said: Vec<_> = policy.reset(Duration::ZERO).check().iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "first_delay is 0, so restarts would not wait at all; it is above 0",
                "multiplier is 0.5; it is a number from 1, so that pauses do not shrink",
                "jitter is 1.5; it is a part of the pause, from 0 to 1",
                "reset is 0, so that no failure would ever count; it is above 0",
            ]
        );
        let backwards = RestartPolicy::on_failure().backoff(2 * second, second).check();
        assert_eq!(
            backwards[0].to_string(),
            "max_delay is 1s, less than first_delay, which is 2s; it is at least as long"
        );
        assert_eq!(backwards[0].key.to_string(), "max_delay");
    }

    #[test]
    fn l1_bounds_are_allowed_and_what_is_no_number_is_not() {
        let second = Duration::from_secs(1);
        let policy = RestartPolicy::never().backoff(second, second).multiplier(1.0).limit(0);
        assert!(policy.jitter(0.0).check().is_empty() && policy.jitter(1.0).check().is_empty());
        for odd in [f64::NAN, f64::INFINITY, -1.0] {
            let keys: Vec<_> = policy.multiplier(odd).jitter(odd).check().iter().map(|it| it.key.to_string()).collect();
            assert_eq!(keys, ["multiplier", "jitter"], "{odd}");
        }
    }

    #[test]
    fn the_defaults_can_be_followed() {
        for policy in [RestartPolicy::never(), RestartPolicy::on_failure(), RestartPolicy::always()] {
            assert!(policy.check().is_empty());
        }
    }
}
