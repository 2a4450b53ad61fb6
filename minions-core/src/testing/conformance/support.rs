//! Shorthands of the suite: what it commits, and what it expects to find then.

use std::sync::Arc;
use std::sync::LazyLock;

use crate::store::{
    Advance, Applied, Due, Filter, NewWorkflow, Op, StateStore, Status, StepFailure, StoreError, StoredWorkflow, Wait,
};
use crate::workflow::{WorkflowId, WorkflowIds};

pub(super) use crate::testing::ops::{new_workflow as new, *};

/// A store at a place where `open` has made none before.
pub(super) async fn opened<S: StateStore>(open: impl Fn() -> S) -> S {
    let store = open();
    store.open().await.expect("the store opens");
    store
}

/// `count` identities in ascending order, above all that were made before.
pub(super) fn ids(count: usize) -> Vec<WorkflowId> {
    // One source for all tests: two of them would make different identities with equal keys.
    static IDS: LazyLock<WorkflowIds> = LazyLock::new(|| WorkflowIds::after(None));
    (0..count).map(|_| IDS.next()).collect()
}

pub(super) fn id() -> WorkflowId {
    ids(1)[0]
}

/// Another identity with the same key, as only a bug or a second store could make it.
pub(super) fn twin(id: WorkflowId) -> WorkflowId {
    let mut bytes = *id.as_bytes();
    bytes[15] ^= 0xff;
    let twin = WorkflowId::from_bytes(bytes);
    assert!(twin != id && twin.key() == id.key());
    twin
}

pub(super) fn new_in(id: WorkflowId, orchestration: &str) -> NewWorkflow {
    NewWorkflow { orchestration: orchestration.into(), ..new(id) }
}

/// What [`admit`] stores.
pub(super) fn admitted(id: WorkflowId) -> StoredWorkflow {
    StoredWorkflow {
        steps_hash: STEPS_HASH,
        event: EVENT.to_vec(),
        context: CONTEXT.to_vec(),
        created_ms: ADMITTED_MS,
        updated_ms: ADMITTED_MS,
        ..StoredWorkflow::new(id, "sitemap/watcher", "fetch")
    }
}

/// What [`advance`] makes of `row`.
pub(super) fn advanced(row: StoredWorkflow, seq: u32) -> StoredWorkflow {
    StoredWorkflow {
        step: format!("step {seq}"),
        steps_hash: STEPS_HASH + u64::from(seq),
        seq,
        revision: seq,
        attempt: 0,
        context: format!(r#"{{"seq":{seq}}}"#).into_bytes(),
        updated_ms: ADMITTED_MS + i64::from(seq),
        ..row
    }
}

/// What [`quarantine`] makes of a `row` without failures.
pub(super) fn quarantined(row: StoredWorkflow, failure: StepFailure) -> StoredWorkflow {
    StoredWorkflow {
        status: Status::Quarantined,
        attempt: failure.attempt,
        revision: row.revision + 1,
        updated_ms: failure.at_ms,
        failures: vec![failure],
        ..row
    }
}

/// The checkpoint number `seq` that makes `revision`, to be changed further.
pub(super) fn checkpoint_of(id: WorkflowId, revision: u32, seq: u32) -> Advance {
    Advance { revision, ..checkpoint(id, seq) }
}

/// The checkpoint number `seq` that makes `revision`.
pub(super) fn checkpoint_at(id: WorkflowId, revision: u32, seq: u32) -> Op {
    checkpoint_of(id, revision, seq).into()
}

/// The checkpoint number `seq`, before a step that waits until so many milliseconds after [`ADMITTED_MS`].
pub(super) fn sleeps(id: WorkflowId, seq: u32, until: i64) -> Op {
    Advance { wait: Some(Wait { until_ms: ADMITTED_MS + until, signal: None }), ..checkpoint(id, seq) }.into()
}

/// The same for a step that waits for a signal.
pub(super) fn waits_for(id: WorkflowId, seq: u32, signal: &'static str, until: i64) -> Op {
    let wait = Wait { until_ms: ADMITTED_MS.saturating_add(until), signal: Some(signal.into()) };
    Advance { wait: Some(wait), ..checkpoint(id, seq) }.into()
}

/// Which workflows of `sitemap/watcher` are due until then, in the order in which they are.
pub(super) async fn due_ids(store: &impl StateStore, until_ms: i64) -> Vec<WorkflowId> {
    let due = Due::until("sitemap/watcher".into(), until_ms);
    ids_of(&store.due(due, usize::MAX).await.expect("the store can be read"))
}

/// `ops` as a store is given them.
pub(super) fn shared(ops: impl IntoIterator<Item = Op>) -> Vec<Arc<Op>> {
    ops.into_iter().map(Arc::new).collect()
}

/// Commits `op` by itself.
pub(super) async fn commit(store: &impl StateStore, op: Op) -> Result<Applied, StoreError> {
    let results = store.commit(vec![op.into()]).await;
    let [result] = <[_; 1]>::try_from(results).expect("one operation has one result");
    result
}

/// Commits all of `ops` as one batch that succeeds.
pub(super) async fn commit_all(store: &impl StateStore, ops: Vec<Op>) {
    let count = ops.len();
    let results = store.commit(shared(ops)).await;
    assert_eq!(results.len(), count, "every operation has a result");
    for result in results {
        result.expect("the operation is valid");
    }
}

#[track_caller]
pub(super) fn assert_rejected(result: &Result<Applied, StoreError>, id: WorkflowId) {
    let error = result.as_ref().expect_err("the operation can never succeed");
    assert!(error.is_rejected(), "not rejected, but `{error}`");
    assert!(error.to_string().contains(&id.to_string()), "`{error}` does not name workflow {id}");
}

pub(super) async fn row(store: &impl StateStore, id: WorkflowId) -> Option<StoredWorkflow> {
    let mut rows = store.scan(Filter::only(id), 2).await.expect("the store can be read");
    assert!(rows.len() <= 1, "one identity has one row");
    rows.pop()
}

pub(super) async fn rows(store: &impl StateStore) -> Vec<StoredWorkflow> {
    store.scan(Filter::all(), usize::MAX).await.expect("the store can be read")
}

pub(super) fn ids_of(rows: &[StoredWorkflow]) -> Vec<WorkflowId> {
    rows.iter().map(|row| row.id).collect()
}
