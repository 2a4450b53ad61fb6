//! A latch that the test holds inside a step, a hook or a store.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// Closed until it is opened; then open for good.
#[derive(Clone)]
pub(crate) struct Gate {
    arrived: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self { arrived: Arc::new(Semaphore::new(0)), open: Arc::new(Semaphore::new(0)) }
    }

    /// Called by what is held: says that it is there, then waits for the test.
    pub(crate) async fn pass(&self) {
        self.arrived.add_permits(1);
        let _open = self.open.acquire().await.expect("never closed");
    }

    /// Waits until `count` more have come to the gate.
    pub(crate) async fn arrivals(&self, count: u32) {
        self.arrived.acquire_many(count).await.expect("never closed").forget();
    }

    pub(crate) fn open(&self) {
        self.open.add_permits(Semaphore::MAX_PERMITS >> 3);
    }
}
