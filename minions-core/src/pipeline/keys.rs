//! The keys of a pipeline without a store that keeps them: in memory, of bounded number.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

/// Beyond this the oldest keys are forgotten before their time.
const MOST: usize = 100_000;

/// Keys that were admitted, and until when each makes an equal one a duplicate.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    known: HashSet<Arc<str>>,
    /// In the order in which they are forgotten: all of one pipeline are kept for the same time.
    order: VecDeque<(i64, Arc<str>)>,
}

impl Keys {
    /// Remembers a key; false if it is known already.
    pub(crate) fn admit(&mut self, key: &Arc<str>, now_ms: i64, until_ms: i64) -> bool {
        while self.order.front().is_some_and(|(until, _)| *until <= now_ms) {
            self.forget();
        }
        if self.known.contains(key) {
            return false;
        }
        if self.order.len() >= MOST {
            self.forget();
        }
        self.known.insert(key.clone());
        self.order.push_back((until_ms, key.clone()));
        true
    }

    fn forget(&mut self) {
        if let Some((_, key)) = self.order.pop_front() {
            self.known.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_forgotten_after_their_time_and_beyond_their_number() {
        let mut keys = Keys::default();
        let key = |number: usize| Arc::from(number.to_string());
        assert!(keys.admit(&key(0), 0, 10));
        assert!(!keys.admit(&key(0), 9, 19), "it is known until 10");
        assert!(keys.admit(&key(0), 10, 20));
        for number in 1..MOST {
            assert!(keys.admit(&key(number), 11, 21));
        }
        assert!(!keys.admit(&key(MOST - 1), 11, 21));
        assert!(keys.admit(&key(MOST), 11, 21) && keys.admit(&key(0), 11, 21), "the oldest has made room");
        assert_eq!((keys.known.len(), keys.order.len()), (MOST, MOST));
    }
}
