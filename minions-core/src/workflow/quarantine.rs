//! How many workflows each orchestration has in quarantine, and how many it may have: at the bound its pipeline takes no
//! more events, because what fails for everybody would otherwise fill the disk unseen.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tracing::{info, warn};

use crate::clock::now_ms;
use crate::reason::{Reason, Wait};
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
    /// Since when there are as many as there may be.
    full_ms: Option<i64>,
}

impl Kept {
    /// There are so many by now; answers how many.
    fn becomes(&mut self, count: u64, max: u64) -> u64 {
        self.count = count;
        self.full_ms = if count >= max { self.full_ms.or_else(|| Some(now_ms())) } else { None };
        if count == 0 {
            self.oldest_ms = None;
        }
        count
    }
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
        kept.becomes(kept.count + count, self.bounds.max)
    }

    /// Adds one that was set aside just now; answers how many there are.
    pub(crate) fn add(&self, orchestration: &Arc<str>) -> u64 {
        let mut kept = self.kept.lock();
        let kept = kept.entry(orchestration.clone()).or_default();
        kept.oldest_ms.get_or_insert_with(now_ms);
        kept.becomes(kept.count + 1, self.bounds.max)
    }

    /// Takes one away; answers how many there are.
    pub(crate) fn remove(&self, orchestration: &str) -> u64 {
        let left = match self.kept.lock().get_mut(orchestration) {
            Some(kept) => kept.becomes(kept.count.saturating_sub(1), self.bounds.max),
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
    pub(crate) fn holds_back(&self, orchestration: &Arc<str>) -> Option<Wait> {
        let kept = self.kept.lock().get(orchestration).copied()?;
        let orchestration = orchestration.clone();
        if let Some(full_ms) = kept.full_ms {
            let reason = Reason::Quarantine { orchestration, count: kept.count, max: self.bounds.max };
            return Some(Wait::new(reason, full_ms));
        }
        let (age, since_ms) = (self.bounds.age?, kept.oldest_ms?);
        let age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        let passed = u64::try_from(now_ms().saturating_sub(since_ms)).unwrap_or(0);
        let too_old = Reason::QuarantineAge { orchestration, since_ms, age_ms };
        (passed > age_ms).then(|| Wait::new(too_old, since_ms.saturating_add_unsigned(age_ms)))
    }
}

impl Orchestration {
    /// Why no more events may be taken for it; empty if they may.
    pub(crate) fn holds_back(&self) -> Vec<Wait> {
        let quarantine = self.engine.quarantine.holds_back(&self.id);
        quarantine.into_iter().chain(self.lanes.holds_back()).chain(self.full()).collect()
    }

    /// Waits until another event may be taken for it.
    ///
    /// # Cancel safety
    ///
    /// Safe; the place in the queue is lost.
    pub(crate) async fn opens(&self) {
        self.quarantine_has_room().await;
        self.lanes.have_room().await;
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
            let Some(wait) = quarantine.holds_back(&self.id) else { break };
            if !std::mem::replace(&mut told, true) {
                warn!(orchestration = &*self.id, reason = %wait.reason, "its pipeline takes no more events");
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
        assert_eq!((quarantine.found(&id, 1), quarantine.holds_back(&id)), (1, None));
        assert_eq!(quarantine.add(&id), 2);
        let wait = quarantine.holds_back(&id).expect("it is at its bound");
        assert_eq!(wait.reason, Reason::Quarantine { orchestration: id.clone(), count: 2, max: 2 });
        assert_eq!(quarantine.holds_back(&"c/d".into()), None);
        assert_eq!((quarantine.remove(&id), quarantine.holds_back(&id)), (1, None));
        assert_eq!((quarantine.remove(&id), quarantine.remove(&id)), (0, 0));
    }
}
