//! What somebody else does to stored workflows while an orchestration wakes them.
//!
//! Whoever wakes workflows reads a page of them and comes to each later. One that was taken away meanwhile must not run
//! because it is still on the page: it is noted as gone, under the same turn that waking takes, until the next page is read.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::MutexGuard;

use crate::reason::Wait;

use super::orchestration::Orchestration;
use super::{Engine, WorkflowId};

/// Whose turn it is: of somebody who wakes a workflow, or of somebody who takes one away.
#[derive(Default)]
pub(crate) struct Waking {
    turn: tokio::sync::Mutex<()>,
    gone: Mutex<HashSet<WorkflowId>>,
}

impl Waking {
    /// Keeps everybody else from waking a workflow or taking one away.
    ///
    /// # Cancel safety
    ///
    /// Safe; the place in the queue is lost.
    pub(crate) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Notes that a workflow is stored no more; asked for within a turn.
    pub(crate) fn take_away(&self, id: WorkflowId) {
        self.gone.lock().insert(id);
    }

    /// Whether a workflow was taken away since the last page was read.
    pub(crate) fn is_gone(&self, id: WorkflowId) -> bool {
        self.gone.lock().contains(&id)
    }

    /// Forgets who is gone, because what is read from now on does not have them.
    pub(crate) fn begin_read(&self) {
        self.gone.lock().clear();
    }
}

impl Engine {
    /// Whether a workflow of an orchestration is awake, in its present run or from before that.
    pub(crate) fn is_awake(&self, orchestration: &str, id: WorkflowId) -> bool {
        let live = self.routes.live(orchestration);
        live.is_some_and(|live| live.is_awake(id)) || self.left_behind(orchestration).contains(&id)
    }

    /// What keeps a workflow that is awake from going on; nothing while its step just runs.
    pub(crate) fn doing(&self, orchestration: &str, id: WorkflowId) -> Option<Wait> {
        self.routes.live(orchestration)?.doing(id)
    }

    /// Waits until a workflow that is in quarantine already is not awake any more either, which takes no longer than the end
    /// of its task.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub(crate) async fn lies_down(&self, orchestration: &str, id: WorkflowId) {
        while self.is_awake(orchestration, id) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// The orchestration in which a workflow is awake.
    pub(crate) fn awake_in(&self, id: WorkflowId) -> Option<Arc<Orchestration>> {
        self.routes.all_live().into_iter().find(|live| live.is_awake(id))
    }
}
