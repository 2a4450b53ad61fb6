//! What the system has told of the tree and nobody has taken up yet.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// Gathers changes; many at one path are one.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pending: Mutex<Pending>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct Pending {
    paths: HashSet<String>,
    everything: bool,
    closed: bool,
}

/// What is to be done about them.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Something happened at these paths.
    At(Vec<String>),
    /// Notifications were lost; everything has to be gone through.
    Everything,
    /// Nobody wants to know any more.
    Closed,
}

/// With more paths than that, going through everything costs less than remembering them.
const MOST: usize = 100_000;

impl Changes {
    pub(super) fn add(&self, path: String) {
        let mut pending = self.pending.lock();
        if pending.paths.len() < MOST {
            pending.paths.insert(path);
        } else {
            pending.everything = true;
        }
        drop(pending);
        self.arrived.notify_all();
    }

    pub(super) fn add_everything(&self) {
        self.pending.lock().everything = true;
        self.arrived.notify_all();
    }

    pub(super) fn close(&self) {
        self.pending.lock().closed = true;
        self.arrived.notify_all();
    }

    /// The paths so far, without waiting; nothing while everything has to be gone through anyway.
    pub(super) fn take(&self) -> Vec<String> {
        let mut pending = self.pending.lock();
        if pending.everything { Vec::new() } else { pending.paths.drain().collect() }
    }

    /// Waits for a change, and `settle` longer for those that come with it; after `at_most` without one, everything is
    /// to be gone through.
    pub(super) fn wait(&self, settle: Duration, at_most: Option<Duration>) -> Change {
        let mut pending = self.pending.lock();
        let give_up = at_most.map(|at_most| Instant::now() + at_most);
        while pending.is_empty() {
            match give_up {
                Some(give_up) if self.arrived.wait_until(&mut pending, give_up).timed_out() => {
                    pending.everything = true;
                }
                Some(_) => {}
                None => self.arrived.wait(&mut pending),
            }
        }
        let settled = Instant::now() + settle;
        while !pending.closed && !self.arrived.wait_until(&mut pending, settled).timed_out() {}
        if pending.closed {
            return Change::Closed;
        }
        let paths = std::mem::take(&mut pending.paths);
        if std::mem::take(&mut pending.everything) {
            Change::Everything
        } else {
            Change::At(paths.into_iter().collect())
        }
    }
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.paths.is_empty() && !self.everything && !self.closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(1);

    #[test]
    fn many_changes_at_a_path_are_one() {
        let changes = Changes::default();
        changes.add("a".into());
        changes.add("a".into());
        assert_eq!(changes.wait(SOON, None), Change::At(vec!["a".into()]));
        assert!(changes.take().is_empty());
    }

    #[test]
    fn a_flood_or_a_lost_notification_means_everything() {
        let changes = Changes::default();
        for path in 0..=MOST {
            changes.add(path.to_string());
        }
        assert!(changes.take().is_empty());
        assert_eq!(changes.wait(SOON, None), Change::Everything);
        changes.add_everything();
        assert_eq!(changes.wait(SOON, None), Change::Everything);
        assert_eq!(changes.wait(SOON, Some(SOON)), Change::Everything);
    }

    #[test]
    fn a_waiting_thread_hears_of_the_end() {
        let changes = std::sync::Arc::new(Changes::default());
        let waiting = std::thread::spawn({
            let changes = changes.clone();
            move || changes.wait(Duration::from_secs(60), None)
        });
        changes.close();
        assert_eq!(waiting.join().unwrap(), Change::Closed);
    }
}
