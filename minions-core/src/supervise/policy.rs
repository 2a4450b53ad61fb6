//! [`RestartPolicy`]: whether, when and how often a failed component is started again.

use std::time::Duration;

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
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self::on_failure()
    }
}
