//! Whom a pipeline feeds: orchestrations come and go while it produces, and no event falls between two of them.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::reason::{Reason, Wait};
use crate::workflow::Orchestration;

use super::gate::{Gate, Hold};

/// The orchestrations of one pipeline, and the gate in front of it.
///
/// It outlives the instances of the pipeline: one that is started again feeds whom the last one fed.
pub(crate) struct Subscribers {
    feed: Arc<watch::Sender<Feed>>,
    /// What is in the way of events, beside the places of the orchestrations; tells of changes through the feed.
    gate: Arc<Gate>,
    /// In the way while an operator wants it so.
    paused: Arc<Hold>,
    /// What may be in the way of every pipeline of the program.
    everyone: Vec<Arc<Hold>>,
    /// Held while the list changes, so that the gate stands behind what the last change says.
    changing: Mutex<()>,
    /// Whether nobody is inside `next`, so that no event can come any more.
    idle: watch::Sender<bool>,
}

/// What the producer looks at before each event.
#[derive(Clone, Default)]
pub(crate) struct Feed {
    pub(crate) list: Arc<[Arc<Orchestration>]>,
    /// Asked to let go of `next`, because whoever is left is leaving.
    pub(crate) halted: bool,
    /// Whether there ever was somebody.
    joined: bool,
}

impl Feed {
    /// Whether there is somebody to take events for.
    pub(crate) fn flows(&self) -> bool {
        !self.halted && !self.list.is_empty()
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
    /// `everyone` is what may be in the way of every pipeline of the program.
    pub(crate) fn new(everyone: Vec<Arc<Hold>>) -> Self {
        let feed = Arc::new(watch::Sender::new(Feed::default()));
        let told = feed.clone();
        let this = Self {
            gate: Gate::new(move || told.send_modify(|_| {})),
            paused: Arc::default(),
            feed,
            everyone,
            changing: Mutex::default(),
            idle: watch::Sender::new(true),
        };
        this.arrange();
        this
    }

    /// Adds orchestrations, which get the same events from the first one on.
    pub(crate) fn join(&self, new: impl IntoIterator<Item = Arc<Orchestration>>) {
        let _changing = self.changing.lock();
        self.feed.send_modify(|feed| {
            feed.list = feed.list.iter().cloned().chain(new).collect();
            feed.halted = false;
            feed.joined = true;
        });
        self.arrange();
    }

    /// Puts the gate behind everything that may be in the way now.
    fn arrange(&self) {
        let list = self.list();
        let shared = self.everyone.iter().cloned().chain([self.paused.clone()]);
        self.gate.stand_behind(shared.chain(list.iter().flat_map(|orchestration| orchestration.holds())));
    }

    /// Asks the producer to let go of `next` and to take nothing until somebody joins.
    pub(crate) fn halt(&self) {
        self.feed.send_if_modified(|feed| !std::mem::replace(&mut feed.halted, true));
    }

    pub(crate) fn set_paused(&self, paused: bool) {
        if paused {
            self.paused.because(Reason::Paused);
        } else {
            self.paused.clear();
        }
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused.is_held()
    }

    pub(super) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Why no event is taken; empty if events may be.
    pub(crate) fn waits_for(&self) -> Vec<Wait> {
        let list = self.list();
        let full = list.iter().filter_map(|subscriber| subscriber.places.wait());
        self.gate.waits().into_iter().chain(full).collect()
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
        let _changing = self.changing.lock();
        self.feed.send_if_modified(|feed| {
            let others: Arc<[_]> =
                feed.list.iter().filter(|other| !Arc::ptr_eq(other, orchestration)).cloned().collect();
            let changed = others.len() != feed.list.len();
            feed.list = others;
            changed
        });
        self.arrange();
    }

    /// The producer's view, which tells of changes.
    pub(crate) fn watch(&self) -> watch::Receiver<Feed> {
        self.feed.subscribe()
    }

    /// Whom an event goes to: everyone who has not left by now, each as what `make` makes of it.
    pub(crate) fn takers<T>(&self, make: impl Fn(Taker) -> T) -> Vec<T> {
        // The admissions are taken under the lock of the list, so that whoever leaves sees them.
        let feed = self.feed.borrow();
        let taker = |orchestration: &Arc<Orchestration>| Taker {
            orchestration: orchestration.clone(),
            _admission: orchestration.admission(),
        };
        feed.list.iter().map(taker).map(make).collect()
    }

    /// Said by the producer before it enters `next`, and after it has left it.
    pub(crate) fn set_idle(&self, idle: bool) {
        // It is said far more often than it changes.
        if *self.idle.borrow() != idle {
            self.idle.send_replace(idle);
        }
    }
}
