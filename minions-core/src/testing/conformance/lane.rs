//! Lanes: who is in them, in which order, and whose turn it is.

use crate::store::{Begin, Filter, InLanes, LaneMember, NewWorkflow, Op, Requeue, StateStore, Status};
use crate::workflow::WorkflowId;

use super::support::*;

fn in_lane(id: WorkflowId, lane: &str, waits: bool) -> NewWorkflow {
    NewWorkflow { lane: Some(lane.into()), waits, ..new(id) }
}

fn begin(id: WorkflowId, revision: u32) -> Op {
    Begin { id, revision, at_ms: ADMITTED_MS + 3 }.into()
}

fn all() -> InLanes {
    InLanes::of("sitemap/watcher".into(), ADMITTED_MS)
}

async fn members(store: &impl StateStore, which: InLanes) -> Vec<(String, WorkflowId, Status)> {
    let members = store.lanes(which.clone(), usize::MAX).await.expect("the store can be read");
    assert_eq!(store.count_in_lanes(which).await.unwrap(), members.len() as u64);
    members.into_iter().map(|LaneMember { lane, id, status }| (lane, id, status)).collect()
}

async fn status(store: &impl StateStore, id: WorkflowId) -> (Status, Option<i64>, u32) {
    let row = row(store, id).await.expect("it is stored");
    (row.status, row.wake_ms, row.revision)
}

pub async fn lanes_are_read_in_their_order<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(9);
    let lanes = ["b", "a", "b", "ä", "b", "a", "b"];
    // Neither the order of admission nor the order of changes counts.
    let new = |at: usize| admit(vec![in_lane(ids[at], lanes[at], at != 4 && at != 6)]);
    commit_all(&store, (0..lanes.len()).rev().map(new).collect()).await;
    let others = vec![new_in(ids[7], "elsewhere"), NewWorkflow { lane: Some("b".into()), ..new_in(ids[8], "other") }];
    commit(&store, admit(others)).await.unwrap();
    commit(&store, quarantine(ids[4], 1, failure(1))).await.unwrap();
    let expected = [
        ("a", 1, Status::Waiting),
        ("a", 5, Status::Waiting),
        ("b", 6, Status::Running),
        ("b", 4, Status::Quarantined),
        ("b", 0, Status::Waiting),
        ("b", 2, Status::Waiting),
        ("ä", 3, Status::Waiting),
    ]
    .map(|(lane, at, status): (&str, usize, _)| (lane.to_owned(), ids[at], status));
    assert_eq!(members(&store, all()).await, expected);
    assert_eq!(members(&store, all().lane("b".into())).await, expected[2..6]);
    assert_eq!(members(&store, all().lane("c".into())).await, []);
    assert_eq!(members(&store, all().after("a".into())).await, expected[2..]);
    assert_eq!(members(&store, all().after("b".into())).await, expected[6..]);
    assert_eq!(members(&store, all().lane("b".into()).before(ids[2])).await, expected[2..5]);
    let page = store.lanes(all(), 3).await.unwrap();
    assert_eq!(page.iter().map(|member| member.id).collect::<Vec<_>>(), [ids[1], ids[5], ids[6]]);
    let of_lane = store.scan(Filter::all().lane("b").orchestration("sitemap/watcher"), 99).await.unwrap();
    assert_eq!(ids_of(&of_lane), [0, 2, 4, 6].map(|at| ids[at]));
    assert!(of_lane.iter().all(|row| row.lane.as_deref() == Some("b")));
    assert_eq!(row(&store, ids[7]).await.unwrap().lane, None);
}

pub async fn who_waits_begins_once<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(3);
    commit(&store, admit(vec![in_lane(ids[0], "k", true), in_lane(ids[1], "k", false)])).await.unwrap();
    assert_eq!(status(&store, ids[0]).await, (Status::Waiting, None, 0));
    assert_rejected(&commit(&store, begin(ids[0], 2)).await, ids[0]);
    commit_all(&store, vec![begin(ids[0], 1), begin(ids[0], 1)]).await;
    assert_eq!(status(&store, ids[0]).await, (Status::Running, None, 1));
    assert_eq!(row(&store, ids[0]).await.unwrap().updated_ms, ADMITTED_MS + 3);
    // Only who waits, and who is stored.
    assert_rejected(&commit(&store, begin(ids[1], 1)).await, ids[1]);
    assert_rejected(&commit(&store, begin(ids[2], 1)).await, ids[2]);
    // From there on it is as any other.
    commit_all(&store, vec![checkpoint_at(ids[0], 2, 1), begin(ids[0], 1), resolve(ids[0], 3)]).await;
    let left = [("k".to_owned(), ids[1], Status::Running)];
    assert_eq!(members(&store, all()).await, left);
}

pub async fn who_waits_is_neither_awake_nor_due_before_its_time<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(3);
    let later = NewWorkflow { wake_ms: Some(ADMITTED_MS + 9), ..in_lane(ids[0], "k", true) };
    commit(&store, admit(vec![later, in_lane(ids[1], "k", true), new(ids[2])])).await.unwrap();
    let scan = async |filter: Filter| ids_of(&store.scan(filter, 99).await.unwrap());
    assert_eq!(scan(Filter::all().status(Status::Running)).await, ids[2..]);
    assert_eq!(scan(Filter::all().status(Status::Waiting)).await, ids[..2]);
    assert_eq!(due_ids(&store, i64::MAX).await, ids[..1]);
    let waiting = |at: usize| ("k".to_owned(), ids[at], Status::Waiting);
    assert_eq!(members(&store, all()).await, [waiting(1)]);
    let then = InLanes { until_ms: ADMITTED_MS + 9, ..all() };
    assert_eq!(members(&store, then).await, [waiting(0), waiting(1)]);
    commit(&store, begin(ids[0], 1)).await.unwrap();
    assert_eq!(due_ids(&store, i64::MAX).await, []);
}

pub async fn who_is_let_go_on_may_wait_for_its_turn<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    commit_all(&store, vec![admit(vec![in_lane(id, "k", false)]), quarantine(id, 1, failure(1))]).await;
    commit(&store, Requeue::new(id, ADMITTED_MS).in_turn().into()).await.unwrap();
    assert_eq!(status(&store, id).await, (Status::Waiting, None, 2));
    assert_eq!(members(&store, all()).await, [("k".to_owned(), id, Status::Waiting)]);
    commit_all(&store, vec![begin(id, 3), quarantine(id, 4, failure(2)), requeue(id)]).await;
    assert_eq!(status(&store, id).await.0, Status::Running);
    commit(&store, discard(id)).await.unwrap();
    assert_eq!(members(&store, all()).await, []);
}

pub async fn lanes_survive<S: StateStore>(open: impl Fn() -> S) {
    let ids = ids(2);
    {
        let store = opened(&open).await;
        commit(&store, admit(vec![in_lane(ids[0], "k", true), in_lane(ids[1], "it's\n%", false)])).await.unwrap();
        store.close().await.unwrap();
    }
    let store = opened(&open).await;
    let expected = [("it's\n%".to_owned(), ids[1], Status::Running), ("k".to_owned(), ids[0], Status::Waiting)];
    assert_eq!(members(&store, all()).await, expected);
}
