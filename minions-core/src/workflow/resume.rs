//! Takes up the workflows of an orchestration that were awake when an earlier run ended, a page at a time, at its own
//! concurrency. Those that rest are the waker's.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tracing::warn;

use crate::backoff::Backoff;
use crate::store::{Filter, Status, StoreError, StoredWorkflow};

use super::WorkflowId;
use super::load::{Woken, wake};
use super::orchestration::Orchestration;
use super::page::PageSize;
use super::recovery;

/// What is left of an orchestration's earlier runs.
pub(crate) struct Backlog {
    /// Workflows above it belong to this run and are awake already.
    up_to: WorkflowId,
    /// Workflows of an earlier run in this process that would not end, and are not to run twice at the same time.
    awake: HashSet<WorkflowId>,
}

impl Backlog {
    /// Reads one row, so that a store that cannot be read fails the start instead of looking empty. No more than that: the
    /// first one that was awake may lie behind a million that sleep, and the start does not wait for them.
    pub(crate) async fn open(orchestration: &Orchestration) -> Result<Self, StoreError> {
        let up_to = orchestration.engine.ids.last();
        // Before the first page is read: one that ends in between is read as it was, but waited for.
        let awake = orchestration.engine.left_behind(&orchestration.id);
        orchestration.engine.store.scan(Filter::all(), 1).await?;
        Ok(Self { up_to, awake })
    }

    /// Wakes everything, as room becomes free.
    pub(crate) async fn resume(self, orchestration: Arc<Orchestration>) {
        if orchestration.engine.recovery.is_under_way() && !recovery::clear(&orchestration).await {
            return;
        }
        let (mut after, mut size) = (None, PageSize::default());
        loop {
            let Some(page) = next_page(&orchestration, after, self.up_to, size.rows()).await else { return };
            size.learn(&page);
            after = page.last().map(|row| row.id);
            if after.is_none() {
                break;
            }
            orchestration.engine.take_up(&page).await;
            for row in page {
                // One that was woken since may have gone on, or ended, after this page was read.
                if self.awake.contains(&row.id) || orchestration.taken_up.contains(row.id) {
                    continue;
                }
                match wake(&orchestration, row).await {
                    Woken::Up => orchestration.boot.resumed(),
                    Woken::SetAside => {}
                    Woken::Stopped => return,
                }
            }
        }
        for id in self.awake {
            match wake_later(&orchestration, id).await {
                Woken::Up => orchestration.boot.resumed(),
                Woken::SetAside => {}
                Woken::Stopped => return,
            }
        }
        orchestration.taken_up.close();
        orchestration.boot_is_complete();
    }
}

/// Waits until it is known what came of everything that earlier runs in this process have handed over to the store, which may
/// hang: a row that is read before may not be the last one, and an event may not be there yet. False if the orchestration
/// stops first.
pub(crate) async fn settled(orchestration: &Orchestration) -> bool {
    let engine = &orchestration.engine;
    if engine.may_be_on_its_way(&orchestration.id) {
        if !behind_a_barrier(orchestration).await {
            return false;
        }
        engine.has_arrived(&orchestration.id);
    }
    true
}

/// Waits until everything that was queued before is answered, however long the store fails; false if the orchestration stops.
async fn behind_a_barrier(orchestration: &Orchestration) -> bool {
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
    loop {
        let answered = tokio::select! {
            () = orchestration.stopping.cancelled() => return false,
            answered = orchestration.engine.barrier() => answered,
        };
        let Err(error) = answered else { return true };
        warn!(orchestration = &*orchestration.id, %error, "the store fails; what it has last is not known yet");
        tokio::select! {
            () = orchestration.stopping.cancelled() => return false,
            () = tokio::time::sleep(backoff.next()) => {}
        }
    }
}

/// Waits until a workflow of the earlier run has ended, then wakes it as it is stored by then.
async fn wake_later(orchestration: &Arc<Orchestration>, id: WorkflowId) -> Woken {
    while orchestration.engine.left_behind(&orchestration.id).contains(&id) {
        tokio::select! {
            () = orchestration.parked() => return Woken::Stopped,
            () = tokio::time::sleep(Duration::from_millis(100)) => {}
        }
    }
    // What it handed over last is written before it is read again, or its last step would run twice.
    if !behind_a_barrier(orchestration).await {
        return Woken::Stopped;
    }
    // If it rests by now, the reader of what is due has passed over it, and the one that it told of it is gone.
    orchestration.waker.note(i64::MIN);
    match next_page(orchestration, Some(id.predecessor()), id, 1).await {
        Some(rows) => match rows.into_iter().next() {
            Some(row) => wake(orchestration, row).await,
            None => {
                leave_lane(orchestration, id).await;
                Woken::SetAside
            }
        },
        None => Woken::Stopped,
    }
}

/// Whoever was told that it has ended is gone, so its lane learns of it here.
async fn leave_lane(orchestration: &Orchestration, id: WorkflowId) {
    let has_left = match orchestration.stored(id).await {
        Some(None) => true,
        Some(Some(row)) => row.status == Status::Quarantined && !orchestration.lanes.holds(),
        None => false,
    };
    if has_left {
        orchestration.lanes.lost(id);
    }
}

async fn page(
    orchestration: &Orchestration,
    after: Option<WorkflowId>,
    up_to: WorkflowId,
    rows: usize,
) -> Result<Vec<StoredWorkflow>, StoreError> {
    let mut filter = Filter::all().orchestration(&*orchestration.id).status(Status::Running).rests(false).up_to(up_to);
    filter.after = after;
    orchestration.engine.store.scan(filter, rows).await
}

/// Reads on however long the store fails; nothing only if the orchestration stops.
async fn next_page(
    orchestration: &Orchestration,
    after: Option<WorkflowId>,
    up_to: WorkflowId,
    rows: usize,
) -> Option<Vec<StoredWorkflow>> {
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
    loop {
        match page(orchestration, after, up_to, rows).await {
            Ok(page) => return Some(page),
            Err(error) => {
                let cause: &dyn std::error::Error = &error;
                warn!(
                    orchestration = &*orchestration.id,
                    error = cause,
                    "unfinished workflows cannot be read; trying again"
                );
            }
        }
        tokio::select! {
            () = orchestration.stopping.cancelled() => return None,
            () = tokio::time::sleep(backoff.next()) => {}
        }
    }
}
