//! A program whose steps and sources do what the test says.

pub(crate) mod careful;
pub(crate) mod sources;
pub(crate) mod stage;
pub(crate) mod stale;
mod worker;

pub(crate) use worker::{Job, Poison, Script, Worker, old::OldWorker};

use minions_core::store::{Filter, MemoryStore, StateStore, StoredWorkflow};
use minions_core::testing::{Events, Source};
use minions_core::{Gru, GruBuilder};

/// The jobs of these numbers, and then the end.
pub(crate) fn jobs(numbers: impl IntoIterator<Item = u64>) -> Events<Job> {
    Events::all(numbers.into_iter().map(|number| Job { number }))
}

/// The id of the only orchestration of [`program`].
pub(crate) const ID: &str = "source/worker";

/// A pipeline of jobs.
pub(crate) type Feed = Source<Job>;

/// `Source => Worker`, which does what `script` says.
pub(crate) fn program(events: &Events<Job>, script: Script) -> GruBuilder {
    Gru::builder().orchestrate::<Feed, Worker>().provide(events.source()).provide(script)
}

/// Every row of `store`.
pub(crate) async fn rows(store: &MemoryStore) -> Vec<StoredWorkflow> {
    store.scan(Filter::all(), usize::MAX).await.expect("memory can be read")
}

/// Waits until `holds`; a test that waits for ever fails by the deadline.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
    while !holds().await {
        assert!(tokio::time::Instant::now() < deadline, "waited ten seconds for: {what}");
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}
