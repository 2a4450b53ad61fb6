//! The keys that something is known of, each in a numbered place; idle ones are forgotten.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;

use super::meter::Meter;

/// One key, and the calls of it that wait.
#[derive(Debug)]
pub(super) struct Key<W> {
    pub(super) name: Arc<str>,
    pub(super) meter: Meter,
    /// In the order of their numbers.
    pub(super) waiting: VecDeque<(u64, W)>,
    pub(super) place: Place,
}

/// Where a key is among the keys that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It is not: no call of it waits.
    Idle,
    /// In the circle. Its calls may have gone meanwhile.
    Circle,
    /// It waits for this time.
    Timed(u64),
    /// It waits until one of its calls has ended.
    Full,
}

/// Keys by name and by number.
#[derive(Debug)]
pub(super) struct Keys<W> {
    numbers: HashMap<Arc<str>, u32>,
    slots: Vec<Option<Key<W>>>,
    /// The lowest first, so that the end of the slots becomes free and goes.
    free: BinaryHeap<Reverse<u32>>,
    hand: usize,
}

impl<W> Keys<W> {
    pub(super) fn new() -> Self {
        Self { numbers: HashMap::new(), slots: Vec::new(), free: BinaryHeap::new(), hand: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    pub(super) fn find(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    pub(super) fn insert(&mut self, name: &str) -> u32 {
        let name: Arc<str> = name.into();
        let key = Key { name: name.clone(), meter: Meter::default(), waiting: VecDeque::new(), place: Place::Idle };
        let free = self.free.pop().map(|Reverse(number)| number).filter(|number| (*number as usize) < self.slots.len());
        let number = match free {
            Some(number) => {
                self.slots[number as usize] = Some(key);
                number
            }
            None => {
                // If there was one, it and all others lie beyond the end.
                self.free.clear();
                self.slots.push(Some(key));
                u32::try_from(self.slots.len() - 1).expect("there are at most as many keys as a `u32` can count")
            }
        };
        self.numbers.insert(name, number);
        number
    }

    /// The key of this number, which somebody holds or waits for.
    pub(super) fn get(&mut self, number: u32) -> &mut Key<W> {
        self.slots[number as usize].as_mut().expect("a key that is in use is not forgotten")
    }

    pub(super) fn peek(&self, number: u32) -> Option<&Key<W>> {
        self.slots.get(number as usize)?.as_ref()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = u32> + use<W> {
        0..u32::try_from(self.slots.len()).unwrap_or(u32::MAX)
    }

    /// Looks at the next few keys, and forgets those that are idle.
    pub(super) fn sweep(&mut self, steps: usize, is_idle: impl Fn(&Key<W>) -> bool) {
        for _ in 0..steps.min(self.slots.len()) {
            let at = self.hand.checked_sub(1).unwrap_or(self.slots.len() - 1).min(self.slots.len() - 1);
            self.hand = at;
            if self.slots[at].as_ref().is_some_and(&is_idle) {
                self.forget(at);
                if self.slots.is_empty() {
                    return;
                }
            }
        }
    }

    fn forget(&mut self, at: usize) {
        let Some(key) = self.slots[at].take() else { return };
        self.numbers.remove(&key.name);
        self.free.push(Reverse(u32::try_from(at).expect("it was a number")));
        while let Some(None) = self.slots.last() {
            self.slots.pop();
        }
        let slots = self.slots.len();
        if slots == 0 || self.free.len() > slots.max(FEW) {
            self.free.retain(|Reverse(free)| (*free as usize) < slots);
        }
        if self.numbers.capacity() > FEW && self.numbers.len() < self.numbers.capacity() / 4 {
            self.numbers.shrink_to(self.numbers.len() * 2);
            self.slots.shrink_to(slots * 2);
            self.free.shrink_to(self.free.len() * 2);
        }
    }
}

/// So little memory that it is not worth giving back.
const FEW: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgotten_keys_leave_no_memory_behind() {
        let mut keys: Keys<()> = Keys::new();
        for number in 0..10_000_u32 {
            assert_eq!(keys.insert(&number.to_string()), number);
        }
        keys.get(7).place = Place::Full;
        for _ in 0..2 {
            keys.sweep(10_000, |key| key.place == Place::Idle);
        }
        assert_eq!((keys.len(), keys.slots.len()), (1, 8));
        assert!(keys.numbers.capacity() < 200 && keys.slots.capacity() < 200 && keys.free.len() < 200);
        assert_eq!((keys.find("7"), keys.find("8")), (Some(7), None));
        assert_eq!(keys.insert("again"), 0, "the lowest number");
        keys.get(7).place = Place::Idle;
        keys.sweep(100, |_| true);
        assert_eq!((keys.len(), keys.slots.len(), keys.free.len()), (0, 0, 0));
        assert_eq!(keys.insert("at last"), 0);
    }
}
