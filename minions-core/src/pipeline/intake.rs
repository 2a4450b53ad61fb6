//! What the instances of one pipeline share over the life of the process.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::error::{Error, Result};
use crate::store::StateStore;
use crate::telemetry::{EventLedger, Kept};

use super::cursor::Places;
use super::inlet::door;
use super::keys::Keys;
use super::{Delivery, Item};

/// One pipeline's ledger, positions and keys, and the events of it that are on their way to durability.
pub(crate) struct Intake {
    /// Whose keys and positions these are in the store.
    pub(crate) scope: Arc<str>,
    pub(crate) ledger: Kept<EventLedger>,
    pub(crate) places: Arc<Places>,
    keys: Mutex<Keys>,
    /// Always closed, so that it can be waited for; what is tracked is counted all the same.
    in_flight: TaskTracker,
    opened: Mutex<Option<Opened>>,
}

/// The runtime's side of one instance.
pub(crate) struct Opened {
    /// Which instance it is.
    pub(crate) instance: u64,
    pub(crate) requests: mpsc::Receiver<Delivery<Item>>,
}

/// The pipeline's side: what is injected into it.
#[derive(Clone)]
pub(crate) struct SourceSide {
    pub(crate) places: Arc<Places>,
    pub(crate) door: mpsc::Sender<Delivery<Item>>,
}

impl Intake {
    pub(crate) fn new(scope: Arc<str>) -> Self {
        let in_flight = TaskTracker::new();
        in_flight.close();
        Self {
            scope,
            ledger: Kept::default(),
            places: Arc::default(),
            keys: Mutex::default(),
            in_flight,
            opened: Mutex::default(),
        }
    }

    /// Opens the door of a new instance; an earlier one that is still about gets no number any more.
    pub(crate) fn open(&self) -> SourceSide {
        let (door, requests) = door();
        let instance = self.places.take_over();
        *self.opened.lock() = Some(Opened { instance, requests });
        SourceSide { places: self.places.clone(), door }
    }

    /// The runtime's side of the instance that was opened last; once.
    pub(crate) fn opened(&self) -> Option<Opened> {
        self.opened.lock().take()
    }

    /// Waits until what earlier instances gave is settled, then reads where the source is.
    ///
    /// # Errors
    ///
    /// When the store cannot be read: a source must not begin anew because of that.
    pub(crate) async fn restore(&self, store: &dyn StateStore) -> Result<()> {
        self.in_flight.wait().await;
        if store.keeps() {
            let stored = store.cursors(self.scope.clone()).await;
            self.places.restore(
                stored.map_err(|error| Error::new(error).context("the cursor of the pipeline cannot be read"))?,
            );
        }
        Ok(())
    }

    /// Lies in an event that is on its way to durability.
    pub(crate) fn in_flight(&self) -> TaskTrackerToken {
        self.in_flight.token()
    }

    /// Remembers a key without a store; false if it is known already.
    pub(crate) fn admit_key(&self, key: &Arc<str>, now_ms: i64, until_ms: i64) -> bool {
        self.keys.lock().admit(key, now_ms, until_ms)
    }
}
