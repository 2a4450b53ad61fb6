//! Operations of a store, for tests that do not care what is in them.
//!
//! Times, steps and contexts follow from the arguments, so that equal calls make equal operations.

use std::sync::Arc;

use crate::store::{Admit, Advance, Discard, NewWorkflow, Op, Quarantine, Requeue, Resolve, StepFailure};
use crate::workflow::WorkflowId;

/// The event of [`admit`].
pub const EVENT: &[u8] = br#"{"url":"https://example.org/"}"#;
/// The context of a [`new_workflow`].
pub const CONTEXT: &[u8] = br#"{"digest":null}"#;
/// When [`admit`] admits, in milliseconds since the Unix epoch.
pub const ADMITTED_MS: i64 = 1_700_000_000_000;
/// The hash of the list of steps of a [`new_workflow`].
pub const STEPS_HASH: u64 = 0x1234_5678_9abc_def0;

/// A workflow of the orchestration `sitemap/watcher` before its first step, `fetch`.
#[must_use]
pub fn new_workflow(id: WorkflowId) -> NewWorkflow {
    NewWorkflow {
        id,
        orchestration: "sitemap/watcher".into(),
        step: "fetch".into(),
        steps_hash: STEPS_HASH,
        context: CONTEXT.to_vec(),
    }
}

/// Admits [`EVENT`] as the workflows `create`.
#[must_use]
pub fn admit(create: Vec<NewWorkflow>) -> Op {
    admit_event(EVENT, create)
}

/// Admits `event` as the workflows `create`.
#[must_use]
pub fn admit_event(event: impl Into<Arc<[u8]>>, create: Vec<NewWorkflow>) -> Op {
    Admit { event: event.into(), create, at_ms: ADMITTED_MS }.into()
}

/// The checkpoint number `seq`, `seq` milliseconds after [`ADMITTED_MS`], before the step `step {seq}`.
#[must_use]
pub fn advance(id: WorkflowId, seq: u32) -> Op {
    Advance {
        id,
        step: format!("step {seq}").into(),
        steps_hash: STEPS_HASH + u64::from(seq),
        seq,
        context: format!(r#"{{"seq":{seq}}}"#).into_bytes(),
        at_ms: ADMITTED_MS + i64::from(seq),
    }
    .into()
}

/// The failed `attempt` at the step `fetch`, `attempt` milliseconds after [`ADMITTED_MS`].
#[must_use]
pub fn failure(attempt: u32) -> StepFailure {
    let error = vec![format!("attempt {attempt} failed"), "connection \"refused\"\n🍌".to_owned()];
    StepFailure::new("fetch", attempt, ADMITTED_MS + i64::from(attempt), error)
}

/// Sets the workflow aside at the time of its `failure`.
#[must_use]
pub fn quarantine(id: WorkflowId, failure: StepFailure) -> Op {
    let at_ms = failure.at_ms;
    Quarantine { id, failure, at_ms }.into()
}

/// Lets the workflow go on, a second after [`ADMITTED_MS`].
#[must_use]
pub fn requeue(id: WorkflowId) -> Op {
    Requeue { id, at_ms: ADMITTED_MS + 1_000 }.into()
}

/// Removes the workflow because it has ended.
#[must_use]
pub fn resolve(id: WorkflowId) -> Op {
    Resolve { id }.into()
}

/// Removes the workflow because an operator said so.
#[must_use]
pub fn discard(id: WorkflowId) -> Op {
    Discard { id }.into()
}
