//! How many are before the workflows of a list in their lanes, without counting anew for each of them.

use std::collections::HashMap;

use crate::store::{Filter, Status};

/// Counts along a list, which is in the order of identities.
///
/// A lane may be as long as a list: counted for each of its workflows from its beginning, it would be gone through as often as
/// it is long.
pub(super) struct Ahead {
    /// Whether the list leaves out none of those that wait between two that it has.
    is_whole: bool,
    /// How many are before the next one of a lane, by orchestration and key.
    next: HashMap<String, HashMap<String, u64>>,
}

impl Ahead {
    /// For what `filter` lets through.
    pub(super) fn along(filter: &Filter) -> Self {
        let Filter { only, status, rests, step, event, deaths, .. } = filter;
        let is_whole = only.is_none() && rests.is_none() && step.is_none() && event.is_none() && deaths.is_none();
        let is_whole = is_whole && matches!(status, None | Some(Status::Waiting));
        Self { is_whole, next: HashMap::new() }
    }

    /// For one that is looked at alone.
    pub(super) fn alone() -> Self {
        Self { is_whole: false, next: HashMap::new() }
    }

    /// How many are before the next one of a lane, if that follows from the last one.
    pub(super) fn known(&self, orchestration: &str, lane: &str) -> Option<u64> {
        self.next.get(orchestration)?.get(lane).copied()
    }

    /// One that waits in a lane has so many before it.
    pub(super) fn note(&mut self, orchestration: &str, lane: &str, ahead: u64) {
        if !self.is_whole {
            return;
        }
        if !self.next.contains_key(orchestration) {
            self.next.insert(orchestration.to_owned(), HashMap::new());
        }
        if let Some(lanes) = self.next.get_mut(orchestration) {
            lanes.insert(lane.to_owned(), ahead + 1);
        }
    }
}
