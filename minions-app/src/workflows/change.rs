//! `wf retry` and `wf drop`.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use minions_core::store::{Discard, Op, Requeue, StateStore, Status, StoredWorkflow};
use minions_core::workflow::WorkflowId;

use crate::output::{answer, answer_json, say};
use crate::text;

use super::find::{self, Which, short};
use super::{Refusal, because};

/// What became of one workflow.
#[derive(Serialize)]
struct Changed {
    id: String,
    orchestration: String,
    step: String,
    change: &'static str,
    #[serde(skip)]
    key: WorkflowId,
}

/// Lets the named workflows go on, or all in quarantine that `all` means.
pub(super) async fn retry(
    store: &dyn StateStore,
    ids: &[String],
    all: Option<&Which>,
    json: bool,
    program: &str,
) -> Result<(), Refusal> {
    let mut chosen = Vec::new();
    match all {
        Some(which) => {
            let each = |workflow: StoredWorkflow| chosen.push(Changed::of(&workflow, "retried"));
            find::for_each(store, which, Some(Status::Quarantined), each).await?;
        }
        None => {
            for id in ids {
                let workflow = find::one(store, id).await?;
                if workflow.status != Status::Quarantined {
                    let id = workflow.id;
                    return Err(format!("{id} is not in quarantine; it goes on by itself with the next start"));
                }
                add(&mut chosen, Changed::of(&workflow, "retried"));
            }
        }
    }
    let at_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
    apply(store, &chosen, |id| Requeue::new(id, at_ms).into()).await?;
    tell(&chosen, json, |changed| format!("{} goes on at `{}`", short(changed.key), changed.step));
    if !json {
        let count = text::count(chosen.len() as u64, "workflow");
        say(format_args!("{count} to go on with the next start of `{program}`"));
    }
    Ok(())
}

/// Removes the named workflows, whatever their status.
pub(super) async fn drop(store: &dyn StateStore, ids: &[String], json: bool) -> Result<(), Refusal> {
    let mut chosen = Vec::new();
    for id in ids {
        add(&mut chosen, Changed::of(&find::one(store, id).await?, "dropped"));
    }
    apply(store, &chosen, |id| Discard::new(id).into()).await?;
    tell(&chosen, json, |changed| {
        format!("{} of {} is gone, it was at `{}`", changed.id, changed.orchestration, changed.step)
    });
    Ok(())
}

/// A workflow that was named twice is changed once.
fn add(chosen: &mut Vec<Changed>, changed: Changed) {
    if chosen.iter().all(|other| other.key != changed.key) {
        chosen.push(changed);
    }
}

/// Everything in one batch: all of it is durable when this answers.
async fn apply(store: &dyn StateStore, chosen: &[Changed], op: impl Fn(WorkflowId) -> Op) -> Result<(), Refusal> {
    let results = store.commit(chosen.iter().map(|changed| op(changed.key)).collect()).await;
    let failed = results.into_iter().zip(chosen).find_map(|(result, changed)| Some((result.err()?, changed)));
    failed.map_or(Ok(()), |(error, changed)| Err(because(&format!("{} was not changed", changed.id), &error)))
}

fn tell(changed: &[Changed], json: bool, line: impl Fn(&Changed) -> String) {
    if json {
        answer_json(&changed);
    } else {
        changed.iter().for_each(|changed| answer(line(changed)));
    }
}

impl Changed {
    fn of(workflow: &StoredWorkflow, change: &'static str) -> Self {
        Self {
            id: workflow.id.to_string(),
            orchestration: workflow.orchestration.clone(),
            step: workflow.step.clone(),
            change,
            key: workflow.id,
        }
    }
}
