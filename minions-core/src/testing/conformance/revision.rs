//! Revisions: an operation that is repeated changes nothing, and one that came out of order is rejected.

use crate::store::{Advance, Op, StateStore};
use crate::workflow::WorkflowId;

use super::support::*;

/// What moves a workflow on, each making `revision`.
const MOVES: [fn(WorkflowId, u32) -> Op; 3] = [
    |id, revision| checkpoint_at(id, revision, 5),
    |id, revision| defer(id, revision, failure(3)),
    |id, revision| quarantine(id, revision, failure(4)),
];

pub async fn a_move_makes_its_revision_once<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    for op in MOVES {
        let id = id();
        commit_all(&store, vec![admit(vec![new(id)]), advance(id, 1), op(id, 2)]).await;
        let moved = row(&store, id).await.expect("it is stored");
        assert_eq!(moved.revision, 2);
        // The same again, and what was before, is done already.
        commit_all(&store, vec![op(id, 2), op(id, 1), advance(id, 1), op(id, 2)]).await;
        assert_eq!(row(&store, id).await, Some(moved));
    }
}

pub async fn a_move_of_a_row_further_behind_is_rejected<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    for op in MOVES {
        let id = id();
        commit_all(&store, vec![admit(vec![new(id)]), advance(id, 1)]).await;
        for revision in [3, 4, u32::MAX] {
            assert_rejected(&commit(&store, op(id, revision)).await, id);
        }
        assert_eq!(row(&store, id).await, Some(advanced(admitted(id), 1)));
        commit(&store, op(id, 2)).await.unwrap();
    }
}

pub async fn a_move_that_rests_is_told_from_its_repetition<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    let wakes = |revision| Op::from(Advance { revision, ..checkpoint(id, revision) });
    commit_all(&store, vec![admit(vec![new(id)]), sleeps(id, 1, 10), sleeps(id, 1, 99)]).await;
    assert_eq!(row(&store, id).await.expect("it is stored").wake_ms, Some(ADMITTED_MS + 10));
    // A row that rests is moved on as any other, and is awake then.
    assert_rejected(&commit(&store, wakes(3)).await, id);
    commit_all(&store, vec![wakes(2), sleeps(id, 1, 10), sleeps(id, 2, 10)]).await;
    assert_eq!(rows(&store).await, [advanced(admitted(id), 2)]);
}

pub async fn a_move_of_another_identity_of_the_same_key_is_rejected<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    commit(&store, admit(vec![new(id)])).await.unwrap();
    for op in MOVES {
        assert_rejected(&commit(&store, op(twin(id), 1)).await, twin(id));
        assert_rejected(&commit(&store, op(twin(id), 0)).await, twin(id));
    }
    assert_eq!(rows(&store).await, [admitted(id)]);
}

pub async fn resolve_out_of_order_is_rejected<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    commit_all(&store, vec![admit(vec![new(id)]), advance(id, 1), advance(id, 2)]).await;
    for revision in [0, 1, 2, 4, u32::MAX] {
        assert_rejected(&commit(&store, resolve(id, revision)).await, id);
    }
    assert_eq!(rows(&store).await, [advanced(admitted(id), 2)]);
    commit_all(&store, vec![resolve(id, 3), resolve(id, 3)]).await;
    assert_eq!(rows(&store).await, []);
}

pub async fn defer_stays_at_the_step_and_sleeps<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    commit_all(&store, vec![admit(vec![new(id)]), advance(id, 1), defer(id, 2, failure(1))]).await;
    let before = advanced(admitted(id), 1);
    let at_ms = failure(1).at_ms;
    let mut expected = before;
    (expected.revision, expected.attempt, expected.updated_ms) = (2, 1, at_ms);
    (expected.wake_ms, expected.failures) = (Some(at_ms + 1_000), vec![failure(1)]);
    assert_eq!(rows(&store).await, [expected.clone()]);
    assert_eq!(due_ids(&store, at_ms + 1_000).await, [id]);
    // One that only waits leaves attempt and failures as it says.
    let poll = crate::store::Defer { failure: None, wake_ms: ADMITTED_MS + 7, ..deferral(id, 3, failure(1)) };
    commit(&store, poll.into()).await.unwrap();
    (expected.revision, expected.wake_ms) = (3, Some(ADMITTED_MS + 7));
    assert_eq!(rows(&store).await, [expected]);
}

pub async fn defer_keeps_the_last_failures<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    commit(&store, admit(vec![new(id)])).await.unwrap();
    let kept = crate::store::StepFailure::KEPT as u32;
    for attempt in 1..=kept + 3 {
        commit(&store, defer(id, attempt, failure(attempt))).await.unwrap();
        let failures = row(&store, id).await.expect("it is stored").failures;
        assert_eq!(failures, (attempt.saturating_sub(kept) + 1..=attempt).map(failure).collect::<Vec<_>>());
    }
}

pub async fn advance_after_a_failure_appends_it<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    let failed = Advance { failure: Some(failure(2)), ..checkpoint(id, 2) };
    commit_all(&store, vec![admit(vec![new(id)]), defer(id, 1, failure(1)), failed.into()]).await;
    let row = row(&store, id).await.expect("it is stored");
    assert_eq!((row.failures, row.wake_ms, row.attempt), (vec![failure(1), failure(2)], None, 0));
}

pub async fn advance_replaces_an_event_that_was_migrated<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(2);
    commit(&store, admit(ids.iter().map(|&id| new(id)).collect())).await.unwrap();
    // Stores may keep long events elsewhere.
    for (seq, length) in (1..).zip([5, 1 << 20, 30, 1 << 20, 0]) {
        let event = vec![b'a' + (seq % 26) as u8; length];
        let op = Advance { event: Some(event.clone().into()), version: seq, ..checkpoint(ids[0], seq) };
        commit(&store, op.into()).await.unwrap();
        let row = row(&store, ids[0]).await.expect("it is stored");
        assert!(row.event == event && row.version == seq, "the event of {length} bytes is another");
    }
    commit(&store, advance(ids[0], 6)).await.unwrap();
    assert_eq!(row(&store, ids[0]).await.expect("it is stored").event, b"");
    assert_eq!(row(&store, ids[1]).await, Some(admitted(ids[1])));
}
