//! What a running step has asked for, to be done with the checkpoint that follows it.

use std::fmt;

use parking_lot::Mutex;

use crate::minion::Emission;
use crate::pipeline::Item;
use crate::store::Work;

/// Collects while a step runs; taken when it has succeeded, forgotten when it has not.
#[derive(Default)]
pub(crate) struct Pending {
    asked: Mutex<Asked>,
}

/// What one step asked for.
#[derive(Default)]
pub(crate) struct Asked {
    pub(crate) emits: Vec<Emission>,
    pub(crate) work: Vec<Work>,
}

impl Pending {
    /// Adds an event; answers which one it is.
    pub(crate) fn emit(&self, item: Item) -> usize {
        let mut asked = self.asked.lock();
        asked.emits.push(Emission::new(item));
        asked.emits.len() - 1
    }

    /// Says more about an event. One that is gone with its step is not changed any more.
    pub(crate) fn change(&self, index: usize, change: impl FnOnce(&mut Emission)) {
        if let Some(emission) = self.asked.lock().emits.get_mut(index) {
            change(emission);
        }
    }

    /// The events of type `E` so far.
    pub(crate) fn emitted<E: Clone + 'static>(&self) -> Vec<E> {
        let asked = self.asked.lock();
        asked.emits.iter().filter_map(|emission| emission.item.event.downcast_ref().cloned()).collect()
    }

    pub(crate) fn work(&self, work: Work) {
        self.asked.lock().work.push(work);
    }

    pub(crate) fn take(&self) -> Asked {
        std::mem::take(&mut self.asked.lock())
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asked = self.asked.lock();
        f.debug_struct("Pending").field("emits", &asked.emits.len()).field("work", &asked.work).finish()
    }
}
