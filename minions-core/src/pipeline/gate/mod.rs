//! The intake gate of a pipeline: every reason not to take the next event is in one place, with who and since when.
//!
//! A [`Hold`] belongs to whoever knows of one thing that may be in the way: the quarantine of an orchestration, the health of
//! a resource, the memory of the process. It tells all gates that it is in the way of. A [`Gate`] only counts those that hold,
//! so that asking whether it is open is one load. The places of an orchestration come and go with every workflow; they are
//! asked for themselves, which costs as much.

mod everyone;
mod hold;
mod tell;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::reason::Wait;

pub(crate) use everyone::Holds;
pub(crate) use hold::Hold;
use tell::Told;
pub(super) use tell::{STAYS, Waiting};

/// One for each pipeline, over the life of its instances.
pub(crate) struct Gate {
    /// How many of the holds that it is behind are in the way.
    shut: AtomicUsize,
    holds: Mutex<Vec<Arc<Hold>>>,
    /// Told of every change from none to some and back.
    changed: Box<dyn Fn() + Send + Sync>,
    told: Told,
}

impl Gate {
    /// Open, and behind nothing yet.
    pub(super) fn new(changed: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        let changed = Box::new(changed);
        Arc::new(Self { shut: AtomicUsize::new(0), holds: Mutex::default(), changed, told: Told::default() })
    }

    /// Whether nothing is in the way.
    pub(super) fn is_open(&self) -> bool {
        self.shut.load(Ordering::Acquire) == 0
    }

    /// Everything that is in the way.
    pub(super) fn waits(&self) -> Vec<Wait> {
        let holds = self.holds.lock().clone();
        holds.iter().flat_map(|hold| hold.waits()).collect()
    }

    /// Puts it behind `holds`, and behind nothing else; each counts once, however often it is named.
    pub(super) fn stand_behind(self: &Arc<Self>, holds: impl IntoIterator<Item = Arc<Hold>>) {
        let mut now: Vec<Arc<Hold>> = Vec::new();
        for hold in holds {
            if !now.iter().any(|known| Arc::ptr_eq(known, &hold)) {
                now.push(hold);
            }
        }
        let before = {
            let mut holds = self.holds.lock();
            for hold in now.iter().filter(|hold| !contains(&holds, hold)) {
                hold.attach(self);
            }
            std::mem::replace(&mut *holds, now.clone())
        };
        for hold in before.iter().filter(|hold| !contains(&now, hold)) {
            hold.detach(self);
        }
        (self.changed)();
    }

    pub(super) fn told(&self) -> &Told {
        &self.told
    }

    /// A hold gets in the way, or out of it; called under the lock of that hold.
    fn shift(&self, is_held: bool) {
        if is_held {
            self.shut.fetch_add(1, Ordering::AcqRel);
        } else {
            self.shut.fetch_sub(1, Ordering::AcqRel);
        }
        (self.changed)();
    }
}

fn contains(holds: &[Arc<Hold>], hold: &Arc<Hold>) -> bool {
    holds.iter().any(|known| Arc::ptr_eq(known, hold))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::Reason;

    fn gate() -> (Arc<Gate>, Arc<AtomicUsize>) {
        let changes = Arc::new(AtomicUsize::new(0));
        let counted = changes.clone();
        let changed = move || {
            counted.fetch_add(1, Ordering::Relaxed);
        };
        (Gate::new(changed), changes)
    }

    fn paused() -> Vec<Wait> {
        vec![Wait::new(Reason::Paused, 17)]
    }

    #[test]
    fn a_gate_is_open_exactly_while_none_of_its_holds_is_in_the_way() {
        let ((gate, changes), hold, other) = (gate(), Arc::new(Hold::default()), Arc::new(Hold::default()));
        gate.stand_behind([hold.clone(), other.clone(), hold.clone()]);
        assert!(gate.is_open());
        hold.set(paused());
        other.set(paused());
        assert!(!gate.is_open());
        let before = changes.load(Ordering::Relaxed);
        hold.set(vec![Wait::new(Reason::Paused, 18)]);
        assert_eq!(changes.load(Ordering::Relaxed), before, "it was in the way before");
        assert_eq!(gate.waits().len(), 2);
        hold.clear();
        assert!(!gate.is_open());
        other.clear();
        assert!(gate.is_open() && gate.waits().is_empty());
    }

    #[test]
    fn what_holds_already_holds_a_gate_that_comes_later_and_no_gate_that_has_gone_elsewhere() {
        let ((gate, _), hold) = (gate(), Arc::new(Hold::default()));
        hold.set(paused());
        gate.stand_behind([hold.clone()]);
        assert!(!gate.is_open());
        gate.stand_behind([]);
        assert!(gate.is_open());
        hold.clear();
        hold.set(paused());
        assert!(gate.is_open());
        gate.stand_behind([hold.clone()]);
        drop(gate);
        hold.clear();
    }

    #[test]
    fn gates_that_come_and_go_while_a_hold_changes_are_never_left_shut() {
        let hold = Arc::new(Hold::default());
        std::thread::scope(|scope| {
            let changing = hold.clone();
            scope.spawn(move || {
                for _ in 0..2_000 {
                    changing.set(paused());
                    changing.clear();
                }
            });
            let ((gate, _), staying) = (gate(), hold.clone());
            scope.spawn(move || {
                for _ in 0..2_000 {
                    gate.stand_behind([staying.clone()]);
                    gate.stand_behind([]);
                    assert!(gate.is_open());
                }
            });
        });
    }
}
