//! A program whose steps and sources do what the test says.

mod faulty;
mod feed;
mod gate;
mod worker;

pub(crate) use faulty::FaultyStore;
pub(crate) use feed::{Feed, Feeder};
pub(crate) use gate::Gate;
pub(crate) use worker::{Job, Poison, Script, Worker, old::OldWorker};

use minions_core::store::{Filter, MemoryStore, StateStore, StoredWorkflow};
use minions_core::{Gru, GruBuilder};

/// The id of the only orchestration of [`program`].
pub(crate) const ID: &str = "feed/worker";

/// `Feed => Worker`, which does what `script` says.
pub(crate) fn program(feeder: &Feeder, script: Script) -> GruBuilder {
    Gru::builder().orchestrate::<Feed, Worker>().provide(feeder.source()).provide(script)
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
