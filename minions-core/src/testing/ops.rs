//! Operations of a store, for tests that do not care what is in them.
//!
//! Times, steps and contexts follow from the arguments, so that equal calls make equal operations.

use std::sync::Arc;

use crate::store::{Admit, Advance, Defer, Discard, NewWorkflow, Op, Quarantine, Requeue, Resolve, StepFailure};
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
        version: 0,
        context: CONTEXT.to_vec(),
        wake_ms: None,
        lane: None,
        waits: false,
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
    admission(event, create).into()
}

/// Admits `event` as the workflows `create`, to be changed further.
#[must_use]
pub fn admission(event: impl Into<Arc<[u8]>>, create: Vec<NewWorkflow>) -> Admit {
    Admit { event: event.into(), create, at_ms: ADMITTED_MS, cursor: None, dedupe: None }
}

/// The checkpoint number `seq`, `seq` milliseconds after [`ADMITTED_MS`], before the step `step {seq}`; it makes the
/// revision `seq`.
#[must_use]
pub fn advance(id: WorkflowId, seq: u32) -> Op {
    checkpoint(id, seq).into()
}

/// What [`advance`] is, to be changed further.
#[must_use]
pub fn checkpoint(id: WorkflowId, seq: u32) -> Advance {
    Advance {
        id,
        revision: seq,
        step: format!("step {seq}").into(),
        steps_hash: STEPS_HASH + u64::from(seq),
        version: 0,
        seq,
        attempt: 0,
        context: format!(r#"{{"seq":{seq}}}"#).into_bytes(),
        event: None,
        wait: None,
        stays: false,
        failure: None,
        consumed: None,
        emits: Vec::new(),
        work: Vec::new(),
        at_ms: ADMITTED_MS + i64::from(seq),
    }
}

/// The failed `attempt` at the step `fetch`, `attempt` milliseconds after [`ADMITTED_MS`].
#[must_use]
pub fn failure(attempt: u32) -> StepFailure {
    let error = vec![format!("attempt {attempt} failed"), "connection \"refused\"\n🍌".to_owned()];
    StepFailure::new("fetch", attempt, ADMITTED_MS + i64::from(attempt), error)
}

/// Sets the workflow aside at the time of its `failure`, which makes `revision`.
#[must_use]
pub fn quarantine(id: WorkflowId, revision: u32, failure: StepFailure) -> Op {
    let at_ms = failure.at_ms;
    Quarantine { id, revision, failure, at_ms }.into()
}

/// Puts the step off at the time of its `failure` until a second later, which makes `revision`.
#[must_use]
pub fn defer(id: WorkflowId, revision: u32, failure: StepFailure) -> Op {
    deferral(id, revision, failure).into()
}

/// What [`defer`] is, to be changed further.
#[must_use]
pub fn deferral(id: WorkflowId, revision: u32, failure: StepFailure) -> Defer {
    let (attempt, at_ms) = (failure.attempt, failure.at_ms);
    Defer { id, revision, attempt, failure: Some(failure), wake_ms: at_ms + 1_000, at_ms }
}

/// Lets the workflow go on, a second after [`ADMITTED_MS`].
#[must_use]
pub fn requeue(id: WorkflowId) -> Op {
    Requeue::new(id, ADMITTED_MS + 1_000).into()
}

/// Removes the workflow because it has ended, which makes `revision`.
#[must_use]
pub fn resolve(id: WorkflowId, revision: u32) -> Op {
    resolution(id, revision).into()
}

/// What [`resolve`] is, to be changed further.
#[must_use]
pub fn resolution(id: WorkflowId, revision: u32) -> Resolve {
    Resolve { id, revision, emits: Vec::new(), work: Vec::new(), history: None }
}

/// Removes the workflow because an operator said so.
#[must_use]
pub fn discard(id: WorkflowId) -> Op {
    Discard { id }.into()
}
