//! Sees from outside that the threads of a runtime do not keep up, and which user code holds one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::{Gauge, gauge};
use tracing::{info, warn};

use crate::config::{KeyPath, Problem};
use crate::pipeline::Hold;
use crate::reason::Reason;
use crate::telemetry::names;

use super::spot::{Blocked, Code, blocked};

/// When the lag watchdog names what blocks a thread, and when it closes the gates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LagBounds {
    /// How long user code may hold its thread before it is named in the log; 500 ms by default.
    pub name_after: Duration,
    /// How long a task that is ready may wait for a thread before no more events are taken; 1 s by default.
    pub close_at: Duration,
    /// Events are taken again when none waits for so long; 250 ms by default.
    pub open_at: Duration,
    /// And has not for this time; 2 s by default.
    pub cooldown: Duration,
}

impl Default for LagBounds {
    fn default() -> Self {
        Self {
            name_after: Duration::from_millis(500),
            close_at: Duration::from_secs(1),
            open_at: Duration::from_millis(250),
            cooldown: Duration::from_secs(2),
        }
    }
}

impl LagBounds {
    /// Names what holds a thread for longer than this.
    #[must_use]
    pub const fn name_after(mut self, time: Duration) -> Self {
        self.name_after = time;
        self
    }

    /// Takes no events when a task waits for a thread as long as `close_at`, until none has waited for `open_at` for the time
    /// of `cooldown`.
    #[must_use]
    pub const fn between(mut self, open_at: Duration, close_at: Duration, cooldown: Duration) -> Self {
        (self.open_at, self.close_at, self.cooldown) = (open_at, close_at, cooldown);
        self
    }

    /// Everything that is wrong with them; nothing if they can be kept to.
    ///
    /// The key of each problem is the key of the same time in a section `[minions.lag]`. A builder checks the bounds that it is
    /// given, so that nobody else has to.
    #[must_use]
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut wrong = |key: &str, what: String, fix: &str| {
            problems.push(Problem { key: KeyPath::root().key(key), ..Problem::new(what).fix(fix) });
        };
        let Self { name_after, close_at, open_at, .. } = *self;
        if name_after.is_zero() {
            wrong("name_after", "name_after is 0, so every step would be named".to_owned(), "it is above 0");
        }
        if close_at.is_zero() {
            wrong("close_at", "close_at is 0, so no event would ever be taken".to_owned(), "it is above 0");
        } else if open_at > close_at {
            let what = format!("open_at is {open_at:?}, more than close_at, which is {close_at:?}");
            wrong("open_at", what, "it is at most as long");
        }
        if open_at.is_zero() {
            wrong("open_at", "open_at is 0, so events would never be taken again".to_owned(), "it is above 0");
        }
        problems
    }
}

/// One line for each piece of code in so long a time.
const EVERY: Duration = Duration::from_secs(30);

/// The watchdog of one program: what it makes of what it sees.
pub(crate) struct Lag {
    bounds: LagBounds,
    program: u64,
    hold: Arc<Hold>,
    lag: Gauge,
    threads: Gauge,
    /// When which spot was named last.
    named: HashMap<u32, Instant>,
    /// Since when nothing has waited for long.
    calm: Option<Instant>,
}

impl Lag {
    pub(crate) fn new(bounds: LagBounds, program: u64, hold: Arc<Hold>) -> Self {
        let (lag, threads) = (gauge!(names::RUNTIME_LAG), gauge!(names::THREADS_BLOCKED));
        lag.set(0.0);
        threads.set(0.0);
        Self { bounds, program, hold, lag, threads, named: HashMap::new(), calm: None }
    }

    /// Looks at the threads, and names who holds one; answers for how long the longest has been held.
    pub(crate) fn look(&mut self, now: Instant) -> Duration {
        let found = blocked(self.program, self.bounds.name_after);
        self.threads.set(found.len() as f64);
        self.named.retain(|_, named| now.duration_since(*named) < EVERY);
        for Blocked { spot, code, count, since } in &found {
            if self.named.contains_key(spot) {
                continue;
            }
            self.named.insert(*spot, now);
            count.increment(1);
            name(code, *since);
        }
        found.into_iter().map(|blocked| blocked.since).max().unwrap_or_default()
    }

    /// Closes the gates or opens them, now that a task that is ready waits for so long.
    pub(crate) fn judge(&mut self, behind: Duration, now: Instant) {
        self.lag.set(behind.as_secs_f64());
        let calm = (behind < self.bounds.open_at).then(|| *self.calm.get_or_insert(now));
        self.calm = calm;
        let (held, reason) = (self.hold.is_held(), Reason::Lag { behind_ms: millis(behind) });
        if behind >= self.bounds.close_at {
            if !held {
                warn!(%reason, "the runtime does not keep up: no events are taken until it does");
            }
            self.hold.because(reason);
        } else if held && calm.is_some_and(|since| now.duration_since(since) >= self.bounds.cooldown) {
            info!("the runtime keeps up again");
            self.hold.clear();
        }
    }
}

fn name(code: &Code, since: Duration) {
    let Code { kind, component, orchestration, what, location, .. } = code;
    warn!(
        component = &**component,
        orchestration = (!orchestration.is_empty()).then_some(&**orchestration),
        kind = kind.as_str(),
        step = *what,
        at = (location.line() > 0).then(|| format!("{}:{}", location.file(), location.line())),
        since = ?since,
        "it blocks a thread of the runtime; do such work in `Workflow::blocking`, or where it awaits"
    );
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn l1_bounds_that_cannot_be_kept_to_are_named() {
        let keys = |bounds: LagBounds| bounds.check().iter().map(|it| it.key.to_string()).collect::<Vec<_>>();
        let zero =
            LagBounds::default().name_after(Duration::ZERO).between(Duration::ZERO, Duration::ZERO, Duration::ZERO);
        assert_eq!(keys(zero), ["name_after", "close_at", "open_at"]);
        assert_eq!(keys(LagBounds::default().between(MS * 2, MS, MS)), ["open_at"]);
        assert_eq!(keys(LagBounds::default().between(MS, MS, Duration::ZERO)), [""; 0]);
        assert_eq!(keys(LagBounds::default().name_after(Duration::MAX).between(MS, Duration::MAX, MS)), [""; 0]);
        assert_eq!(keys(LagBounds::default()), [""; 0]);
    }

    #[test]
    fn t6_sustained_lag_closes_the_gate_and_it_opens_after_a_calm_while() {
        let hold = Arc::new(Hold::default());
        let (mut lag, began) = (Lag::new(LagBounds::default(), 0, hold.clone()), Instant::now());
        let mut at = |ms: u32, behind: u32| {
            lag.judge(MS * behind, began + MS * ms);
            hold.waits().first().map(|wait| wait.reason.clone())
        };
        assert_eq!(at(0, 999), None);
        assert_eq!(at(100, 1_000), Some(Reason::Lag { behind_ms: 1_000 }));
        assert_eq!(at(200, 1_100), Some(Reason::Lag { behind_ms: 1_100 }));
        assert!(at(300, 10).is_some());
        assert!(at(2_000, 300).is_some(), "that was no calm while");
        assert!(at(2_100, 10).is_some());
        assert!(at(4_099, 10).is_some());
        assert_eq!(at(4_100, 10), None);
    }
}
