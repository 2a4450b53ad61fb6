//! What failed for good: set aside, and let go on.

use crate::store::{StateStore, Status, StepFailure, StoredWorkflow};

use super::support::*;

pub async fn quarantine_keeps_the_workflow_with_its_failure<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(2);
    commit(&store, admit(ids.iter().map(|&id| new(id)).collect())).await.unwrap();
    commit(&store, advance(ids[0], 1)).await.unwrap();
    commit(&store, quarantine(ids[0], failure(3).panicked())).await.unwrap();
    let expected = quarantined(advanced(admitted(ids[0]), 1), failure(3).panicked());
    assert_eq!(rows(&store).await, [expected, admitted(ids[1])]);
}

pub async fn quarantine_repeated_keeps_the_failure_once<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    commit(&store, admit(vec![new(id)])).await.unwrap();
    for _ in 0..3 {
        commit(&store, quarantine(id, failure(1))).await.unwrap();
    }
    assert_eq!(rows(&store).await, [quarantined(admitted(id), failure(1))]);
}

pub async fn quarantine_keeps_the_last_failures<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    commit(&store, admit(vec![new(id)])).await.unwrap();
    let last = StepFailure::KEPT as u32 + 3;
    for attempt in 1..=last {
        commit_all(&store, vec![quarantine(id, failure(attempt)), requeue(id)]).await;
        let failures = row(&store, id).await.expect("it is stored").failures;
        let oldest = attempt.saturating_sub(StepFailure::KEPT as u32) + 1;
        assert_eq!(failures, (oldest..=attempt).map(failure).collect::<Vec<_>>());
    }
}

pub async fn quarantine_of_a_missing_workflow_is_rejected<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    assert_rejected(&commit(&store, quarantine(id, failure(1))).await, id);
    commit(&store, admit(vec![new(id)])).await.unwrap();
    assert_rejected(&commit(&store, quarantine(twin(id), failure(1))).await, twin(id));
    assert_eq!(rows(&store).await, [admitted(id)]);
}

pub async fn requeue_goes_on_where_it_stopped<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    commit_all(&store, vec![admit(vec![new(id)]), advance(id, 1), quarantine(id, failure(2))]).await;
    let before = row(&store, id).await.expect("it is stored");
    commit(&store, requeue(id)).await.unwrap();
    let expected = StoredWorkflow { status: Status::Running, updated_ms: ADMITTED_MS + 1_000, ..before };
    assert_eq!(rows(&store).await, [expected]);
}

pub async fn requeue_of_a_running_workflow_is_rejected<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    commit(&store, admit(vec![new(id)])).await.unwrap();
    assert_rejected(&commit(&store, requeue(id)).await, id);
    assert_eq!(rows(&store).await, [admitted(id)]);
}

pub async fn requeue_of_a_missing_workflow_is_rejected<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    assert_rejected(&commit(&store, requeue(id)).await, id);
    commit_all(&store, vec![admit(vec![new(id)]), quarantine(id, failure(1))]).await;
    assert_rejected(&commit(&store, requeue(twin(id))).await, twin(id));
    assert_eq!(rows(&store).await, [quarantined(admitted(id), failure(1))]);
}
