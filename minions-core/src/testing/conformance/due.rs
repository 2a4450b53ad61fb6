//! What is due: in the order in which it is, a page at a time.

use crate::store::{Due, DuePlace, NewWorkflow, Op, StateStore};
use crate::workflow::WorkflowId;

use super::support::*;

fn resting(id: WorkflowId, orchestration: &str, wake_ms: i64) -> Op {
    admit(vec![NewWorkflow { wake_ms: Some(wake_ms), ..new_in(id, orchestration) }])
}

pub async fn due_answers_in_the_order_of_waking<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(6);
    let wakes = [30, 10, 20, 10, i64::MAX, i64::MIN];
    let batch = ids.iter().zip(wakes).map(|(&id, wake_ms)| resting(id, "sitemap/watcher", wake_ms)).collect();
    commit_all(&store, batch).await;
    commit(&store, admit(vec![new(id())])).await.unwrap();
    let order = [5, 1, 3, 2, 0, 4].map(|at: usize| ids[at]);
    assert_eq!(due_ids(&store, i64::MAX).await, order);
    assert_eq!(due_ids(&store, i64::MAX - 1).await, order[..5]);
    assert_eq!(due_ids(&store, 20).await, order[..4]);
    assert_eq!(due_ids(&store, 9).await, order[..1]);
    let rows = store.due(Due::until("sitemap/watcher".into(), i64::MAX), 3).await.unwrap();
    assert_eq!(ids_of(&rows), order[..3]);
    // It answers whole rows.
    assert_eq!(Some(rows[1].clone()), row(&store, ids[1]).await);
}

pub async fn due_answers_one_orchestration<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(4);
    let batch = ids.iter().zip(["a", "b", "a", "b"]).map(|(&id, name)| resting(id, name, 5)).collect();
    commit_all(&store, batch).await;
    let due = async |name: &str| ids_of(&store.due(Due::until(name.into(), 5), 9).await.unwrap());
    assert_eq!(due("a").await, [ids[0], ids[2]]);
    assert_eq!(due("b").await, [ids[1], ids[3]]);
    assert_eq!(due("").await, []);
}

pub async fn due_in_pages_answers_everything_once<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(60);
    // Many that wake at the same time, so that pages end among them.
    let wake = |at: usize| (at as i64 * 7) % 3;
    let batch = ids.iter().enumerate().map(|(at, &id)| resting(id, "sitemap/watcher", wake(at))).collect();
    commit_all(&store, batch).await;
    let all = due_ids(&store, 2).await;
    assert_eq!(all.len(), 60);
    for page in [1, 7, 60] {
        let (mut seen, mut place) = (Vec::new(), DuePlace::START);
        loop {
            let rows = store.due(Due::until("sitemap/watcher".into(), 2).after(place), page).await.unwrap();
            let Some(last) = rows.last() else { break };
            place = DuePlace { wake_ms: last.wake_ms.expect("it rests"), key: last.id.key() };
            seen.extend(ids_of(&rows));
        }
        assert_eq!(seen, all, "in pages of {page}");
    }
    // A place needs not be that of a workflow.
    let after = async |place| store.due(Due::until("sitemap/watcher".into(), 2).after(place), 99).await.unwrap().len();
    assert_eq!(after(DuePlace::before(1)).await, 40);
    assert_eq!(after(DuePlace::before(3)).await, 0);
}

pub async fn due_forgets_who_is_gone_or_awake<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(5);
    commit_all(&store, ids.iter().map(|&id| resting(id, "sitemap/watcher", 5)).collect()).await;
    let batch = vec![
        advance(ids[0], 1),
        resolve(ids[1], 1),
        discard(ids[2]),
        quarantine(ids[3], 1, failure(1)),
        defer(ids[4], 1, failure(1)),
    ];
    commit_all(&store, batch).await;
    assert_eq!(due_ids(&store, 5).await, []);
    assert_eq!(due_ids(&store, i64::MAX).await, [ids[4]]);
}
