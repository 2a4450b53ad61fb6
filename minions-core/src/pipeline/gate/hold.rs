//! One thing that may be in the way of pipelines.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::clock::now_ms;
use crate::reason::{Reason, Wait};

use super::Gate;

/// What may be in the way, shared by the gates behind it, and changed by whoever knows.
#[derive(Default)]
pub(crate) struct Hold(Mutex<State>);

#[derive(Default)]
struct State {
    waits: Vec<Wait>,
    gates: Vec<Weak<Gate>>,
}

impl Hold {
    /// Replaces what is in the way; nothing is, if it is empty.
    pub(crate) fn set(&self, waits: Vec<Wait>) {
        self.change(|_| waits);
    }

    /// Says that `reason` is in the way, since something first was.
    pub(crate) fn because(&self, reason: Reason) {
        self.change(|before| {
            let since_ms = before.first().map_or_else(now_ms, |wait| wait.since_ms);
            vec![Wait::new(reason, since_ms)]
        });
    }

    /// Nothing is in the way any more.
    pub(crate) fn clear(&self) {
        self.set(Vec::new());
    }

    pub(crate) fn waits(&self) -> Vec<Wait> {
        self.0.lock().waits.clone()
    }

    pub(crate) fn is_held(&self) -> bool {
        !self.0.lock().waits.is_empty()
    }

    fn change(&self, change: impl FnOnce(&[Wait]) -> Vec<Wait>) {
        let mut state = self.0.lock();
        let waits = change(&state.waits);
        let (before, now) = (!state.waits.is_empty(), !waits.is_empty());
        state.waits = waits;
        if before != now {
            // Under the lock, so that a gate that comes or goes meanwhile counts it once or not at all.
            state.gates.iter().filter_map(Weak::upgrade).for_each(|gate| gate.shift(now));
        }
    }

    pub(super) fn attach(&self, gate: &Arc<Gate>) {
        let mut state = self.0.lock();
        state.gates.retain(|gate| gate.strong_count() > 0);
        state.gates.push(Arc::downgrade(gate));
        if !state.waits.is_empty() {
            gate.shift(true);
        }
    }

    pub(super) fn detach(&self, gate: &Arc<Gate>) {
        let mut state = self.0.lock();
        state.gates.retain(|known| known.as_ptr() != Arc::as_ptr(gate));
        if !state.waits.is_empty() {
            gate.shift(false);
        }
    }
}
