//! Waits and signals: early, on time, twice, to nobody, and seen.

use crate::store::{Advance, Applied, Op, StateStore, StoredWorkflow, Wait};
use crate::workflow::WorkflowId;

use super::support::*;

fn signal(id: WorkflowId, name: &str, payload: &str) -> Op {
    crate::store::Signal::new(id, name, payload.as_bytes().to_vec(), ADMITTED_MS + 50).into()
}

/// What the workflow has of its wait: when it wakes, for what it waits, and what came.
async fn waits(store: &impl StateStore, id: WorkflowId) -> (Option<i64>, Option<String>, Option<Vec<u8>>) {
    let row = row(store, id).await.expect("it is stored");
    (row.wake_ms.map(|at| at.saturating_sub(ADMITTED_MS)), row.signal, row.payload)
}

fn some(name: &str) -> Option<String> {
    Some(name.to_owned())
}

pub async fn a_wait_is_stored_with_its_checkpoint<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(2);
    commit(&store, admit(ids.iter().map(|&id| new(id)).collect())).await.unwrap();
    commit_all(&store, vec![sleeps(ids[0], 1, 30), waits_for(ids[1], 1, "approval", i64::MAX)]).await;
    let sleeping = StoredWorkflow { wake_ms: Some(ADMITTED_MS + 30), ..advanced(admitted(ids[0]), 1) };
    let (wake_ms, signal) = (Some(i64::MAX), some("approval"));
    let waiting = StoredWorkflow { wake_ms, signal, ..advanced(admitted(ids[1]), 1) };
    assert_eq!(rows(&store).await, [sleeping, waiting]);
    // What goes on is awake and waits for nothing.
    commit_all(&store, vec![advance(ids[0], 2), advance(ids[1], 2)]).await;
    assert_eq!(rows(&store).await, [advanced(admitted(ids[0]), 2), advanced(admitted(ids[1]), 2)]);
    assert_eq!(due_ids(&store, i64::MAX).await, []);
}

pub async fn a_workflow_may_begin_later<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(2);
    let later = crate::store::NewWorkflow { wake_ms: Some(ADMITTED_MS + 9), ..new(ids[0]) };
    commit(&store, admit(vec![later, new(ids[1])])).await.unwrap();
    let expected = StoredWorkflow { wake_ms: Some(ADMITTED_MS + 9), ..admitted(ids[0]) };
    assert_eq!(rows(&store).await, [expected, admitted(ids[1])]);
    assert_eq!(due_ids(&store, ADMITTED_MS + 8).await, []);
    assert_eq!(due_ids(&store, ADMITTED_MS + 9).await, [ids[0]]);
}

pub async fn a_signal_on_time_ends_the_wait<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    commit_all(&store, vec![admit(vec![new(id)]), waits_for(id, 1, "approval", i64::MAX)]).await;
    commit(&store, signal(id, "another", "no")).await.unwrap();
    assert_eq!(waits(&store, id).await, (Some(i64::MAX - ADMITTED_MS), some("approval"), None));
    assert_eq!(due_ids(&store, i64::MAX - 1).await, []);
    assert_eq!(commit(&store, signal(id, "approval", "yes")).await.unwrap(), Applied::Done);
    assert_eq!(waits(&store, id).await, (Some(50), some("approval"), Some(b"yes".to_vec())));
    assert_eq!(due_ids(&store, ADMITTED_MS + 50).await, [id]);
    // It moves the workflow on by nothing but the time at which it wakes.
    assert_eq!(row(&store, id).await.expect("it is stored").revision, 1);
}

pub async fn an_early_signal_is_kept<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    commit(&store, admit(vec![new(id)])).await.unwrap();
    commit(&store, signal(id, "approval", "yes")).await.unwrap();
    assert_eq!(waits(&store, id).await, (None, None, None));
    commit_all(&store, vec![advance(id, 1), waits_for(id, 2, "approval", 5_000)]).await;
    // It is due when it begins to wait.
    assert_eq!(waits(&store, id).await, (Some(2), some("approval"), Some(b"yes".to_vec())));
    assert_eq!(due_ids(&store, ADMITTED_MS + 2).await, [id]);
}

pub async fn a_signal_that_is_kept_already_stays<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    commit_all(&store, vec![admit(vec![new(id)]), waits_for(id, 1, "approval", 5_000)]).await;
    assert_eq!(commit(&store, signal(id, "approval", "first")).await.unwrap(), Applied::Done);
    for again in ["first", "second"] {
        assert_eq!(commit(&store, signal(id, "approval", again)).await.unwrap(), Applied::Duplicate);
    }
    assert_eq!(waits(&store, id).await.2, Some(b"first".to_vec()));
    assert_eq!(commit(&store, signal(id, "other", "second")).await.unwrap(), Applied::Done);
}

pub async fn a_signal_that_was_seen_is_forgotten<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    commit_all(&store, vec![admit(vec![new(id)]), waits_for(id, 1, "approval", 5_000)]).await;
    commit_all(&store, vec![signal(id, "approval", "first"), signal(id, "other", "kept")]).await;
    // The step that has seen it may be put off, or set aside, and still sees it then.
    commit_all(&store, vec![defer(id, 2, failure(1)), quarantine(id, 3, failure(2)), requeue(id)]).await;
    assert_eq!(waits(&store, id).await.2, Some(b"first".to_vec()));
    let seen = Advance { consumed: Some("approval".into()), ..checkpoint(id, 5) };
    commit(&store, seen.into()).await.unwrap();
    assert_eq!(waits(&store, id).await, (None, None, None));
    // The next wait of the name waits for the next signal; one of another name is there.
    commit(&store, waits_for(id, 6, "approval", 6_000)).await.unwrap();
    assert_eq!(waits(&store, id).await, (Some(6_000), some("approval"), None));
    assert_eq!(commit(&store, signal(id, "approval", "second")).await.unwrap(), Applied::Done);
    commit(&store, waits_for(id, 7, "other", 7_000)).await.unwrap();
    assert_eq!(waits(&store, id).await, (Some(7), some("other"), Some(b"kept".to_vec())));
}

pub async fn a_step_that_stays_keeps_the_signal_that_it_has_waited_for<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    commit_all(&store, vec![admit(vec![new(id)]), waits_for(id, 1, "approval", 5_000)]).await;
    commit(&store, signal(id, "approval", "yes")).await.unwrap();
    let polls = |revision, wait| Advance { stays: true, wait, seq: 1, ..checkpoint(id, revision) };
    commit(&store, polls(2, Some(Wait { until_ms: ADMITTED_MS + 9_000, signal: None })).into()).await.unwrap();
    assert_eq!(
        waits(&store, id).await,
        (Some(9_000), some("approval"), Some(b"yes".to_vec())),
        "it is not due at once"
    );
    commit(&store, polls(3, None).into()).await.unwrap();
    assert_eq!(waits(&store, id).await, (None, some("approval"), Some(b"yes".to_vec())));
    commit(&store, checkpoint(id, 4).into()).await.unwrap();
    assert_eq!(waits(&store, id).await, (None, None, None));
}

pub async fn a_signal_seen_by_a_step_that_waits_for_the_next_is_not_seen_twice<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    commit_all(&store, vec![admit(vec![new(id)]), waits_for(id, 1, "item", 5_000), signal(id, "item", "1")]).await;
    let Op::Advance(waits_again) = waits_for(id, 2, "item", 6_000) else { unreachable!("it is a checkpoint") };
    commit(&store, Advance { consumed: Some("item".into()), ..waits_again }.into()).await.unwrap();
    assert_eq!(waits(&store, id).await, (Some(6_000), some("item"), None));
}

pub async fn a_signal_to_one_who_is_awake_or_aside_wakes_nobody<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    let batch = vec![admit(vec![new(id)]), waits_for(id, 1, "approval", 5_000), quarantine(id, 2, failure(1))];
    commit_all(&store, batch).await;
    commit(&store, signal(id, "approval", "yes")).await.unwrap();
    assert_eq!(waits(&store, id).await, (None, some("approval"), Some(b"yes".to_vec())));
    assert_eq!(due_ids(&store, i64::MAX).await, []);
}

pub async fn a_signal_to_nobody_is_rejected<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(2);
    commit(&store, admit(vec![new(ids[0])])).await.unwrap();
    for nobody in [ids[1], twin(ids[0])] {
        assert_rejected(&commit(&store, signal(nobody, "approval", "yes")).await, nobody);
    }
}

pub async fn signals_go_with_their_workflow<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    for end in [resolve(id, 1), discard(id)] {
        commit_all(&store, vec![admit(vec![new(id)]), signal(id, "approval", "old"), end]).await;
        // The same identity again is only a test's idea, but shows what is left.
        commit_all(&store, vec![admit(vec![new(id)]), waits_for(id, 1, "approval", 5_000)]).await;
        assert_eq!(waits(&store, id).await, (Some(5_000), some("approval"), None));
        commit(&store, discard(id)).await.unwrap();
    }
}
