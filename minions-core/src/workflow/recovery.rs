//! After three deaths of the process in a row: finds the workflow that kills it, and sets only that one aside.
//!
//! A start after a death records which workflows it takes up, with their revisions. One that is found at the same revision
//! after the next death has made no progress in between. Those found so after three deaths are under suspicion: they are
//! taken up one at a time, while nothing else runs, and the store knows which one. If the process dies then, that one is
//! tried alone once more, because whoever kills a process from outside may hit anybody; if it dies with it a second time,
//! that one is set aside. The others go on being tried alone, and everything else goes on afterwards.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tracing::{error, warn};

use crate::store::{FailureKind, Filter, Opened, StateStore, Status, StoreError, StoredWorkflow, Suspect};

use super::load::{Woken, set_aside, wake};
use super::{Engine, Orchestration, WorkflowId};

/// So many deaths in a row raise suspicion.
const DEATHS: u32 = 3;

/// For how long one is given the process for itself; then the others go on beside it, and suspicion is dropped.
const ALONE: Duration = Duration::from_secs(60);

/// More suspects are not tried: a program with so many has another fault than one of its workflows.
const MOST: usize = 10_000;

/// What an engine knows of the deaths before it.
pub(crate) struct Recovery {
    deaths: u32,
    /// The one that ran alone when the last process died.
    accused: Option<WorkflowId>,
    /// Those that are still to be tried, by orchestration.
    suspects: Mutex<HashMap<Arc<str>, Vec<StoredWorkflow>>>,
    /// Those that are recorded: one life of the process counts once, however often an orchestration starts in it.
    recorded: Mutex<HashSet<WorkflowId>>,
    /// Held by whoever tries one.
    turn: tokio::sync::Mutex<()>,
    over: watch::Sender<bool>,
}

impl Recovery {
    pub(crate) fn new(opened: &Opened) -> Self {
        Self {
            deaths: opened.deaths,
            accused: opened.alone,
            suspects: Mutex::default(),
            recorded: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            over: watch::Sender::new(true),
        }
    }

    /// Finds the suspects of the orchestrations that are about to start; called before any of them is engaged.
    pub(crate) async fn begin(&self, store: &dyn StateStore, starting: &[Arc<str>]) -> Result<(), StoreError> {
        if self.deaths < DEATHS {
            return Ok(());
        }
        // The last death is not recorded yet.
        let found = store.scan(Filter::all().status(Status::Running).deaths(DEATHS - 1), MOST).await?;
        let mut suspects: HashMap<Arc<str>, Vec<StoredWorkflow>> = HashMap::new();
        for row in found {
            if let Some(id) = starting.iter().find(|id| ***id == *row.orchestration) {
                suspects.entry(id.clone()).or_default().push(row);
            }
        }
        if suspects.is_empty() {
            return Ok(());
        }
        let count = suspects.values().map(Vec::len).sum::<usize>();
        warn!(
            deaths = self.deaths,
            count,
            "the process has died again and again while these workflows ran; they are taken up one at a time first"
        );
        *self.suspects.lock() = suspects;
        self.over.send_replace(false);
        Ok(())
    }

    /// Waits until nobody is under suspicion any more.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub(crate) async fn over(&self) {
        let mut over = self.over.subscribe();
        // The sender lives in `self`.
        let _ = over.wait_for(|over| *over).await;
    }

    /// Whether workflows wait until nobody is under suspicion any more.
    pub(crate) fn is_under_way(&self) -> bool {
        !*self.over.borrow()
    }

    /// Takes the suspects of one orchestration; the answer gives them up if it is dropped.
    fn take(&self, orchestration: &Arc<str>) -> Trial<'_> {
        let rows = self.suspects.lock().get_mut(orchestration).map(std::mem::take).unwrap_or_default();
        Trial { recovery: self, orchestration: orchestration.clone(), rows }
    }

    fn drop_suspicion(&self, orchestration: &Arc<str>) {
        let mut suspects = self.suspects.lock();
        suspects.remove(orchestration);
        if suspects.is_empty() {
            self.over.send_replace(true);
        }
    }
}

impl Engine {
    /// Records that workflows are taken up after a death, before they are.
    pub(crate) async fn take_up(&self, rows: &[StoredWorkflow]) {
        if self.recovery.deaths == 0 || rows.is_empty() {
            return;
        }
        let found: Vec<_> = {
            let mut recorded = self.recovery.recorded.lock();
            rows.iter().filter(|row| recorded.insert(row.id)).map(|row| (row.id, row.revision)).collect()
        };
        if found.is_empty() {
            return;
        }
        // If it cannot be recorded, suspicion comes one death later.
        let _ = self.submit(Suspect { found, alone: None }).await;
    }
}

struct Trial<'a> {
    recovery: &'a Recovery,
    orchestration: Arc<str>,
    rows: Vec<StoredWorkflow>,
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        self.recovery.drop_suspicion(&self.orchestration);
    }
}

/// Tries the suspects of an orchestration alone, then waits until all are through; false if it stops meanwhile.
pub(super) async fn clear(o: &Arc<Orchestration>) -> bool {
    let recovery = &o.engine.recovery;
    let mut trial = recovery.take(&o.id);
    for row in std::mem::take(&mut trial.rows) {
        let _turn = recovery.turn.lock().await;
        if !recovery.is_under_way() {
            break;
        }
        match one(o, row).await {
            Tried::Cleared => {}
            Tried::Stopped => return false,
            Tried::StillRuns => {
                warn!(orchestration = &*o.id, "a workflow under suspicion still runs; the others go on beside it");
                recovery.suspects.lock().clear();
                recovery.over.send_replace(true);
            }
        }
    }
    let _ = o.engine.submit(Suspect { found: Vec::new(), alone: None }).await;
    drop(trial);
    tokio::select! {
        () = recovery.over() => true,
        () = o.stopping.cancelled() => false,
    }
}

enum Tried {
    Cleared,
    StillRuns,
    Stopped,
}

async fn one(o: &Arc<Orchestration>, row: StoredWorkflow) -> Tried {
    let (id, recovery) = (row.id, &o.engine.recovery);
    // At the revision at which it ran alone, or the death came after it had moved on.
    if recovery.accused == Some(id) && row.deaths > DEATHS {
        error!(workflow = %id, orchestration = &*o.id, step = row.step, "the process died while nothing but this workflow ran");
        let why = format!(
            "the process has died {} times in a row at this step, the last times while nothing else ran; mend the step, then \
             let it go on with `wf retry`",
            // The first one happened before anything was recorded.
            row.deaths + 1
        );
        set_aside(o, &row, FailureKind::Death, vec![why]).await;
        return Tried::Cleared;
    }
    recovery.recorded.lock().insert(id);
    let alone = Suspect { found: vec![(id, row.revision)], alone: Some(id) };
    if let Err(error) = o.engine.submit(alone).await {
        warn!(%error, "it cannot be recorded which workflow runs alone");
    }
    warn!(workflow = %id, orchestration = &*o.id, step = row.step, "taking up a workflow alone");
    o.taken_up.add(id);
    match wake(o, row).await {
        Woken::Stopped => Tried::Stopped,
        Woken::SetAside => Tried::Cleared,
        Woken::Up => tokio::select! {
            () = o.left(id) => Tried::Cleared,
            () = o.stopping.cancelled() => Tried::Stopped,
            () = tokio::time::sleep(ALONE) => Tried::StillRuns,
        },
    }
}
