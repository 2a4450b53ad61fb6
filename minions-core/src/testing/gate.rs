//! [`Gate`]: holds a step, a hook or a source where a test wants it.

use std::sync::Arc;

use tokio::sync::{Semaphore, watch};

/// A latch that the test holds: whoever comes to it waits until the test opens it.
///
/// A test that would sleep "long enough" waits for [`arrivals`](Self::arrivals) instead. Clones are the same gate.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// use minions_core::testing::Gate;
///
/// let gate = Gate::new();
/// let step = tokio::spawn({
///     let gate = gate.clone();
///     async move { gate.pass().await }
/// });
/// gate.arrivals(1).await; // now it certainly is inside the step
/// gate.open();
/// step.await.unwrap();
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Gate {
    arrived: Arc<Semaphore>,
    open: watch::Sender<bool>,
}

impl Gate {
    /// A closed gate.
    #[must_use]
    pub fn new() -> Self {
        Self { arrived: Arc::new(Semaphore::new(0)), open: watch::Sender::new(false) }
    }

    /// Called by what is held: says that it is there, then waits until the gate is open.
    ///
    /// # Cancel safety
    ///
    /// Safe; the arrival stays counted.
    pub async fn pass(&self) {
        self.arrived.add_permits(1);
        let mut open = self.open.subscribe();
        // An error would mean that the gate is gone, and then nobody holds anybody.
        let _ = open.wait_for(|open| *open).await;
    }

    /// Waits until `count` more have come to the gate than earlier calls have waited for.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn arrivals(&self, count: u32) {
        self.arrived.acquire_many(count).await.expect("the semaphore is never closed").forget();
    }

    /// Lets through whoever waits, and whoever comes later.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// Holds whoever comes from now on.
    pub fn close(&self) {
        self.open.send_replace(false);
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}
