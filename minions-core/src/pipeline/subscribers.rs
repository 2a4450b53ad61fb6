//! Whom a pipeline feeds: orchestrations come and go while it produces, and no event falls between two of them.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::clock::now_ms;
use crate::reason::{Reason, Wait};
use crate::workflow::Orchestration;

/// The orchestrations of one pipeline, and whether it may produce for them.
///
/// It outlives the instances of the pipeline: one that is started again feeds whom the last one fed.
pub(crate) struct Subscribers {
    feed: watch::Sender<Feed>,
    /// Whether nobody is inside `next`, so that no event can come any more.
    idle: watch::Sender<bool>,
}

/// What the producer looks at before each event.
#[derive(Clone, Default)]
pub(crate) struct Feed {
    pub(crate) list: Arc<[Arc<Orchestration>]>,
    pub(crate) paused: bool,
    /// Since when, in milliseconds since the Unix epoch.
    paused_ms: i64,
    /// Asked to let go of `next`, because whoever is left is leaving.
    pub(crate) halted: bool,
    /// Whether there ever was somebody.
    joined: bool,
}

impl Feed {
    /// Whether events may be taken.
    pub(crate) fn flows(&self) -> bool {
        !self.paused && !self.halted && !self.list.is_empty()
    }

    /// Whether everyone has left or is leaving.
    pub(crate) fn is_forsaken(&self) -> bool {
        self.halted || (self.joined && self.list.is_empty())
    }
}

/// One orchestration that an event goes to.
pub(crate) struct Taker {
    pub(crate) orchestration: Arc<Orchestration>,
    /// Keeps the orchestration from stopping before the event has reached it.
    _admission: TaskTrackerToken,
}

impl Subscribers {
    pub(crate) fn new() -> Self {
        Self { feed: watch::Sender::new(Feed::default()), idle: watch::Sender::new(true) }
    }

    /// Adds orchestrations, which get the same events from the first one on.
    pub(crate) fn join(&self, new: impl IntoIterator<Item = Arc<Orchestration>>) {
        self.feed.send_modify(|feed| {
            feed.list = feed.list.iter().cloned().chain(new).collect();
            feed.halted = false;
            feed.joined = true;
        });
    }

    /// Asks the producer to let go of `next` and to take nothing until somebody joins.
    pub(crate) fn halt(&self) {
        self.feed.send_if_modified(|feed| !std::mem::replace(&mut feed.halted, true));
    }

    pub(crate) fn set_paused(&self, paused: bool) {
        self.feed.send_if_modified(|feed| {
            let changed = std::mem::replace(&mut feed.paused, paused) != paused;
            if changed && paused {
                feed.paused_ms = now_ms();
            }
            changed
        });
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.feed.borrow().paused
    }

    /// Why no event is taken; empty if events may be.
    pub(crate) fn waits_for(&self) -> Vec<Wait> {
        let feed = self.feed.borrow().clone();
        let paused = feed.paused.then(|| Wait::new(Reason::Paused, feed.paused_ms));
        paused.into_iter().chain(feed.list.iter().flat_map(|subscriber| subscriber.holds_back())).collect()
    }

    /// The orchestrations that are fed.
    pub(crate) fn list(&self) -> Arc<[Arc<Orchestration>]> {
        self.feed.borrow().list.clone()
    }

    /// Takes an orchestration out, so that what the source has given is either admitted to it or not taken at all; then
    /// waits until what was taken is durable.
    ///
    /// # Cancel safety
    ///
    /// Dropped early, it may still be fed; [`evict`](Self::evict) takes it out whatever the producer does.
    pub(crate) async fn leave(&self, orchestration: &Arc<Orchestration>) {
        let last = {
            let feed = self.feed.borrow();
            feed.list.iter().all(|other| Arc::ptr_eq(other, orchestration))
        };
        if last {
            self.halt();
        }
        if self.feed.borrow().halted {
            // An event that `next` has in hand still goes to those that are leaving.
            let mut idle = self.idle.subscribe();
            // The sender lives in `self`.
            let _ = idle.wait_for(|idle| *idle).await;
        }
        self.evict(orchestration);
        orchestration.admitted().await;
    }

    /// Takes an orchestration out at once.
    pub(crate) fn evict(&self, orchestration: &Arc<Orchestration>) {
        self.feed.send_if_modified(|feed| {
            let others: Arc<[_]> =
                feed.list.iter().filter(|other| !Arc::ptr_eq(other, orchestration)).cloned().collect();
            let changed = others.len() != feed.list.len();
            feed.list = others;
            changed
        });
    }

    /// The producer's view, which tells of changes.
    pub(crate) fn watch(&self) -> watch::Receiver<Feed> {
        self.feed.subscribe()
    }

    /// Whom an event goes to: everyone who has not left by now.
    pub(crate) fn takers(&self) -> Vec<Taker> {
        // The admissions are taken under the lock of the list, so that whoever leaves sees them.
        let feed = self.feed.borrow();
        let taker = |orchestration: &Arc<Orchestration>| Taker {
            orchestration: orchestration.clone(),
            _admission: orchestration.admission(),
        };
        feed.list.iter().map(taker).collect()
    }

    /// Said by the producer before it enters `next`, and after it has left it.
    pub(crate) fn set_idle(&self, idle: bool) {
        self.idle.send_if_modified(|known| std::mem::replace(known, idle) != idle);
    }
}
