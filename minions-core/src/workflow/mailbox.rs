//! Signals of workflows that no store keeps: they wait in memory, as their workflows do.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::clock::now_ms;
use crate::store::{Applied, Wait};

use super::WorkflowId;

type Payload = Arc<[u8]>;

/// What has come for workflows, and waits to be seen.
#[derive(Default)]
pub(crate) struct Mailbox {
    /// What each signal says, by workflow and name.
    kept: Mutex<HashMap<(WorkflowId, String), Payload>>,
    arrived: Notify,
}

impl Mailbox {
    /// Keeps a signal until it is waited for; one of that name that is kept already stays.
    pub(crate) fn put(&self, id: WorkflowId, name: String, payload: Vec<u8>) -> Applied {
        let mut kept = self.kept.lock();
        if kept.contains_key(&(id, name.clone())) {
            return Applied::Duplicate;
        }
        kept.insert((id, name), payload.into());
        drop(kept);
        self.arrived.notify_waiters();
        Applied::Done
    }

    /// Forgets what has come for a workflow that is gone.
    pub(crate) fn forget(&self, id: WorkflowId) {
        let mut kept = self.kept.lock();
        if !kept.is_empty() {
            kept.retain(|(of, _), _| *of != id);
        }
    }

    /// Waits as `wait` says; answers what the signal says if it came.
    pub(crate) async fn wait(&self, id: WorkflowId, wait: &Wait) -> Option<Arc<[u8]>> {
        let over = async {
            while let Some(left) = wait.until_ms.checked_sub(now_ms()).filter(|left| *left > 0) {
                // In bounded pieces, because the time of day may be set, and because timers have a longest time.
                tokio::time::sleep(Duration::from_millis(left.unsigned_abs()).min(Duration::from_secs(3600))).await;
            }
        };
        let Some(name) = &wait.signal else {
            over.await;
            return None;
        };
        let key = (id, name.clone().into_owned());
        let signal = async {
            loop {
                let mut arrived = std::pin::pin!(self.arrived.notified());
                arrived.as_mut().enable();
                if let Some(payload) = self.kept.lock().remove(&key) {
                    return payload;
                }
                arrived.await;
            }
        };
        tokio::select! {
            biased;
            payload = signal => Some(payload),
            () = over => None,
        }
    }
}
