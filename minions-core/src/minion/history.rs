//! How much is kept of workflows that have ended.

use std::time::Duration;

/// What a minion keeps of its ended workflows: nothing, unless it says so.
///
/// ```
/// use std::time::Duration;
///
/// use minions_core::minion::History;
///
/// const RECENT: History = History::last(1_000).for_at_most(Duration::from_secs(7 * 86_400));
/// assert!(History::NONE.is_none() && !RECENT.is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct History {
    last: u64,
    age: Option<Duration>,
}

impl History {
    /// Nothing.
    pub const NONE: Self = Self { last: 0, age: None };

    /// The last `count` of each orchestration.
    pub const fn last(count: u64) -> Self {
        Self { last: count, age: None }
    }

    /// And of those only what ended within this time.
    pub const fn for_at_most(mut self, age: Duration) -> Self {
        self.age = Some(age);
        self
    }

    /// Whether nothing is kept.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.last == 0
    }

    /// How many are kept at most.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.last
    }

    /// For how long, if that is bounded.
    #[must_use]
    pub const fn age(&self) -> Option<Duration> {
        self.age
    }
}
