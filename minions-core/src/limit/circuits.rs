//! Which circuits are open: told to whoever must not make more work for what fails.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::clock::now_ms;
use crate::reason::{Reason, Wait};

/// The circuits of a program's limits that are open. Cheap to clone.
///
/// Only the circuit of a whole limit is told here: one of a single key says nothing about the other keys.
///
/// A circuit counts as open until it may be tried again; whoever held work back until then lets it go on, because somebody
/// has to make the next call.
#[derive(Clone, Default)]
pub struct Circuits(Arc<Board>);

#[derive(Default)]
struct Board {
    open: Mutex<BTreeMap<(Arc<str>, Arc<str>), Open>>,
    /// Counts the changes.
    changes: watch::Sender<u64>,
}

struct Open {
    limit: Arc<str>,
    since_ms: i64,
    until: Instant,
}

impl Circuits {
    /// The open circuits of `resource`: empty if it works, or is worth a try.
    #[must_use]
    pub fn of(&self, resource: &str) -> Vec<Wait> {
        self.open_now(|name| name == resource)
    }

    /// All open circuits.
    #[must_use]
    pub fn all(&self) -> Vec<Wait> {
        self.open_now(|_| true)
    }

    /// Tells from now on when the answers of [`of`](Self::of) change.
    #[must_use]
    pub fn watch(&self) -> CircuitsWatch {
        CircuitsWatch { circuits: self.clone(), changes: self.0.changes.subscribe() }
    }

    /// The circuit of `resource.method` has opened, or has opened again.
    pub(crate) fn opened(&self, resource: &Arc<str>, method: &Arc<str>, until: Instant) {
        let mut open = self.0.open.lock();
        let known = open.entry((resource.clone(), method.clone())).or_insert_with(|| Open {
            limit: format!("{resource}.{method}").into(),
            since_ms: now_ms(),
            until,
        });
        known.until = until;
        drop(open);
        self.tell();
    }

    /// The circuit of `resource.method` has closed.
    pub(crate) fn closed(&self, resource: &Arc<str>, method: &Arc<str>) {
        let known = self.0.open.lock().remove(&(resource.clone(), method.clone()));
        if known.is_some() {
            self.tell();
        }
    }

    fn tell(&self) {
        self.0.changes.send_modify(|changes| *changes = changes.wrapping_add(1));
    }

    fn open_now(&self, which: impl Fn(&str) -> bool) -> Vec<Wait> {
        let (now, now_ms) = (Instant::now(), now_ms());
        let open = self.0.open.lock();
        let open = open.iter().filter(|((resource, _), open)| which(resource) && open.until > now);
        let waits = open.map(|(_, open)| {
            let left = open.until.duration_since(now).as_millis();
            let until_ms = now_ms.saturating_add(i64::try_from(left).unwrap_or(i64::MAX));
            Wait::new(Reason::Circuit { limit: open.limit.clone(), until_ms }, open.since_ms)
        });
        waits.collect()
    }

    /// When the next of those that are open may be tried again.
    fn next_try(&self) -> Option<Instant> {
        let now = Instant::now();
        self.0.open.lock().values().map(|open| open.until).filter(|until| *until > now).min()
    }
}

impl std::fmt::Debug for Circuits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.all()).finish()
    }
}

/// Hears of circuits that open, close, or may be tried again.
#[derive(Debug)]
pub struct CircuitsWatch {
    circuits: Circuits,
    changes: watch::Receiver<u64>,
}

impl CircuitsWatch {
    /// Waits until the answers of [`Circuits::of`] may have changed since the last call, or since it was made.
    ///
    /// # Cancel safety
    ///
    /// Safe: nothing is missed.
    pub async fn changed(&mut self) {
        let due = async {
            match self.circuits.next_try() {
                Some(due) => tokio::time::sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // The sender lives in `self`.
            _ = self.changes.changed() => {}
            () = due => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn p4_an_open_circuit_is_told_until_it_may_be_tried_again() {
        let circuits = Circuits::default();
        let (http, get): (Arc<str>, Arc<str>) = ("http".into(), "get".into());
        let mut watch = circuits.watch();
        circuits.opened(&http, &get, Instant::now() + Duration::from_secs(30));
        watch.changed().await;
        let open = circuits.of("http");
        assert!(matches!(&open[..], [Wait { reason: Reason::Circuit { limit, .. }, .. }] if &**limit == "http.get"));
        assert!(circuits.of("db").is_empty());
        let began = Instant::now();
        watch.changed().await;
        assert_eq!(began.elapsed().as_secs(), 30, "nobody closes it: the next call has to try");
        assert!(circuits.of("http").is_empty());
        circuits.closed(&http, &get);
        watch.changed().await;
        assert!(circuits.all().is_empty());
    }
}
