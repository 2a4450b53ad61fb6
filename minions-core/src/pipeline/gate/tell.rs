//! Tells people that a pipeline takes no events, and that it does again: in metrics at once, in the log when it matters.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::reason::Wait;
use crate::telemetry::handles::PipelineMetrics;

/// What comes and goes with every workflow is worth a line only if it stays.
pub(in crate::pipeline) const STAYS: Duration = Duration::from_secs(1);

/// One line for each reason in so long a time.
const EVERY: Duration = Duration::from_secs(10);

/// When the log told of which reason last; kept by the gate, because waits are short and many.
#[derive(Default)]
pub(crate) struct Told(Mutex<HashMap<&'static str, Instant>>);

impl Told {
    /// Whether a line about a reason may be written now.
    fn may_tell(&self, word: &'static str) -> bool {
        let (now, mut told) = (Instant::now(), self.0.lock());
        if told.get(word).is_some_and(|last| now.duration_since(*last) < EVERY) {
            return false;
        }
        told.insert(word, now);
        true
    }
}

/// One wait of a producer: what it has been told of.
pub(in crate::pipeline) struct Waiting<'a> {
    told: &'a Told,
    metrics: &'a PipelineMetrics,
    /// Since when it waits.
    began: Option<Instant>,
    /// The reasons whose gauges are up.
    words: Vec<&'static str>,
    /// Whether it has lasted long enough for a line about what is routine, and that was looked at.
    is_old: bool,
    logged: bool,
}

impl<'a> Waiting<'a> {
    /// A producer that does not wait.
    pub(in crate::pipeline) const fn no(told: &'a Told, metrics: &'a PipelineMetrics) -> Self {
        Self { told, metrics, began: None, words: Vec::new(), is_old: false, logged: false }
    }

    /// It waits because of `words`.
    pub(in crate::pipeline) fn because(&mut self, words: impl Iterator<Item = &'static str>) {
        self.began.get_or_insert_with(Instant::now);
        let words: Vec<_> = words.collect();
        for word in self.words.iter().filter(|word| !words.contains(word)) {
            self.metrics.waiting(word, 0.0);
        }
        for word in words.iter().filter(|word| !self.words.contains(word)) {
            self.metrics.waiting(word, 1.0);
        }
        self.words = words;
    }

    /// Whether nothing more is to be said about what is routine.
    pub(in crate::pipeline) const fn is_old(&self) -> bool {
        self.is_old
    }

    /// Writes a line about what has stayed for a while, once.
    pub(in crate::pipeline) fn log_if_it_stays(&mut self, waits: impl FnOnce() -> Vec<Wait>) {
        if self.began.is_some_and(|began| began.elapsed() >= STAYS) {
            self.is_old = true;
            self.log(&waits());
        }
    }

    /// Writes a line about each reason that has had none for a while.
    pub(in crate::pipeline) fn log(&mut self, waits: &[Wait]) {
        for Wait { reason, .. } in waits {
            if !self.told.may_tell(reason.as_str()) {
                continue;
            }
            self.logged = true;
            if reason.is_routine() {
                info!(reason = reason.as_str(), why = %reason, "takes no more events");
            } else {
                warn!(reason = reason.as_str(), why = %reason, "takes no more events");
            }
        }
    }

    /// It goes on.
    pub(in crate::pipeline) fn ends(&mut self) {
        let Some(began) = self.began.take() else { return };
        for word in self.words.drain(..) {
            self.metrics.waiting(word, 0.0);
        }
        self.is_old = false;
        if std::mem::take(&mut self.logged) {
            info!(after = ?began.elapsed(), "takes events again");
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        // It is stopped, or let go: nothing is said of events.
        self.logged = false;
        self.ends();
    }
}
