//! Cursors: applied in the order of their numbers, and once.

use crate::store::{Admit, Applied, CursorMove, Op, StateStore, StoreError, StoredCursor};
use crate::workflow::WorkflowId;

use super::support::*;

/// Admits event number `count` of the partition as the workflow `id`.
fn numbered(partition: &str, count: u64, ids: &[WorkflowId]) -> Op {
    let position = format!("after {count}").into_bytes();
    let cursor = CursorMove { source: "sitemap".into(), partition: partition.into(), count, position };
    Admit { cursor: Some(cursor), ..admission(EVENT, ids.iter().map(|&id| new(id)).collect()) }.into()
}

fn stored(partition: &str, count: u64) -> StoredCursor {
    StoredCursor::new(partition, count, format!("after {count}").into_bytes())
}

async fn cursors(store: &impl StateStore) -> Vec<StoredCursor> {
    let mut cursors = store.cursors("sitemap".into()).await.expect("the store can be read");
    cursors.sort_by(|a, b| a.partition.cmp(&b.partition));
    cursors
}

#[track_caller]
fn assert_to_be_repeated(result: &Result<Applied, StoreError>) {
    let error = result.as_ref().expect_err("an event before it is not stored yet");
    assert!(!error.is_rejected() && !error.is_owned(), "it is to be repeated, but: {error}");
}

pub async fn a_cursor_moves_with_its_workflows<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(3);
    assert_eq!(cursors(&store).await, []);
    commit(&store, numbered("", 1, &ids[..2])).await.unwrap();
    assert_eq!(cursors(&store).await, [stored("", 1)]);
    commit_all(&store, vec![numbered("", 2, &[]), numbered("p", 1, &ids[2..])]).await;
    assert_eq!(cursors(&store).await, [stored("", 2), stored("p", 1)]);
    assert_eq!(ids_of(&rows(&store).await), ids);
    assert_eq!(store.cursors("another".into()).await.unwrap(), []);
}

pub async fn a_cursor_repeated_changes_nothing<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(4);
    commit_all(&store, vec![numbered("", 1, &ids[..1]), numbered("", 2, &ids[1..2]), resolve(ids[0], 1)]).await;
    // Its workflow may have ended meanwhile, and must not begin again.
    for op in [numbered("", 1, &ids[..1]), numbered("", 2, &ids[2..3]), numbered("", 0, &ids[3..])] {
        assert_eq!(commit(&store, op).await.unwrap(), Applied::Done);
    }
    assert_eq!(cursors(&store).await, [stored("", 2)]);
    assert_eq!(ids_of(&rows(&store).await), ids[1..2]);
}

pub async fn a_cursor_out_of_order_is_to_be_repeated<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(5);
    assert_to_be_repeated(&commit(&store, numbered("", 2, &ids[..1])).await);
    assert_eq!((cursors(&store).await, rows(&store).await), (vec![], vec![]));
    // Its neighbours are committed, also those that come later.
    let batch = vec![
        admit(vec![new(ids[0])]),
        numbered("", 2, &ids[1..2]),
        numbered("", 1, &ids[2..3]),
        numbered("", 3, &ids[3..4]),
        numbered("p", 1, &ids[4..]),
    ];
    let results = store.commit(shared(batch)).await;
    for at in [0, 2, 4] {
        results[at].as_ref().expect("a neighbour is committed");
    }
    for at in [1, 3] {
        assert_to_be_repeated(&results[at]);
    }
    assert_eq!(ids_of(&rows(&store).await), [ids[0], ids[2], ids[4]]);
    commit_all(&store, vec![numbered("", 2, &ids[1..2]), numbered("", 3, &ids[3..4])]).await;
    assert_eq!(cursors(&store).await, [stored("", 3), stored("p", 1)]);
    assert_eq!(ids_of(&rows(&store).await), ids);
}

pub async fn a_cursor_stays_if_its_workflows_are_rejected<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    commit(&store, admit(vec![new(id)])).await.unwrap();
    assert_rejected(&commit(&store, numbered("", 1, &[twin(id)])).await, twin(id));
    assert_eq!(cursors(&store).await, []);
}

pub async fn a_cursor_survives<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    commit_all(&store, vec![numbered("", 1, &[]), numbered("", 2, &[])]).await;
    store.close().await.unwrap();
    drop(store);
    let store = opened(&open).await;
    assert_eq!(cursors(&store).await, [stored("", 2)]);
    assert_eq!(commit(&store, numbered("", 2, &[id()])).await.unwrap(), Applied::Done);
    commit(&store, numbered("", 3, &[])).await.unwrap();
    assert_eq!((cursors(&store).await, rows(&store).await), (vec![stored("", 3)], vec![]));
}
