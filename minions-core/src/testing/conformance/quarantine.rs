//! What failed for good: set aside, looked at, changed, and let go on.

use crate::store::{Amend, FailureKind, Requeue, StateStore, Status, StepFailure, StoredWorkflow};

use super::support::*;

pub async fn quarantine_keeps_the_workflow_with_its_failure<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(2);
    commit(&store, admit(ids.iter().map(|&id| new(id)).collect())).await.unwrap();
    commit(&store, advance(ids[0], 1)).await.unwrap();
    let panicked = failure(3).of_kind(FailureKind::Panic);
    commit(&store, quarantine(ids[0], 2, panicked.clone())).await.unwrap();
    let expected = quarantined(advanced(admitted(ids[0]), 1), panicked);
    assert_eq!(rows(&store).await, [expected, admitted(ids[1])]);
}

pub async fn quarantine_repeated_keeps_the_failure_once<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    commit(&store, admit(vec![new(id)])).await.unwrap();
    for _ in 0..3 {
        commit(&store, quarantine(id, 1, failure(1))).await.unwrap();
    }
    assert_eq!(rows(&store).await, [quarantined(admitted(id), failure(1))]);
    // Nor does it set aside again what an operator has let go on meanwhile.
    commit(&store, requeue(id)).await.unwrap();
    commit(&store, quarantine(id, 1, failure(1))).await.unwrap();
    assert_eq!(row(&store, id).await.expect("it is stored").status, Status::Running);
}

pub async fn quarantine_keeps_the_last_failures<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    commit(&store, admit(vec![new(id)])).await.unwrap();
    let last = StepFailure::KEPT as u32 + 3;
    for attempt in 1..=last {
        commit_all(&store, vec![quarantine(id, 2 * attempt - 1, failure(attempt)), requeue(id)]).await;
        let failures = row(&store, id).await.expect("it is stored").failures;
        let oldest = attempt.saturating_sub(StepFailure::KEPT as u32) + 1;
        assert_eq!(failures, (oldest..=attempt).map(failure).collect::<Vec<_>>());
    }
}

pub async fn quarantine_of_a_missing_workflow_is_rejected<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    assert_rejected(&commit(&store, quarantine(id, 1, failure(1))).await, id);
    commit(&store, admit(vec![new(id)])).await.unwrap();
    assert_rejected(&commit(&store, quarantine(twin(id), 1, failure(1))).await, twin(id));
    assert_rejected(&commit(&store, quarantine(id, 2, failure(1))).await, id);
    assert_eq!(rows(&store).await, [admitted(id)]);
}

pub async fn quarantine_waits_for_nothing_any_more<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    commit_all(&store, vec![admit(vec![new(id)]), waits_for(id, 1, "approval", 5_000)]).await;
    commit(&store, quarantine(id, 2, failure(1))).await.unwrap();
    assert_eq!(row(&store, id).await.expect("it is stored").wake_ms, None);
    assert_eq!(due_ids(&store, i64::MAX).await, []);
}

pub async fn requeue_goes_on_where_it_stopped<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    commit_all(&store, vec![admit(vec![new(id)]), advance(id, 1), quarantine(id, 2, failure(2))]).await;
    let before = row(&store, id).await.expect("it is stored");
    commit(&store, requeue(id)).await.unwrap();
    let at_ms = ADMITTED_MS + 1_000;
    let (status, wake_ms) = (Status::Running, Some(at_ms));
    let expected = StoredWorkflow { status, attempt: 0, revision: 3, wake_ms, updated_ms: at_ms, ..before };
    assert_eq!(rows(&store).await, [expected]);
    assert_eq!(due_ids(&store, at_ms).await, [id]);
}

pub async fn requeue_to_a_step_is_another_visit<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    commit_all(&store, vec![admit(vec![new(id)]), advance(id, 1), quarantine(id, 2, failure(2))]).await;
    let before = row(&store, id).await.expect("it is stored");
    commit(&store, Requeue::new(id, ADMITTED_MS + 9).at_step("record").into()).await.unwrap();
    let expected = StoredWorkflow {
        status: Status::Running,
        step: "record".into(),
        seq: 2,
        attempt: 0,
        revision: 3,
        wake_ms: Some(ADMITTED_MS + 9),
        updated_ms: ADMITTED_MS + 9,
        ..before
    };
    assert_eq!(rows(&store).await, [expected]);
}

pub async fn requeue_repeated_is_rejected_and_does_no_harm<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    commit_all(&store, vec![admit(vec![new(id)]), quarantine(id, 1, failure(1)), requeue(id)]).await;
    let before = rows(&store).await;
    assert_rejected(&commit(&store, requeue(id)).await, id);
    assert_eq!(rows(&store).await, before);
    // It goes on from the revision that letting it go has made.
    commit(&store, checkpoint_at(id, 3, 1)).await.unwrap();
    assert_eq!(row(&store, id).await.expect("it is stored").revision, 3);
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
    commit_all(&store, vec![admit(vec![new(id)]), quarantine(id, 1, failure(1))]).await;
    assert_rejected(&commit(&store, requeue(twin(id))).await, twin(id));
    assert_eq!(rows(&store).await, [quarantined(admitted(id), failure(1))]);
}

pub async fn amend_replaces_the_context_and_nothing_else<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    commit_all(&store, vec![admit(vec![new(id)]), quarantine(id, 1, failure(1))]).await;
    let amend = || Amend::new(id, b"amended".to_vec(), ADMITTED_MS + 77).into();
    commit_all(&store, vec![amend(), amend()]).await;
    let before = quarantined(admitted(id), failure(1));
    let expected = StoredWorkflow { context: b"amended".to_vec(), updated_ms: ADMITTED_MS + 77, ..before };
    assert_eq!(rows(&store).await, [expected]);
}

pub async fn amend_of_what_is_not_quarantined_is_rejected<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(2);
    commit(&store, admit(vec![new(ids[0])])).await.unwrap();
    for id in [ids[0], ids[1], twin(ids[0])] {
        assert_rejected(&commit(&store, Amend::new(id, Vec::new(), ADMITTED_MS).into()).await, id);
    }
    assert_eq!(rows(&store).await, [admitted(ids[0])]);
}
