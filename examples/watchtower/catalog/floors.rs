//! Stamps below which a look is out of date, whatever it saw.

use std::collections::HashMap;

/// The floor of each path, and of everything below it; the root is the empty path.
#[derive(Debug, Default)]
pub(super) struct Floors(HashMap<String, u64>);

impl Floors {
    /// Looks at and below `path` from before `stamp` are out of date from now on.
    pub(super) fn raise(&mut self, path: &str, stamp: u64) {
        if path.is_empty() {
            self.0.retain(|_, floor| *floor > stamp);
        }
        let floor = self.0.entry(path.to_owned()).or_default();
        *floor = stamp.max(*floor);
    }

    /// The floor that counts for `path`.
    pub(super) fn of(&self, path: &str) -> u64 {
        let above = path.match_indices('/').map(|(at, _)| &path[..at]);
        [""].into_iter().chain(above).chain([path]).filter_map(|part| self.0.get(part)).copied().max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_floor_holds_for_what_lies_below_and_nothing_else() {
        let mut floors = Floors::default();
        floors.raise("a/b", 7);
        let stamps = ["a", "a/b", "a/b/c/d", "a/bc", "b"].map(|path| floors.of(path));
        assert_eq!(stamps, [0, 7, 7, 0, 0]);
    }

    #[test]
    fn a_floor_is_never_lowered_and_the_root_replaces_what_is_below_it() {
        let mut floors = Floors::default();
        floors.raise("a", 7);
        floors.raise("a", 5);
        floors.raise("b", 9);
        floors.raise("", 8);
        assert_eq!(["a", "b", "c"].map(|path| floors.of(path)), [8, 9, 8]);
        assert_eq!(floors.0.len(), 2);
    }
}
