//! From a stored row to a workflow that runs.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tracing::{error, info};

use crate::clock::now_ms;
use crate::error::{Error, Result};
use crate::minion::{StepInfo, Stored};
use crate::store::{Advance, FailureKind, Op, Quarantine, StepFailure, StoredWorkflow, Wait};
use crate::telemetry::handles::End;

use super::engine::NotDurable;
use super::orchestration::{Orchestration, Start};
use super::places::Place;

pub(super) enum Woken {
    Up,
    /// It has ended, runs already, or cannot go on.
    SetAside,
    Stopped,
}

/// Runs a stored workflow as soon as there is room; one that cannot go on is set aside.
pub(super) async fn wake(o: &Arc<Orchestration>, row: StoredWorkflow) -> Woken {
    let place = tokio::select! {
        biased;
        () = o.parked() => return Woken::Stopped,
        place = o.room() => place,
    };
    wake_at(o, row, place, false).await
}

/// The same where there is a place already; one that is `fresh` has certainly not run unless its row says so.
pub(super) async fn wake_at(o: &Arc<Orchestration>, mut row: StoredWorkflow, place: Place, fresh: bool) -> Woken {
    if o.parks() {
        return Woken::Stopped;
    }
    // An operator may have taken it away since the page was read that it is on, and takes nothing away from here on.
    let _turn = o.waking.turn().await;
    if o.waking.is_gone(row.id) {
        return Woken::SetAside;
    }
    match migrate(o, &mut row).await {
        Ok(true) => {}
        Ok(false) => return Woken::Stopped,
        Err(error) => {
            quarantine(o, &row, &error).await;
            return Woken::SetAside;
        }
    }
    match load(o, &row) {
        Ok(mut start) => {
            if fresh {
                start.may_have_run = row.attempt > 0 || !row.failures.is_empty();
            }
            if o.spawn(start, place) {
                if fresh { &o.metrics.started } else { &o.metrics.resumed }.increment(1);
                Woken::Up
            } else {
                Woken::SetAside
            }
        }
        Err(error) => {
            quarantine(o, &row, &error).await;
            Woken::SetAside
        }
    }
}

fn load(o: &Orchestration, row: &StoredWorkflow) -> Result<Box<Start>> {
    check(row)?;
    let index = step_of(o, row)?;
    // First the number, so that a minion that changes in between is changed again at the first step.
    let instance = o.seat.instance();
    let minion = o.seat.minion();
    let loaded = crate::panics::contain_sync(|| minion.load(&row.event, &row.context))?;
    let failure = row.failures.iter().rev().find(|failure| !o.steps[index].is_called(&failure.step));
    Ok(Box::new(Start {
        id: row.id,
        loaded,
        instance,
        index,
        seq: row.seq,
        revision: row.revision,
        attempt: row.attempt.saturating_add(1),
        // One that was admitted by this run, and was not tried since its last checkpoint, has come to rest before the step.
        may_have_run: row.id <= o.since || row.attempt > 0 || !row.failures.is_empty(),
        created_ms: row.created_ms,
        signal: row.signal.clone(),
        payload: row.payload.clone().map(Into::into),
        failure: failure.filter(|_| o.steps[index].on_failure).cloned().map(Arc::new),
        lane: row.lane.as_deref().map(Into::into),
        failures: if o.history.is_none() { Vec::new() } else { row.failures.clone() },
        event_weight: row.event.len() as u64,
        weight: row.weight() as u64,
    }))
}

/// The step that a row is at: by name, always, because an index of another version could be another step.
fn step_of(o: &Orchestration, row: &StoredWorkflow) -> Result<usize> {
    StepInfo::find(o.steps, &row.step).ok_or_else(|| {
        let steps: Vec<_> = o.steps.iter().map(|step| format!("`{}`", step.name)).collect();
        Error::new(format!(
            "the minion `{}` has no step `{}` any more (steps: {}); if it has another name now, say \
             `#[minion_step(alias = \"{}\")]` there, otherwise let the workflow go on at another step with `wf goto`",
            o.name,
            row.step,
            steps.join(", "),
            row.step
        ))
    })
}

fn check(row: &StoredWorkflow) -> Result<()> {
    match &row.damage {
        Some(damage) => Err(Error::new(format!("the stored row is damaged: {damage}"))),
        None => Ok(()),
    }
}

/// Brings a row of an older version up to this one, durably; false if the runtime stops first.
async fn migrate(o: &Orchestration, row: &mut StoredWorkflow) -> Result<bool> {
    if row.version == o.version {
        return Ok(true);
    }
    check(row)?;
    if row.version > o.version {
        return Err(Error::new(format!(
            "version {} of the minion `{}` has stored it, this program has version {}; run the newer program",
            row.version, o.name, o.version
        )));
    }
    let migrated = migrated(o, row).map_err(|error| {
        error.context(format!("it cannot be migrated from version {} to {}", row.version, o.version))
    })?;
    let advance = Arc::new(Op::from(Advance {
        id: row.id,
        revision: row.revision + 1,
        step: migrated.step.clone().into(),
        steps_hash: o.steps_hash,
        version: o.version,
        seq: row.seq,
        attempt: row.attempt,
        context: migrated.context.clone(),
        event: (migrated.event != row.event).then(|| migrated.event.clone().into()),
        // Still due, so that the payload of a signal stays with it.
        wait: row.wake_ms.map(|until_ms| Wait { until_ms, signal: None }),
        stays: true,
        failure: None,
        consumed: None,
        emits: Vec::new(),
        work: Vec::new(),
        at_ms: now_ms(),
    }));
    match o.engine.commit(&advance, || o.stopping.cancelled()).await {
        Ok(_) => {}
        Err(NotDurable::Stopping(_)) => return Ok(false),
        Err(NotDurable::Rejected(error)) => return Err(Error::new(error).context("its migration cannot be stored")),
    }
    info!(workflow = %row.id, orchestration = &*o.id, from = row.version, to = o.version, "migrated a stored workflow");
    o.boot.migrated();
    *row = StoredWorkflow { version: o.version, revision: row.revision + 1, ..migrated };
    Ok(true)
}

/// A row as the minion's migration leaves it.
///
/// It is loaded before it is given back: what cannot go on must not replace what was there.
fn migrated(o: &Orchestration, row: &StoredWorkflow) -> Result<StoredWorkflow> {
    let (event, context) = (serde_json::from_slice(&row.event)?, serde_json::from_slice(&row.context)?);
    let before = Stored::new(row.version, row.step.clone(), event, context);
    let minion = o.seat.minion();
    let after = crate::panics::contain_sync(|| {
        let mut stored = before.clone();
        minion.migrate(&mut stored)?;
        Ok(stored)
    })?;
    // What was not touched keeps its bytes: on the way through a `Value` a number may lose digits.
    let encode = |before: &Value, after: &Value, bytes: &[u8]| {
        if before == after { Ok(bytes.to_vec()) } else { serde_json::to_vec(after) }
    };
    let event = encode(&before.event, &after.event, &row.event)?;
    let context = encode(&before.context, &after.context, &row.context)?;
    let migrated = StoredWorkflow { step: after.step, event, context, ..row.clone() };
    if migrated.step != row.step && StepInfo::find(o.steps, &migrated.step).is_none() {
        let (minion, step) = (o.name, &migrated.step);
        return Err(format!("the minion `{minion}` has no step `{step}`; `migrate` has put it there").into());
    }
    load(o, &migrated)?;
    Ok(migrated)
}

async fn quarantine(o: &Orchestration, row: &StoredWorkflow, error: &Error) {
    let kept = set_aside(o, row, FailureKind::Error, error.chain()).await;
    let cause: &dyn std::error::Error = error.as_std();
    error!(
        workflow = %row.id,
        orchestration = &*o.id,
        component = o.name,
        step = row.step,
        error = cause,
        kept,
        "a stored workflow cannot go on and is set aside"
    );
}

/// Puts a stored workflow into quarantine; whether that is durable. One that could not be marked is left as it is, and the
/// next start comes here again.
pub(super) async fn set_aside(o: &Orchestration, row: &StoredWorkflow, kind: FailureKind, error: Vec<String>) -> bool {
    let reason = format!("{}: {}", row.step, error.join(": "));
    let failure = StepFailure::new(row.step.clone(), row.attempt.saturating_add(1), now_ms(), error).of_kind(kind);
    let op = Op::from(Quarantine { id: row.id, revision: row.revision + 1, failure, at_ms: now_ms() });
    let kept = o.engine.commit(&Arc::new(op), || o.stopping.cancelled()).await.is_ok();
    if kept {
        o.metrics.end(End::Quarantined, Duration::ZERO);
        o.count_quarantined();
        if let Some(lane) = row.lane.as_deref().filter(|_| !o.lanes.holds()) {
            o.lanes.leave(&lane.into(), row.id);
        }
        if row.id <= o.since {
            o.boot.set_aside(reason);
        }
    }
    kept
}
