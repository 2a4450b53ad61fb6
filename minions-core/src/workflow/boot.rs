//! What a start finds of earlier runs, and what becomes of it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::store::{Status, StatusCount};

use super::orchestration::Orchestration;

/// How many different reasons are kept.
const REASONS: usize = 3;

/// What an orchestration found of earlier runs when it started, and what has become of it so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BootReport {
    /// How many unfinished workflows the program has found, those that sleep included; nothing while they are counted, which
    /// the start does not wait for.
    pub found: Option<u64>,
    /// How many were in quarantine already.
    pub quarantined: u64,
    /// How many of those that were awake have been taken up again.
    pub resumed: u64,
    /// How many were migrated from an older version.
    pub migrated: u64,
    /// How many could not go on and were set aside now.
    pub set_aside: u64,
    /// Why, the first few reasons.
    pub reasons: Vec<String>,
    /// Whether everything that was awake is taken up.
    pub complete: bool,
}

/// Stored workflows of an orchestration that the program does not have. They are kept, and go on when it has it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UnknownOrchestration {
    /// Its id.
    pub id: String,
    /// How many unfinished workflows it has.
    pub unfinished: u64,
    /// How many it has in quarantine.
    pub quarantined: u64,
}

/// What the store held when the program started, by orchestration.
#[derive(Default)]
pub(crate) struct Stored {
    counts: Mutex<BTreeMap<String, Count>>,
    /// The orchestrations that are part of the program, running or not.
    declared: Mutex<HashSet<Arc<str>>>,
    /// Requested once the unfinished ones are counted.
    counted: CancellationToken,
}

#[derive(Clone, Copy, Default)]
struct Count {
    unfinished: u64,
    quarantined: u64,
}

impl Stored {
    /// Notes which orchestrations are part of the program.
    pub(crate) fn declare(&self, ids: impl IntoIterator<Item = Arc<str>>) {
        self.declared.lock().extend(ids);
    }

    /// Notes what is in quarantine, which is known before anything starts.
    pub(crate) fn quarantined(&self, counts: &[StatusCount]) {
        let mut known = self.counts.lock();
        for one in counts.iter().filter(|one| one.status == Status::Quarantined) {
            known.entry(one.orchestration.clone()).or_default().quarantined = one.count;
        }
    }

    /// Notes what is unfinished, which is known later; nothing more will be.
    pub(crate) fn unfinished(&self, counts: &[StatusCount]) {
        let mut known = self.counts.lock();
        for one in counts.iter().filter(|one| one.status != Status::Quarantined) {
            known.entry(one.orchestration.clone()).or_default().unfinished += one.count;
        }
        drop(known);
        self.counted.cancel();
    }

    /// Whether what is unfinished is counted, or never will be.
    pub(crate) fn is_counted(&self) -> bool {
        self.counted.is_cancelled()
    }

    /// Waits until it is.
    pub(crate) async fn counted(&self) {
        self.counted.cancelled().await;
    }

    /// Gives up counting.
    pub(crate) fn unknown_for_ever(&self) {
        self.counted.cancel();
    }

    fn of(&self, orchestration: &str) -> Count {
        self.counts.lock().get(orchestration).copied().unwrap_or_default()
    }

    /// The orchestrations that have stored work and are neither part of the program nor `there` otherwise.
    pub(crate) fn unknown(&self, there: impl Fn(&str) -> bool) -> Vec<UnknownOrchestration> {
        let (counts, declared) = (self.counts.lock(), self.declared.lock());
        let known = |id: &str| declared.contains(id) || there(id);
        let unknown = counts.iter().filter(|(id, _)| !known(id)).map(|(id, count)| UnknownOrchestration {
            id: id.clone(),
            unfinished: count.unfinished,
            quarantined: count.quarantined,
        });
        unknown.collect()
    }
}

/// Counted while an orchestration takes up what it has found.
#[derive(Default)]
pub(crate) struct Boot(Mutex<BootReport>);

impl Boot {
    pub(crate) fn set_aside(&self, reason: String) {
        let mut report = self.0.lock();
        report.set_aside += 1;
        if report.reasons.len() < REASONS && !report.reasons.contains(&reason) {
            report.reasons.push(reason);
        }
    }

    pub(crate) fn migrated(&self) {
        self.0.lock().migrated += 1;
    }

    pub(crate) fn resumed(&self) {
        self.0.lock().resumed += 1;
    }
}

impl Orchestration {
    /// What it found, and what has become of it.
    pub(crate) fn boot_report(&self) -> BootReport {
        let mut report = self.boot.0.lock().clone();
        let (stored, engine) = (self.engine.stored.of(&self.id), &self.engine);
        report.quarantined = stored.quarantined;
        report.found = engine.stored.is_counted().then_some(stored.unfinished);
        report
    }

    /// Says so in the log, once everything that was awake is taken up and the rest is counted.
    pub(crate) fn boot_is_complete(self: &Arc<Self>) {
        self.boot.0.lock().complete = true;
        let this = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = this.engine.stored.counted() => {}
                () = this.stopping.cancelled() => {}
            }
            this.tell_of_boot();
        });
    }

    fn tell_of_boot(&self) {
        let report = self.boot_report();
        let BootReport { found, quarantined, resumed, migrated, set_aside, .. } = report;
        let orchestration = &*self.id;
        if set_aside > 0 {
            let reasons = report.reasons.join("; ");
            warn!(
                orchestration,
                found,
                resumed,
                migrated,
                quarantined,
                set_aside,
                reasons,
                "took up stored work; some of it cannot go on"
            );
        } else if quarantined > 0 {
            warn!(orchestration, found, resumed, migrated, quarantined, "took up stored work; some is in quarantine");
        } else if found.unwrap_or(resumed) > 0 || migrated > 0 {
            info!(orchestration, found, resumed, migrated, quarantined, "took up stored work");
        }
    }
}
