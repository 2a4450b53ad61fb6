//! What is behind: deaths of processes, and workflows that have ended.

use crate::store::{Ended, Filter, KeepHistory, Op, Outcome, Resolve, StateStore, Suspect, Tidy};
use crate::workflow::WorkflowId;

use super::support::*;

fn suspect(found: &[(WorkflowId, u32)], alone: Option<WorkflowId>) -> Op {
    Suspect { found: found.to_vec(), alone }.into()
}

async fn deaths(store: &impl StateStore, id: WorkflowId) -> u32 {
    row(store, id).await.expect("it is stored").deaths
}

pub async fn deaths_count_as_long_as_there_is_no_progress<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(3);
    commit(&store, admit(ids.iter().map(|&id| new(id)).collect())).await.unwrap();
    commit(&store, suspect(&[(ids[0], 0), (ids[1], 0)], None)).await.unwrap();
    commit(&store, suspect(&[(ids[0], 0)], None)).await.unwrap();
    assert_eq!([deaths(&store, ids[0]).await, deaths(&store, ids[1]).await, deaths(&store, ids[2]).await], [2, 1, 0]);
    let found = async |count| ids_of(&store.scan(Filter::all().deaths(count), 9).await.unwrap());
    assert_eq!(found(0).await, ids);
    assert_eq!(found(1).await, ids[..2]);
    assert_eq!(found(2).await, ids[..1]);
    assert_eq!(found(3).await, []);
    // At another revision it has made progress, and is recorded from the beginning.
    commit(&store, advance(ids[0], 1)).await.unwrap();
    assert_eq!((deaths(&store, ids[0]).await, found(1).await), (0, vec![ids[1]]));
    commit(&store, suspect(&[(ids[0], 1)], None)).await.unwrap();
    assert_eq!(deaths(&store, ids[0]).await, 1);
}

pub async fn deaths_go_with_their_workflow<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let id = id();
    for end in [resolve(id, 1), discard(id)] {
        commit_all(&store, vec![admit(vec![new(id)]), suspect(&[(id, 0)], None), end]).await;
        // The same identity again is only a test's idea, but shows what is left.
        commit(&store, admit(vec![new(id)])).await.unwrap();
        assert_eq!(deaths(&store, id).await, 0);
        commit(&store, discard(id)).await.unwrap();
    }
}

pub async fn open_counts_owners_that_did_not_close<S: StateStore>(open: impl Fn() -> S) {
    let ids = ids(2);
    let mut before = None;
    for (round, alone) in (0..).zip([None, Some(ids[0]), Some(ids[1]), None]) {
        let store = open();
        let opened = store.open().await.unwrap();
        assert_eq!((opened.deaths, opened.alone), (round, before));
        commit_all(&store, vec![admit(vec![new(ids[0])]), suspect(&[(ids[0], 0)], alone)]).await;
        assert_eq!(deaths(&store, ids[0]).await, round + 1);
        before = alone;
    }
    let store = opened(&open).await;
    commit(&store, suspect(&[], Some(ids[0]))).await.unwrap();
    store.close().await.unwrap();
    drop(store);
    let store = open();
    let opened = store.open().await.unwrap();
    assert_eq!((opened.deaths, opened.alone), (0, None));
    assert_eq!(deaths(&store, ids[0]).await, 0);
}

fn ended(id: WorkflowId, orchestration: &str, at: i64) -> Ended {
    Ended { ended_ms: ADMITTED_MS + at, ..Ended::new(id, orchestration) }
}

fn ends(id: WorkflowId, ended: Ended) -> Op {
    Resolve { history: Some(ended), ..resolution(id, 1) }.into()
}

async fn history(store: &impl StateStore, of: Option<&str>) -> Vec<WorkflowId> {
    let history = store.history(of.map(str::to_owned), usize::MAX).await.expect("the store can be read");
    history.iter().map(|ended| ended.id).collect()
}

pub async fn history_keeps_what_is_said_of_the_end<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(4);
    commit(&store, admit(ids.iter().map(|&id| new(id)).collect())).await.unwrap();
    let whole = Ended {
        outcome: Outcome::Failed,
        step: "record".into(),
        seq: 3,
        revision: u32::MAX,
        created_ms: ADMITTED_MS,
        failures: vec![failure(1), failure(2)],
        ..ended(ids[0], "one", 7)
    };
    let aborted = Ended { outcome: Outcome::Aborted, ..ended(ids[1], "one", 8) };
    let succeeded = ended(ids[2], "two", 9);
    let batch = vec![
        ends(ids[0], whole.clone()),
        ends(ids[1], aborted.clone()),
        ends(ids[2], succeeded.clone()),
        resolve(ids[3], 1),
    ];
    commit_all(&store, batch).await;
    // Repeated, it is not remembered twice.
    commit(&store, ends(ids[0], whole.clone())).await.unwrap();
    assert_eq!(store.history(None, 9).await.unwrap(), [succeeded, aborted.clone(), whole.clone()]);
    assert_eq!(store.history(Some("one".to_owned()), 9).await.unwrap(), [aborted.clone(), whole]);
    assert_eq!(store.history(Some("one".to_owned()), 1).await.unwrap(), [aborted]);
    assert_eq!(store.history(Some("three".to_owned()), 9).await.unwrap(), []);
    store.close().await.unwrap();
    drop(store);
    assert_eq!(history(&opened(&open).await, None).await, [ids[2], ids[1], ids[0]]);
}

pub async fn tidy_bounds_history_by_count_and_age<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(20);
    commit(&store, admit(ids.iter().map(|&id| new(id)).collect())).await.unwrap();
    // Two end at every millisecond.
    let name = |at: usize| if at < 10 { "one" } else { "two" };
    let ends = ids.iter().enumerate().map(|(at, &id)| ends(id, ended(id, name(at), (at % 10 / 2) as i64)));
    commit_all(&store, ends.collect()).await;
    let tidy = |orchestration: &str, last, since: i64| {
        let keep = KeepHistory { orchestration: orchestration.into(), last, since_ms: ADMITTED_MS + since };
        Op::from(Tidy { at_ms: ADMITTED_MS, history: vec![keep] })
    };
    let newest = |of: std::ops::Range<usize>| ids[of].iter().rev().copied().collect::<Vec<_>>();
    commit_all(&store, vec![tidy("one", 7, 0), tidy("three", 0, 0)]).await;
    assert_eq!(history(&store, Some("one")).await, newest(3..10));
    commit(&store, tidy("one", u64::MAX, 3)).await.unwrap();
    assert_eq!(history(&store, Some("one")).await, newest(6..10));
    commit_all(&store, vec![tidy("one", 3, 4), tidy("one", 3, 4)]).await;
    assert_eq!(history(&store, Some("one")).await, newest(8..10));
    assert_eq!(history(&store, Some("two")).await, newest(10..20));
    commit(&store, tidy("two", 0, 0)).await.unwrap();
    assert_eq!(history(&store, None).await, newest(8..10));
}
