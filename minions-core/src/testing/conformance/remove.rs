//! The end of a workflow: by itself, or by an operator.

use crate::store::StateStore;

use super::support::*;

pub async fn resolve_removes<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(3);
    commit(&store, admit(ids.iter().map(|&id| new(id)).collect())).await.unwrap();
    commit(&store, resolve(ids[1], 1)).await.unwrap();
    assert_eq!(rows(&store).await, [admitted(ids[0]), admitted(ids[2])]);
}

pub async fn resolve_repeated_is_no_error<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(2);
    commit(&store, resolve(ids[0], 1)).await.unwrap();
    commit(&store, admit(ids.iter().map(|&id| new(id)).collect())).await.unwrap();
    commit_all(&store, vec![resolve(ids[0], 1), resolve(ids[0], 1)]).await;
    commit(&store, resolve(ids[0], 1)).await.unwrap();
    assert_eq!(rows(&store).await, [admitted(ids[1])]);
}

pub async fn resolve_leaves_another_identity_of_the_same_key<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    commit(&store, admit(vec![new(id)])).await.unwrap();
    commit(&store, resolve(twin(id), 1)).await.unwrap();
    assert_rejected(&commit(&store, discard(twin(id))).await, twin(id));
    assert_eq!(rows(&store).await, [admitted(id)]);
}

pub async fn discard_removes_running_and_quarantined<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(3);
    commit(&store, admit(ids.iter().map(|&id| new(id)).collect())).await.unwrap();
    commit(&store, quarantine(ids[0], 1, failure(1))).await.unwrap();
    commit_all(&store, vec![discard(ids[0]), discard(ids[1])]).await;
    assert_eq!(rows(&store).await, [admitted(ids[2])]);
}

pub async fn discard_of_a_missing_workflow_is_rejected<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(2);
    commit(&store, admit(vec![new(ids[0])])).await.unwrap();
    assert_rejected(&commit(&store, discard(ids[1])).await, ids[1]);
    commit(&store, discard(ids[0])).await.unwrap();
    assert_rejected(&commit(&store, discard(ids[0])).await, ids[0]);
    assert_eq!(rows(&store).await, []);
}
