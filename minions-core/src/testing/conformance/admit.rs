//! Admission: one event becomes one workflow for each minion, all or none.

use std::sync::Arc;

use crate::store::{Admit, NewWorkflow, StateStore, StoredWorkflow};

use super::support::*;

pub async fn admit_creates_workflows_before_their_first_step<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(3);
    commit(&store, admit(ids.iter().map(|&id| new(id)).collect())).await.unwrap();
    assert_eq!(rows(&store).await, ids.iter().map(|&id| admitted(id)).collect::<Vec<_>>());
}

pub async fn admit_repeated_leaves_what_is_stored<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    commit_all(&store, vec![admit(vec![new(id)]), advance(id, 1)]).await;
    let changed = NewWorkflow { context: b"another".to_vec(), ..new(id) };
    commit(&store, admit_event(*b"another", vec![changed])).await.unwrap();
    assert_eq!(rows(&store).await, [advanced(admitted(id), 1)]);
}

pub async fn admit_repeated_creates_what_is_missing<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(2);
    commit(&store, admit(vec![new(ids[1])])).await.unwrap();
    // The same workflow twice in one operation is one workflow, too.
    commit(&store, admit(vec![new(ids[0]), new(ids[1]), new(ids[0])])).await.unwrap();
    assert_eq!(rows(&store).await, [admitted(ids[0]), admitted(ids[1])]);
}

pub async fn admit_is_all_or_none<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(3);
    commit(&store, admit(vec![new(ids[1])])).await.unwrap();
    // An identity whose key is another workflow's can never be stored; its siblings must not be stored either.
    let odd = twin(ids[1]);
    assert_rejected(&commit(&store, admit(vec![new(ids[0]), new(odd), new(ids[2])])).await, odd);
    assert_eq!(rows(&store).await, [admitted(ids[1])]);
}

pub async fn admit_of_nobody_stores_nothing<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    commit(&store, admit(vec![])).await.unwrap();
    assert_eq!(rows(&store).await, []);
}

pub async fn admit_keeps_names_and_numbers_exactly<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let names = ["", " ", "Fee=>Fi@audit-1", "it's; DROP TABLE \"x\"--", "%_\\", "naïve 🍌", "a\0b", "0123", "1e5"];
    let numbers = [0, 1, u64::MAX, i64::MAX as u64, 1 << 63];
    let times = [0, -1, i64::MAX, i64::MIN];
    let mut expected = Vec::new();
    for (at, id) in ids(names.len() * 2).into_iter().enumerate() {
        let name = names[at % names.len()];
        let steps_hash = numbers[at % numbers.len()];
        let at_ms = times[at % times.len()];
        let create = vec![NewWorkflow { step: name.into(), steps_hash, ..new_in(id, name) }];
        commit(&store, Admit { at_ms, ..admission(EVENT, create) }.into()).await.unwrap();
        let row = StoredWorkflow { steps_hash, created_ms: at_ms, updated_ms: at_ms, ..admitted(id) };
        expected.push(StoredWorkflow { step: name.into(), orchestration: name.into(), ..row });
    }
    assert_eq!(rows(&store).await, expected);
}

pub async fn admit_keeps_event_and_context_byte_for_byte<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let every: Vec<u8> = (0..=255).cycle().take(3_000).collect();
    // Stores may treat text and short and long values differently; none may be taken for another.
    let values: [&[u8]; 8] = [b"", b"null", b"12", b" {} \r\n", b"a\0b", b"\xff\xfe", "🍌".as_bytes(), &every];
    for event in values {
        for context in values {
            let id = id();
            let create = vec![NewWorkflow { context: context.to_vec(), ..new(id) }];
            commit(&store, admit_event(event, create)).await.unwrap();
            let row = row(&store, id).await.expect("it is stored");
            assert_eq!((row.event, row.context), (event.to_vec(), context.to_vec()));
            commit(&store, resolve(id, 1)).await.unwrap();
        }
    }
}

pub async fn admit_keeps_a_mebibyte<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(3);
    let long: Arc<[u8]> = (0..1 << 20).map(|at: u32| (at % 251) as u8).collect();
    let create: Vec<_> = ids.iter().map(|&id| NewWorkflow { context: long.to_vec(), ..new(id) }).collect();
    let op = admit_event(long.clone(), create);
    commit(&store, op.clone()).await.unwrap();
    commit(&store, op).await.unwrap();
    for row in rows(&store).await {
        // Not `assert_eq!`: nobody wants to read the difference.
        assert!(row.event == *long && row.context == *long, "a long event or context was changed");
    }
    // What is shared by three workflows stays until the last of them is gone.
    for gone in 0..ids.len() {
        commit(&store, resolve(ids[gone], 1)).await.unwrap();
        let left = rows(&store).await;
        assert_eq!(ids_of(&left), ids[gone + 1..]);
        assert!(left.iter().all(|row| row.event == *long), "a shared event was lost");
    }
}
