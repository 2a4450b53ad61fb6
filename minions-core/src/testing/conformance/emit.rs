//! Events that a step emits: stored with its checkpoint, all or none, and once.

use std::sync::Arc;

use crate::store::{Admit, Advance, Dedupe, NewWorkflow, Op, Resolve, StateStore, Work};
use crate::workflow::WorkflowId;

use super::support::*;

fn emitted(id: WorkflowId) -> Admit {
    admission(*b"\"alert\"", vec![NewWorkflow { wake_ms: Some(ADMITTED_MS + 5), ..new_in(id, "notifier") }])
}

fn advance_with(id: WorkflowId, emits: Vec<Admit>) -> Op {
    Advance { emits, ..checkpoint(id, 1) }.into()
}

fn resolve_with(id: WorkflowId, emits: Vec<Admit>) -> Op {
    Resolve { emits, ..resolution(id, 2) }.into()
}

pub async fn emits_are_stored_with_checkpoint_and_end<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(4);
    commit(&store, admit(vec![new(ids[0])])).await.unwrap();
    commit(&store, advance_with(ids[0], vec![emitted(ids[1]), emitted(ids[2])])).await.unwrap();
    assert_eq!(ids_of(&rows(&store).await), ids[..3]);
    let row = row(&store, ids[1]).await.expect("it is stored");
    assert_eq!((&*row.orchestration, &*row.event, row.wake_ms), ("notifier", &b"\"alert\""[..], Some(ADMITTED_MS + 5)));
    commit(&store, resolve_with(ids[0], vec![emitted(ids[3])])).await.unwrap();
    assert_eq!(ids_of(&rows(&store).await), ids[1..]);
}

pub async fn emits_repeated_are_stored_once<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(3);
    let (advance, end) = (advance_with(ids[0], vec![emitted(ids[1])]), resolve_with(ids[0], vec![emitted(ids[2])]));
    commit_all(&store, vec![admit(vec![new(ids[0])]), advance.clone(), resolve(ids[1], 1)]).await;
    // What was emitted has come to its end before the repetition.
    commit(&store, advance).await.unwrap();
    assert_eq!(ids_of(&rows(&store).await), [ids[0]]);
    commit_all(&store, vec![end.clone(), resolve(ids[2], 1), end.clone()]).await;
    commit(&store, end).await.unwrap();
    assert_eq!(rows(&store).await, []);
}

pub async fn emits_are_all_or_none_with_their_operation<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(5);
    commit_all(&store, vec![admit(vec![new(ids[0]), new(ids[1])]), advance(ids[1], 1)]).await;
    let poison = || vec![emitted(ids[2]), emitted(twin(ids[0])), emitted(ids[3])];
    // Neighbours are committed all the same.
    let batch = vec![advance_with(ids[0], poison()), resolve_with(ids[1], poison()), admit(vec![new(ids[4])])];
    let results = store.commit(shared(batch)).await;
    assert_rejected(&results[0], twin(ids[0]));
    assert_rejected(&results[1], twin(ids[0]));
    results[2].as_ref().expect("a neighbour is committed");
    assert_eq!(rows(&store).await, [admitted(ids[0]), advanced(admitted(ids[1]), 1), admitted(ids[4])]);
}

pub async fn emits_of_an_operation_that_is_rejected_are_not_stored<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(2);
    assert_rejected(&commit(&store, advance_with(ids[0], vec![emitted(ids[1])])).await, ids[0]);
    // The end of a workflow that is not stored is a repetition.
    commit(&store, resolve_with(ids[0], vec![emitted(ids[1])])).await.unwrap();
    assert_eq!(rows(&store).await, []);
}

pub async fn emits_with_an_equal_key_are_stored_once<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(4);
    let keyed = |id| {
        let dedupe = Dedupe { scope: "watcher".into(), key: "k".into(), until_ms: i64::MAX };
        Admit { dedupe: Some(dedupe), ..emitted(id) }
    };
    commit(&store, admit(vec![new(ids[0])])).await.unwrap();
    commit(&store, advance_with(ids[0], vec![keyed(ids[1]), keyed(ids[2])])).await.unwrap();
    commit(&store, resolve_with(ids[0], vec![keyed(ids[3])])).await.unwrap();
    assert_eq!(ids_of(&rows(&store).await), ids[1..2]);
}

pub async fn work_for_another_kind_of_store_is_rejected<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(2);
    commit_all(&store, vec![admit(vec![new(ids[0])])]).await;
    let work = vec![Work::new("a store that nobody has", "Watcher.record", Arc::new(()))];
    let advance = Advance { work, emits: vec![emitted(ids[1])], ..checkpoint(ids[0], 1) };
    let error = commit(&store, advance.into()).await.unwrap_err();
    assert!(error.is_rejected() && error.to_string().contains("`Watcher.record`"), "{error}");
    assert_eq!(rows(&store).await, [admitted(ids[0])]);
}
