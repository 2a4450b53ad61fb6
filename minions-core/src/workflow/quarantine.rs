//! How many workflows each orchestration has in quarantine, and how many it may have: at the bound its pipeline takes no
//! more events, because what fails for everybody would otherwise fill the disk unseen.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tracing::{info, warn};

use crate::clock::now_ms;
use crate::store::{Filter, StateStore, Status, StoreError};

use super::orchestration::Orchestration;

/// How many rows are read at once to find the oldest one.
const PAGE: usize = 256;

/// How much quarantine one orchestration may have before its pipeline takes no more events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QuarantineBounds {
    /// How many workflows; 10 000 by default.
    pub max: u64,
    /// How long the oldest one may be there; for ever by default.
    pub age: Option<Duration>,
}

impl Default for QuarantineBounds {
    fn default() -> Self {
        Self { max: 10_000, age: None }
    }
}

impl QuarantineBounds {
    /// At most so many workflows, of any age.
    #[must_use]
    pub const fn at_most(max: u64) -> Self {
        Self { max, age: None }
    }

    /// And none for longer than this.
    #[must_use]
    pub const fn age(mut self, age: Duration) -> Self {
        self.age = Some(age);
        self
    }
}

/// Why a pipeline may not take another event for an orchestration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Full {
    /// As many workflows are awake as may be.
    InFlight,
    /// Too many workflows are in quarantine.
    Quarantine {
        /// How many there are.
        count: u64,
        /// From how many on no event is taken.
        max: u64,
    },
    /// A workflow has been in quarantine for too long.
    QuarantineAge {
        /// Since when the oldest one is as it is, in milliseconds since the Unix epoch.
        since_ms: i64,
        /// For how long it may be, in milliseconds.
        age_ms: u64,
    },
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InFlight => f.write_str("as many workflows are awake as may be"),
            Self::Quarantine { count, max } => write!(
                f,
                "{count} workflows are in quarantine, and with {max} no more events are taken; retry or drop some with \
                 `wf`, or raise the bound with `GruBuilder::quarantine`"
            ),
            Self::QuarantineAge { age_ms, .. } => write!(
                f,
                "a workflow is in quarantine for longer than {:?}; retry or drop it with `wf`, or raise the \
                 bound with `GruBuilder::quarantine`",
                Duration::from_millis(*age_ms)
            ),
        }
    }
}

/// The quarantine of every orchestration; kept by the engine, because an orchestration may come and go.
pub(crate) struct Quarantine {
    bounds: QuarantineBounds,
    kept: Mutex<HashMap<Arc<str>, Kept>>,
    /// Told whenever there are fewer.
    fewer: Notify,
}

#[derive(Clone, Copy, Default)]
struct Kept {
    count: u64,
    /// When the oldest one was last changed, if ages matter.
    oldest_ms: Option<i64>,
}

impl Quarantine {
    pub(crate) fn new(bounds: QuarantineBounds) -> Self {
        Self { bounds, kept: Mutex::default(), fewer: Notify::new() }
    }

    /// How many an orchestration has.
    pub(crate) fn count(&self, orchestration: &str) -> u64 {
        self.kept.lock().get(orchestration).map_or(0, |kept| kept.count)
    }

    /// Adds what was found; answers how many there are.
    pub(crate) fn found(&self, orchestration: &Arc<str>, count: u64) -> u64 {
        let mut kept = self.kept.lock();
        let kept = kept.entry(orchestration.clone()).or_default();
        kept.count += count;
        kept.count
    }

    /// Adds one that was set aside just now; answers how many there are.
    pub(crate) fn add(&self, orchestration: &Arc<str>) -> u64 {
        let mut kept = self.kept.lock();
        let kept = kept.entry(orchestration.clone()).or_default();
        kept.count += 1;
        kept.oldest_ms.get_or_insert_with(now_ms);
        kept.count
    }

    /// Takes one away; answers how many there are.
    pub(crate) fn remove(&self, orchestration: &str) -> u64 {
        let left = match self.kept.lock().get_mut(orchestration) {
            Some(kept) => {
                kept.count = kept.count.saturating_sub(1);
                if kept.count == 0 {
                    kept.oldest_ms = None;
                }
                kept.count
            }
            None => 0,
        };
        self.fewer.notify_waiters();
        left
    }

    /// Looks again for the oldest one of an orchestration, if there is a bound for its age.
    pub(crate) async fn look_at_ages(
        &self,
        store: &dyn StateStore,
        orchestration: &Arc<str>,
    ) -> Result<(), StoreError> {
        if self.bounds.age.is_none() {
            return Ok(());
        }
        let mut filter = Filter::all().orchestration(&**orchestration).status(Status::Quarantined);
        let mut oldest_ms = None;
        loop {
            let page = store.scan(filter.clone(), PAGE).await?;
            let Some(last) = page.last() else { break };
            filter = filter.after(last.id);
            oldest_ms = page.iter().map(|row| row.updated_ms).chain(oldest_ms).min();
        }
        self.kept.lock().entry(orchestration.clone()).or_default().oldest_ms = oldest_ms;
        self.fewer.notify_waiters();
        Ok(())
    }

    /// Why no more events may be taken for an orchestration, if that is so because of its quarantine.
    pub(crate) fn why_full(&self, orchestration: &str) -> Option<Full> {
        let kept = self.kept.lock().get(orchestration).copied()?;
        if kept.count >= self.bounds.max {
            return Some(Full::Quarantine { count: kept.count, max: self.bounds.max });
        }
        let (age, since_ms) = (self.bounds.age?, kept.oldest_ms?);
        let age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        let passed = u64::try_from(now_ms().saturating_sub(since_ms)).unwrap_or(0);
        (passed > age_ms).then_some(Full::QuarantineAge { since_ms, age_ms })
    }
}

impl Orchestration {
    /// Why no more events may be taken for it, if that is so.
    pub(crate) fn why_full(&self) -> Option<Full> {
        let quarantine = self.engine.quarantine.why_full(&self.id);
        quarantine.or_else(|| (!self.has_room()).then_some(Full::InFlight))
    }

    /// Waits until another event may be taken for it.
    ///
    /// # Cancel safety
    ///
    /// Safe; the place in the queue is lost.
    pub(crate) async fn opens(&self) {
        self.quarantine_has_room().await;
        // The place is given back at once: an idle source must not hold what a resumed workflow could use.
        drop(self.room().await);
    }

    /// Waits until its quarantine is within its bounds, if it is not.
    async fn quarantine_has_room(&self) {
        let quarantine = &self.engine.quarantine;
        let mut told = false;
        loop {
            let mut fewer = std::pin::pin!(quarantine.fewer.notified());
            fewer.as_mut().enable();
            let Some(full) = quarantine.why_full(&self.id) else { break };
            if !std::mem::replace(&mut told, true) {
                warn!(orchestration = &*self.id, reason = %full, "its pipeline takes no more events");
            }
            fewer.await;
        }
        if told {
            info!(orchestration = &*self.id, "its quarantine has room again; its pipeline takes events");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w6_counts_go_up_and_down_and_the_bound_is_where_it_is_said_to_be() {
        let (quarantine, id) = (Quarantine::new(QuarantineBounds::at_most(2)), Arc::from("a/b"));
        assert_eq!((quarantine.found(&id, 1), quarantine.why_full("a/b")), (1, None));
        assert_eq!(quarantine.add(&id), 2);
        assert_eq!(quarantine.why_full("a/b"), Some(Full::Quarantine { count: 2, max: 2 }));
        assert_eq!(quarantine.why_full("c/d"), None);
        assert_eq!((quarantine.remove("a/b"), quarantine.why_full("a/b")), (1, None));
        assert_eq!((quarantine.remove("a/b"), quarantine.remove("a/b")), (0, 0));
    }
}
