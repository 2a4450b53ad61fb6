//! What a limit allows.

use std::time::Duration;

use super::Rate;

/// What a limited method allows: for each key, for all calls together, and for those that wait.
///
/// ```
/// use std::time::Duration;
/// use minions_core::limit::{Bounds, Circuit, Limit, Rate};
///
/// // Eight calls at once and twenty a second to each host, and no more than 64 calls at once altogether.
/// let limit = Limit::per_key(Bounds::new().concurrency(8).rate(Rate::per_second(20)))
///     .total(Bounds::new().concurrency(64))
///     .max_wait(Duration::from_secs(30));
/// // At most four calls at once; after five failures in a row none for a minute.
/// let database = Limit::new(Bounds::new().concurrency(4).circuit(Circuit::new().failures(5).open(Duration::from_secs(60))));
/// # let _ = (limit, database);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a limit limits nothing until a limiter keeps to it"]
pub struct Limit {
    pub(super) each: Bounds,
    pub(super) total: Bounds,
    pub(super) keyed: bool,
    pub(super) max_wait: Option<Duration>,
    pub(super) keys: u32,
}

impl Limit {
    /// How many keys are known at once unless a limit says otherwise.
    pub(super) const KEYS: u32 = 65_536;

    /// For all calls together.
    pub const fn new(bounds: Bounds) -> Self {
        Self { each: Bounds::new(), total: bounds, keyed: false, max_wait: None, keys: Self::KEYS }
    }

    /// For the calls of each key.
    pub const fn per_key(bounds: Bounds) -> Self {
        Self { each: bounds, total: Bounds::new(), keyed: true, max_wait: None, keys: Self::KEYS }
    }

    /// For the calls of all keys together, above what holds for each.
    pub const fn total(mut self, bounds: Bounds) -> Self {
        self.total = bounds;
        self
    }

    /// How long a call may wait: one that is expected to wait longer is [rejected](super::Rejected) at once, and one that
    /// does wait so long is rejected then. Without it a call inside a step waits for as long as the step has time left, and
    /// any other call as long as it takes.
    pub const fn max_wait(mut self, time: Duration) -> Self {
        self.max_wait = Some(time);
        self
    }

    /// How many keys are known at once; 65 536 unless set. A key is forgotten as soon as nothing is left to know of it, and a
    /// call of a key beyond the bound is [rejected](super::Rejected).
    pub const fn keys(mut self, keys: u32) -> Self {
        self.keys = keys;
        self
    }

    /// Whether it is one for each key.
    pub(super) const fn is_keyed(&self) -> bool {
        self.keyed
    }

    /// Everything that is wrong with it.
    pub(crate) fn check(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let total = if self.keyed { "total." } else { "" };
        self.total.check(total, &mut problems);
        if self.keyed {
            self.each.check("", &mut problems);
        }
        if self.keys == 0 {
            problems.push("`keys` is 0, so every call would be rejected; it is at least 1".to_owned());
        }
        problems
    }
}

/// What is allowed to the calls of one key, or to all calls.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[must_use = "bounds do nothing until a limit has them"]
pub struct Bounds {
    pub(super) concurrency: Option<u32>,
    pub(super) rate: Option<Rate>,
    pub(super) burst: Option<u32>,
    pub(super) queue: Option<u32>,
    pub(super) circuit: Option<Circuit>,
}

impl Bounds {
    /// How many calls may wait altogether unless a limit says otherwise.
    pub(super) const QUEUE: u32 = 1_024;

    /// No bounds.
    pub const fn new() -> Self {
        Self { concurrency: None, rate: None, burst: None, queue: None, circuit: None }
    }

    /// So many calls at once.
    pub const fn concurrency(mut self, calls: u32) -> Self {
        self.concurrency = Some(calls);
        self
    }

    /// So many calls in a time.
    pub const fn rate(mut self, rate: Rate) -> Self {
        self.rate = Some(rate);
        self
    }

    /// So many calls at once after a pause, on top of the even pace of the rate; 1 unless set.
    pub const fn burst(mut self, calls: u32) -> Self {
        self.burst = Some(calls);
        self
    }

    /// So many calls may wait; one more is rejected as overloaded. 1 024 for all calls together unless set.
    pub const fn queue(mut self, calls: u32) -> Self {
        self.queue = Some(calls);
        self
    }

    /// No calls for a while once they fail.
    pub const fn circuit(mut self, circuit: Circuit) -> Self {
        self.circuit = Some(circuit);
        self
    }

    /// Nanoseconds between calls, and by how many a call may come before its time.
    ///
    /// Timers tick in milliseconds, so a call that comes in the same tick is in time; otherwise every tick would cost a part
    /// of the rate. This moves calls, it never adds any in the long run.
    pub(super) fn pace(&self) -> Option<(u64, u64)> {
        const TICK: u64 = 1_000_000;
        let interval = self.rate?.interval();
        Some((interval, interval.saturating_mul(u64::from(self.burst.unwrap_or(1).saturating_sub(1))).max(TICK)))
    }

    fn check(&self, place: &str, problems: &mut Vec<String>) {
        for (name, count) in [("concurrency", self.concurrency), ("burst", self.burst), ("queue", self.queue)] {
            if count == Some(0) {
                problems.push(format!("`{place}{name}` is 0; it is at least 1"));
            }
        }
        if self.rate.is_some_and(|rate| !rate.is_sound()) {
            problems.push(format!("`{place}rate` lets nothing through"));
        }
        if self.burst.is_some() && self.rate.is_none() {
            problems.push(format!("`{place}burst` belongs to a rate, and there is none; set `{place}rate` too"));
        }
        if let Some(circuit) = &self.circuit {
            circuit.check(place, problems);
        }
    }
}

/// When calls count as hopeless, and for how long.
///
/// Once it is *open*, calls are [rejected](super::Rejected) until its time is up. Then as many calls as there are probes go
/// through: if they succeed it closes, if one fails it opens again.
///
/// An error counts as a failure unless its verdict is terminal, abort or a not-before, which are answers of something that
/// works. A call that is dropped because its step ran out of time counts as a failure, any other dropped call as nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a circuit does nothing until bounds have it"]
pub struct Circuit {
    pub(super) failures: Option<u32>,
    pub(super) ratio: Option<f64>,
    pub(super) calls: u32,
    pub(super) window: Duration,
    pub(super) open: Duration,
    pub(super) probes: u32,
}

impl Circuit {
    /// One that never opens until it is told at how many [`failures`](Self::failures) or at which [`ratio`](Self::ratio).
    pub const fn new() -> Self {
        let time = Duration::from_secs(30);
        Self { failures: None, ratio: None, calls: 20, window: time, open: time, probes: 1 }
    }

    /// Opens after so many failures in a row.
    pub const fn failures(mut self, failures: u32) -> Self {
        self.failures = Some(failures);
        self
    }

    /// Opens when more than this part of the calls fails, from 0 to 1.
    pub const fn ratio(mut self, ratio: f64) -> Self {
        self.ratio = Some(ratio);
        self
    }

    /// How many calls a window must have had before their ratio counts; 20 unless set.
    pub const fn calls(mut self, calls: u32) -> Self {
        self.calls = calls;
        self
    }

    /// Over which time the ratio is taken; 30 s unless set.
    pub const fn window(mut self, time: Duration) -> Self {
        self.window = time;
        self
    }

    /// For how long it stays open; 30 s unless set.
    pub const fn open(mut self, time: Duration) -> Self {
        self.open = time;
        self
    }

    /// How many calls must succeed before it closes; 1 unless set.
    pub const fn probes(mut self, calls: u32) -> Self {
        self.probes = calls;
        self
    }

    fn check(&self, place: &str, problems: &mut Vec<String>) {
        let mut say = |wrong: &str| problems.push(format!("`{place}circuit{wrong}"));
        if self.failures.is_none() && self.ratio.is_none() {
            say("` never opens; give it `failures` or a `ratio`");
        }
        if self.failures == Some(0) {
            say(".failures` is 0; it is at least 1");
        }
        if self.ratio.is_some_and(|ratio| !(ratio > 0.0 && ratio <= 1.0)) {
            say(".ratio` is a part of the calls: above 0, and at most 1");
        }
        if self.calls == 0 {
            say(".calls` is 0; it is at least 1");
        }
        if self.probes == 0 {
            say(".probes` is 0; it is at least 1");
        }
        if self.window.is_zero() || self.open.is_zero() {
            say("` has a `window` or an `open` of no time; both are above zero");
        }
    }
}

impl Default for Circuit {
    fn default() -> Self {
        Self::new()
    }
}
