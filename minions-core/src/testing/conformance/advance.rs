//! Checkpoints: the context as it is, and the step that is next.

use crate::store::{Advance, StateStore, Status, StoredWorkflow};

use super::support::*;

pub async fn advance_moves_on_and_changes_nothing_else<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(3);
    commit(&store, admit(ids.iter().map(|&id| new(id)).collect())).await.unwrap();
    for seq in 1..=3 {
        commit(&store, advance(ids[1], seq)).await.unwrap();
        let expected = [admitted(ids[0]), advanced(admitted(ids[1]), seq), admitted(ids[2])];
        assert_eq!(rows(&store).await, expected);
    }
    commit(&store, Advance { revision: 4, ..checkpoint(ids[1], u32::MAX) }.into()).await.unwrap();
    let expected = StoredWorkflow { revision: 4, ..advanced(admitted(ids[1]), u32::MAX) };
    assert_eq!(row(&store, ids[1]).await, Some(expected));
}

pub async fn advance_repeated_changes_nothing<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    commit_all(&store, vec![admit(vec![new(id)]), advance(id, 1)]).await;
    commit_all(&store, vec![advance(id, 1), advance(id, 1)]).await;
    assert_eq!(rows(&store).await, [advanced(admitted(id), 1)]);
}

pub async fn advance_says_attempts_and_keeps_failures<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    let advance = Advance { attempt: 2, version: 7, ..checkpoint_of(id, 3, 1) };
    commit_all(&store, vec![admit(vec![new(id)]), quarantine(id, 1, failure(3)), requeue(id), advance.into()]).await;
    let row = row(&store, id).await.expect("it is stored");
    assert_eq!((row.attempt, row.version, row.status), (2, 7, Status::Running));
    assert_eq!(row.failures, [failure(3)]);
}

pub async fn advance_grows_and_shrinks_the_context<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    commit(&store, admit(vec![new(id)])).await.unwrap();
    for (seq, length) in (1..).zip([0, 10, 1 << 20, 5_000, 1, 1 << 20, 0]) {
        let context = vec![b'a' + (seq % 26) as u8; length];
        let op = Advance { context: context.clone(), ..checkpoint(id, seq) };
        commit(&store, op.into()).await.unwrap();
        let row = row(&store, id).await.expect("it is stored");
        assert!(
            row == StoredWorkflow { context, ..advanced(admitted(id), seq) },
            "the row with {length} bytes is another"
        );
    }
}

pub async fn advance_of_a_missing_workflow_is_rejected<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(2);
    commit(&store, admit(vec![new(ids[0])])).await.unwrap();
    assert_rejected(&commit(&store, advance(ids[1], 1)).await, ids[1]);
    assert_eq!(rows(&store).await, [admitted(ids[0])]);
    commit(&store, resolve(ids[0], 1)).await.unwrap();
    assert_rejected(&commit(&store, advance(ids[0], 1)).await, ids[0]);
    assert_eq!(rows(&store).await, []);
}

pub async fn advance_tells_identities_of_one_key_apart<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    commit(&store, admit(vec![new(id)])).await.unwrap();
    assert_rejected(&commit(&store, advance(twin(id), 1)).await, twin(id));
    assert_eq!(row(&store, twin(id)).await, None);
    assert_eq!(rows(&store).await, [admitted(id)]);
}
