//! Batches: applied in order, answered in order, and no operation pays for its neighbour.

use crate::store::{Applied, Op, StateStore};

use super::support::*;

pub async fn batch_of_nothing_answers_nothing<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    assert!(store.commit(Vec::new()).await.is_empty());
}

pub async fn batch_applies_in_order<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(2);
    let ops = vec![
        admit(vec![new(ids[0])]),
        advance(ids[0], 1),
        quarantine(ids[0], 2, failure(1)),
        requeue(ids[0]),
        resolve(ids[0], 4),
        admit(vec![new(ids[1])]),
        advance(ids[1], 1),
        advance(ids[1], 2),
    ];
    commit_all(&store, ops).await;
    assert_eq!(rows(&store).await, [advanced(admitted(ids[1]), 2)]);
}

pub async fn batch_answers_in_order<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(40);
    commit(&store, admit(ids.iter().step_by(2).map(|&id| new(id)).collect())).await.unwrap();
    let results = store.commit(shared(ids.iter().map(|&id| advance(id, 1)))).await;
    assert_eq!(results.len(), ids.len());
    for (at, (result, &id)) in results.iter().zip(&ids).enumerate() {
        match at % 2 {
            0 => assert_eq!(result.as_ref().expect("every second workflow is stored"), &Applied::Done),
            _ => assert_rejected(result, id),
        }
    }
}

pub async fn batch_with_one_rejected_fails_only_that_one<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let stored = id();
    commit(&store, admit(vec![new(stored)])).await.unwrap();
    // An operation may be found out before or while it is applied, and may be of any kind.
    let missing = id();
    let kinds: [fn(_) -> Op; 5] = [
        |id| advance(id, 1),
        |id| quarantine(id, 1, failure(1)),
        requeue,
        discard,
        |id| admit(ids(3).into_iter().chain([id]).map(new).collect()),
    ];
    for (kind, poison) in kinds.into_iter().enumerate() {
        for position in [0, 50, 99] {
            let bad = if kind == 4 { twin(stored) } else { missing };
            let good = ids(99);
            let mut ops: Vec<_> = good.iter().map(|&id| admit(vec![new(id)])).collect();
            ops.insert(position, poison(bad));
            let results = store.commit(shared(ops)).await;
            assert_eq!(results.len(), 100);
            for (at, result) in results.iter().enumerate() {
                if at == position {
                    assert_rejected(result, bad);
                } else {
                    result.as_ref().expect("a neighbour is committed");
                }
            }
            let expected: Vec<_> = [stored].into_iter().chain(good.iter().copied()).collect();
            assert_eq!(ids_of(&rows(&store).await), expected);
            commit_all(&store, good.into_iter().map(|id| resolve(id, 1)).collect()).await;
        }
    }
}

pub async fn batch_with_many_rejected_fails_only_those<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(100);
    commit(&store, admit(vec![new(ids[99])])).await.unwrap();
    let results = store.commit(shared(ids.iter().map(|&id| discard(id)))).await;
    for (result, &id) in results.iter().zip(&ids[..99]) {
        assert_rejected(result, id);
    }
    results[99].as_ref().expect("the only good one is committed");
    assert_eq!(rows(&store).await, []);
    // The store is none the worse for it.
    commit(&store, admit(vec![new(ids[0])])).await.unwrap();
    assert_eq!(rows(&store).await, [admitted(ids[0])]);
}

pub async fn batch_of_four_thousand<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(4_096);
    commit_all(&store, ids.iter().map(|&id| admit(vec![new(id)])).collect()).await;
    commit_all(&store, ids.iter().map(|&id| advance(id, 1)).collect()).await;
    assert_eq!(rows(&store).await, ids.iter().map(|&id| advanced(admitted(id), 1)).collect::<Vec<_>>());
    commit_all(&store, ids.into_iter().map(|id| resolve(id, 2)).collect()).await;
    assert_eq!(rows(&store).await, []);
}
