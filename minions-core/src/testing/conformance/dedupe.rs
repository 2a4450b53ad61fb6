//! Keys: equal ones admit one event within their time.

use crate::store::{Admit, Applied, CursorMove, Dedupe, Op, StateStore, Tidy};
use crate::workflow::WorkflowId;

use super::support::*;

/// Admits with `key` at `at` milliseconds after [`ADMITTED_MS`]; it is kept for 100 of them.
fn keyed(scope: &str, key: &str, at: i64, ids: &[WorkflowId]) -> Admit {
    let at_ms = ADMITTED_MS + at;
    let dedupe = Dedupe { scope: scope.into(), key: key.into(), until_ms: at_ms + 100 };
    Admit { dedupe: Some(dedupe), at_ms, ..admission(EVENT, ids.iter().map(|&id| new(id)).collect()) }
}

async fn admits(store: &impl StateStore, op: Admit) -> Applied {
    commit(store, op.into()).await.expect("it is valid")
}

pub async fn an_equal_key_admits_one_event<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(5);
    assert_eq!(admits(&store, keyed("s", "k", 0, &ids[..2])).await, Applied::Done);
    assert_eq!(admits(&store, keyed("s", "k", 1, &ids[2..3])).await, Applied::Duplicate);
    // Another key, and another scope, is another event.
    assert_eq!(admits(&store, keyed("s", "K", 1, &ids[3..4])).await, Applied::Done);
    assert_eq!(admits(&store, keyed("t", "k", 1, &ids[4..])).await, Applied::Done);
    assert_eq!(ids_of(&rows(&store).await), [ids[0], ids[1], ids[3], ids[4]]);
}

pub async fn a_key_is_known_after_its_workflow_has_ended<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(2);
    commit_all(&store, vec![keyed("s", "k", 0, &ids[..1]).into(), resolve(ids[0], 1)]).await;
    assert_eq!(admits(&store, keyed("s", "k", 99, &ids[1..])).await, Applied::Duplicate);
    store.close().await.unwrap();
    drop(store);
    let store = opened(&open).await;
    assert_eq!(admits(&store, keyed("s", "k", 99, &ids[1..])).await, Applied::Duplicate);
    assert_eq!(rows(&store).await, []);
}

pub async fn a_key_past_its_time_admits_again<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(4);
    assert_eq!(admits(&store, keyed("s", "k", 0, &ids[..1])).await, Applied::Done);
    // A duplicate does not make it last longer.
    assert_eq!(admits(&store, keyed("s", "k", 99, &ids[1..2])).await, Applied::Duplicate);
    assert_eq!(admits(&store, keyed("s", "k", 100, &ids[2..3])).await, Applied::Done);
    assert_eq!(admits(&store, keyed("s", "k", 199, &ids[3..])).await, Applied::Duplicate);
    assert_eq!(ids_of(&rows(&store).await), [ids[0], ids[2]]);
}

pub async fn an_admission_with_a_key_can_be_repeated<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(2);
    for _ in 0..3 {
        assert_eq!(admits(&store, keyed("s", "k", 0, &ids)).await, Applied::Done);
    }
    assert_eq!(ids_of(&rows(&store).await), ids);
}

pub async fn a_rejected_admission_leaves_no_key<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(3);
    commit(&store, admit(vec![new(ids[0])])).await.unwrap();
    let poisonous = keyed("s", "k", 0, &[ids[1], twin(ids[0])]);
    assert_rejected(&commit(&store, poisonous.into()).await, twin(ids[0]));
    assert_eq!(admits(&store, keyed("s", "k", 0, &ids[2..])).await, Applied::Done);
    assert_eq!(ids_of(&rows(&store).await), [ids[0], ids[2]]);
}

pub async fn a_duplicate_moves_the_cursor<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(3);
    let numbered = |count: u64, id: usize| {
        let cursor = CursorMove { source: "s".into(), partition: "".into(), count, position: vec![count as u8] };
        Admit { cursor: Some(cursor), ..keyed("s", "k", 0, &ids[id..=id]) }
    };
    assert_eq!(admits(&store, numbered(1, 0)).await, Applied::Done);
    assert_eq!(admits(&store, numbered(2, 1)).await, Applied::Duplicate);
    assert_eq!(store.cursors("s".into()).await.unwrap()[0].count, 2);
    // Repeated, it is what was applied before.
    assert_eq!(admits(&store, numbered(2, 1)).await, Applied::Done);
    assert_eq!(ids_of(&rows(&store).await), ids[..1]);
}

pub async fn tidy_forgets_keys_past_their_time_only<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(6);
    let tidy = |at: i64| Op::from(Tidy { at_ms: ADMITTED_MS + at, history: Vec::new() });
    assert_eq!(admits(&store, keyed("s", "old", 0, &ids[..1])).await, Applied::Done);
    assert_eq!(admits(&store, keyed("s", "new", 1, &ids[1..2])).await, Applied::Done);
    commit_all(&store, vec![tidy(99), tidy(99)]).await;
    assert_eq!(admits(&store, keyed("s", "old", 50, &ids[2..3])).await, Applied::Duplicate);
    commit(&store, tidy(100)).await.unwrap();
    // As if it had never been, even for an event of the past.
    assert_eq!(admits(&store, keyed("s", "old", 50, &ids[3..4])).await, Applied::Done);
    assert_eq!(admits(&store, keyed("s", "new", 50, &ids[4..5])).await, Applied::Duplicate);
}
