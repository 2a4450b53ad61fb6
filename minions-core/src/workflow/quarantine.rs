//! How many workflows each orchestration has in quarantine, and how many it may have: at the bound its pipeline takes no
//! more events, because what fails for everybody would otherwise fill the disk unseen.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::clock::now_ms;
use crate::pipeline::Hold;
use crate::reason::{Reason, Wait};
use crate::store::{Filter, StateStore, Status, StoreError};

/// How many rows are read at once to find the oldest one.
const PAGE: usize = 256;

/// However far away the end of an age is: the time of day may be set, and a machine may have slept.
const LONGEST: Duration = Duration::from_secs(3600);

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
    /// For the task that waits until the oldest one is too old.
    this: Weak<Self>,
}

#[derive(Default)]
struct Kept {
    count: u64,
    /// When the oldest one was last changed, if ages matter.
    oldest_ms: Option<i64>,
    /// In the way of events while it is beyond its bounds.
    hold: Arc<Hold>,
    /// Looks again when the oldest one is too old.
    timer: Option<AbortHandle>,
}

impl Quarantine {
    pub(crate) fn new(bounds: QuarantineBounds) -> Arc<Self> {
        Arc::new_cyclic(|this| Self { bounds, kept: Mutex::default(), this: this.clone() })
    }

    /// How many an orchestration has.
    pub(crate) fn count(&self, orchestration: &str) -> u64 {
        self.kept.lock().get(orchestration).map_or(0, |kept| kept.count)
    }

    /// What is in the way of its events while there is too much.
    pub(crate) fn hold(&self, orchestration: &Arc<str>) -> Arc<Hold> {
        self.kept.lock().entry(orchestration.clone()).or_default().hold.clone()
    }

    /// Adds what was found; answers how many there are.
    pub(crate) fn found(&self, orchestration: &Arc<str>, count: u64) -> u64 {
        self.change(orchestration, |kept| kept.count += count)
    }

    /// Adds one that was set aside just now; answers how many there are.
    pub(crate) fn add(&self, orchestration: &Arc<str>) -> u64 {
        self.change(orchestration, |kept| {
            kept.count += 1;
            kept.oldest_ms.get_or_insert_with(now_ms);
        })
    }

    /// Takes one away; answers how many there are.
    pub(crate) fn remove(&self, orchestration: &str) -> u64 {
        self.change(&orchestration.into(), |kept| kept.count = kept.count.saturating_sub(1))
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
        self.change(orchestration, |kept| kept.oldest_ms = oldest_ms);
        Ok(())
    }

    /// Watches over no ages any more.
    pub(crate) fn close(&self) {
        for kept in self.kept.lock().values_mut() {
            if let Some(timer) = kept.timer.take() {
                timer.abort();
            }
        }
    }

    fn change(&self, orchestration: &Arc<str>, change: impl FnOnce(&mut Kept)) -> u64 {
        let mut all = self.kept.lock();
        let kept = all.entry(orchestration.clone()).or_default();
        change(kept);
        if kept.count == 0 {
            kept.oldest_ms = None;
        }
        self.judge(orchestration, kept);
        kept.count
    }

    /// Gets in the way of events, or out of it.
    fn judge(&self, orchestration: &Arc<str>, kept: &mut Kept) {
        if let Some(timer) = kept.timer.take() {
            timer.abort();
        }
        let (orchestration, count, max) = (orchestration.clone(), kept.count, self.bounds.max);
        if count >= max {
            return kept.hold.because(Reason::Quarantine { orchestration, count, max });
        }
        let (Some(age), Some(since_ms)) = (self.bounds.age, kept.oldest_ms) else { return kept.hold.clear() };
        let age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        let end_ms = since_ms.saturating_add_unsigned(age_ms);
        let left = u64::try_from(end_ms.saturating_sub(now_ms())).unwrap_or(0);
        if end_ms < now_ms() {
            return kept.hold.set(vec![Wait::new(Reason::QuarantineAge { orchestration, since_ms, age_ms }, end_ms)]);
        }
        kept.hold.clear();
        if let Ok(runtime) = Handle::try_current() {
            let this = self.this.clone();
            let look_again = async move {
                tokio::time::sleep(Duration::from_millis(left.saturating_add(1)).min(LONGEST)).await;
                if let Some(this) = this.upgrade() {
                    this.change(&orchestration, |_| {});
                }
            };
            kept.timer = Some(runtime.spawn(look_again).abort_handle());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w6_counts_go_up_and_down_and_the_bound_is_where_it_is_said_to_be() {
        let (quarantine, id) = (Quarantine::new(QuarantineBounds::at_most(2)), Arc::from("a/b"));
        let hold = quarantine.hold(&id);
        assert_eq!((quarantine.found(&id, 1), hold.is_held()), (1, false));
        assert_eq!(quarantine.add(&id), 2);
        let waits = hold.waits();
        assert_eq!(waits[0].reason, Reason::Quarantine { orchestration: id.clone(), count: 2, max: 2 });
        assert_eq!(quarantine.add(&id), 3);
        assert_eq!(hold.waits()[0].since_ms, waits[0].since_ms, "it has been so since then");
        assert!(!quarantine.hold(&"c/d".into()).is_held());
        assert_eq!((quarantine.remove(&id), hold.is_held()), (2, true));
        assert_eq!((quarantine.remove(&id), hold.is_held()), (1, false));
        assert_eq!((quarantine.remove(&id), quarantine.remove(&id)), (0, 0));
    }
}
