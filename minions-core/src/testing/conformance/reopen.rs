//! What the next owner of the same place finds.

use crate::store::StateStore;

use super::support::*;

pub async fn open_of_an_empty_store_knows_no_identity<S: StateStore>(open: impl Fn() -> S) {
    let store = open();
    assert_eq!(store.open().await.unwrap().last_id, None);
}

pub async fn open_tells_the_greatest_identity<S: StateStore>(open: impl Fn() -> S) {
    let ids = ids(3);
    let store = opened(&open).await;
    commit_all(&store, [1, 2, 0].into_iter().map(|at| admit(vec![new(ids[at])])).collect()).await;
    store.close().await.unwrap();
    drop(store);
    let store = open();
    assert_eq!(store.open().await.unwrap().last_id, Some(ids[2]));
}

pub async fn open_counts_epochs<S: StateStore>(open: impl Fn() -> S) {
    for epoch in 1..=3 {
        let store = open();
        assert_eq!(store.open().await.unwrap().epoch, epoch);
        store.close().await.unwrap();
    }
}

pub async fn reopened_store_has_every_row_as_it_was<S: StateStore>(open: impl Fn() -> S) {
    let ids = ids(50);
    let store = opened(&open).await;
    let orchestrations = ["one", "two", "three"];
    let create = ids.iter().zip(orchestrations.iter().cycle()).map(|(&id, name)| new_in(id, name)).collect();
    commit(&store, admit(create)).await.unwrap();
    commit_all(&store, ids.iter().step_by(2).map(|&id| advance(id, 1)).collect()).await;
    let revision = |at: usize| 1 + u32::from(at.is_multiple_of(2));
    let third = ids.iter().enumerate().step_by(3);
    commit_all(&store, third.map(|(at, &id)| quarantine(id, revision(at), failure(2))).collect()).await;
    let fifth = ids.iter().enumerate().step_by(5);
    let revision = |at: usize| revision(at) + u32::from(at.is_multiple_of(3));
    commit_all(&store, fifth.map(|(at, &id)| resolve(id, revision(at))).collect()).await;
    let before = rows(&store).await;
    store.close().await.unwrap();
    drop(store);
    let store = opened(&open).await;
    assert_eq!(rows(&store).await, before);
}

pub async fn d8_close_finishes_what_is_under_way<S: StateStore>(open: impl Fn() -> S) {
    let ids = ids(200);
    let store = opened(&open).await;
    let under_way = store.commit(shared(ids.iter().map(|&id| admit(vec![new(id)]))));
    store.close().await.unwrap();
    assert!(under_way.await.into_iter().all(|result| result.is_ok()), "the batch came before the end");
    drop(store);
    let store = opened(&open).await;
    assert_eq!(ids_of(&rows(&store).await), ids);
}

pub async fn commit_goes_on_when_its_future_is_dropped<S: StateStore>(open: impl Fn() -> S) {
    let ids = ids(200);
    let store = opened(&open).await;
    drop(store.commit(shared(ids.iter().map(|&id| admit(vec![new(id)])))));
    store.close().await.unwrap();
    drop(store);
    let store = opened(&open).await;
    assert_eq!(ids_of(&rows(&store).await), ids);
}

pub async fn work_goes_on_after_reopening<S: StateStore>(open: impl Fn() -> S) {
    let ids = ids(2);
    let store = opened(&open).await;
    commit(&store, admit(vec![new(ids[0])])).await.unwrap();
    store.close().await.unwrap();
    drop(store);
    let store = opened(&open).await;
    commit_all(&store, vec![admit(vec![new(ids[0])]), advance(ids[0], 1), admit(vec![new(ids[1])])]).await;
    assert_eq!(rows(&store).await, [advanced(admitted(ids[0]), 1), admitted(ids[1])]);
    commit_all(&store, vec![resolve(ids[0], 2), resolve(ids[1], 1)]).await;
    assert_eq!(rows(&store).await, []);
}
