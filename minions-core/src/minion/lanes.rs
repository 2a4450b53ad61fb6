//! How the workflows of one key follow each other.

use std::time::Duration;

/// How a minion with a [`lane`](super::Minion::lane) treats the workflows of one key.
///
/// ```
/// use std::time::Duration;
///
/// use minions_core::minion::Lanes;
///
/// // One account at a time, and no more than five of it in a second.
/// const ACCOUNTS: Lanes = Lanes::ONE_BY_ONE.rate(5, Duration::from_secs(1)).queue(1_000);
/// assert!(ACCOUNTS.holds());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Lanes {
    concurrency: u32,
    pace: Option<Duration>,
    queue: Option<u64>,
    backlog: u64,
    passes: bool,
}

impl Lanes {
    /// How many may wait for their turn in all, unless something else is said.
    pub const BACKLOG: u64 = 100_000;

    /// The workflows of a key run strictly one after another; one in quarantine holds its lane.
    pub const ONE_BY_ONE: Self =
        Self { concurrency: 1, pace: None, queue: None, backlog: Self::BACKLOG, passes: false };

    /// So many workflows of a key at the same time; none is one.
    pub const fn concurrency(mut self, count: u32) -> Self {
        self.concurrency = if count == 0 { 1 } else { count };
        self
    }

    /// No more than `count` workflows of a key begin within `time`, evenly spread.
    pub const fn rate(mut self, count: u32, time: Duration) -> Self {
        self.pace = match time.checked_div(count) {
            Some(pace) if !pace.is_zero() => Some(pace),
            _ => None,
        };
        self
    }

    /// With so many waiting in one lane, the pipeline takes no more events.
    pub const fn queue(mut self, count: u64) -> Self {
        self.queue = Some(count);
        self
    }

    /// With so many waiting in all lanes of an orchestration, the pipeline takes no more events.
    pub const fn backlog(mut self, count: u64) -> Self {
        self.backlog = count;
        self
    }

    /// A workflow in quarantine lets the others of its lane pass; when it is let go on, it takes its turn again.
    pub const fn pass(mut self) -> Self {
        self.passes = true;
        self
    }

    /// How many workflows of a key at the same time.
    #[must_use]
    pub const fn at_once(&self) -> u32 {
        self.concurrency
    }

    /// The time between the beginnings of two workflows of a key, if there is one.
    #[must_use]
    pub const fn pace(&self) -> Option<Duration> {
        self.pace
    }

    /// How many may wait in one lane, if that is bounded by itself.
    #[must_use]
    pub const fn per_lane(&self) -> Option<u64> {
        self.queue
    }

    /// How many may wait in all.
    #[must_use]
    pub const fn in_all(&self) -> u64 {
        self.backlog
    }

    /// Whether a workflow in quarantine holds its lane.
    #[must_use]
    pub const fn holds(&self) -> bool {
        !self.passes
    }
}

impl Default for Lanes {
    fn default() -> Self {
        Self::ONE_BY_ONE
    }
}
