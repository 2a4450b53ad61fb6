//! Reading: order, pages, filters and counts.

use crate::store::{FieldIs, Filter, StateStore, Status, StatusCount};
use crate::workflow::WorkflowId;

use super::support::*;

pub async fn scan_of_an_empty_store_is_empty<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    assert_eq!(rows(&store).await, []);
    assert_eq!(store.counts().await.unwrap(), []);
    assert_eq!(row(&store, id()).await, None);
}

pub async fn scan_answers_in_order_of_identity<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(100);
    // Neither the order of admission nor the order of changes counts.
    commit_all(&store, ids.iter().rev().map(|&id| admit(vec![new(id)])).collect()).await;
    commit_all(&store, ids.iter().step_by(7).rev().map(|&id| advance(id, 1)).collect()).await;
    assert_eq!(ids_of(&rows(&store).await), ids);
}

pub async fn scan_answers_no_more_than_asked_for<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(10);
    commit(&store, admit(ids.iter().map(|&id| new(id)).collect())).await.unwrap();
    for (limit, expected) in [(0, 0), (1, 1), (9, 9), (10, 10), (11, 10), (usize::MAX, 10)] {
        let rows = store.scan(Filter::all(), limit).await.unwrap();
        assert_eq!(ids_of(&rows), ids[..expected], "with a limit of {limit}");
    }
}

pub async fn scan_in_pages_answers_everything_once<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let all = ids(103);
    commit(&store, admit(all.iter().map(|&id| new(id)).collect())).await.unwrap();
    for page in [1, 10, 103] {
        let mut seen = Vec::new();
        let mut filter = Filter::all();
        loop {
            let rows = store.scan(filter, page).await.unwrap();
            let Some(last) = rows.last() else { break };
            filter = Filter::all().after(last.id);
            seen.extend(ids_of(&rows));
        }
        assert_eq!(seen, all, "in pages of {page}");
    }
}

pub async fn scan_filters<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(8);
    let name = |at: usize| if at.is_multiple_of(2) { "even" } else { "odd" };
    for (at, &id) in ids.iter().enumerate() {
        commit(&store, admit(vec![new_in(id, name(at))])).await.unwrap();
    }
    for at in [1, 2, 6] {
        commit(&store, quarantine(ids[at], 1, failure(1))).await.unwrap();
    }
    let cases: [(Filter, &[usize]); 14] = [
        (Filter::all().orchestration("even"), &[0, 2, 4, 6]),
        (Filter::all().orchestration("odd"), &[1, 3, 5, 7]),
        (Filter::all().orchestration("eve"), &[]),
        (Filter::all().status(Status::Quarantined), &[1, 2, 6]),
        (Filter::all().status(Status::Running), &[0, 3, 4, 5, 7]),
        (Filter::all().after(ids[5]), &[6, 7]),
        (Filter::all().up_to(ids[2]), &[0, 1, 2]),
        (Filter::all().after(ids[2]).up_to(ids[4]), &[3, 4]),
        (Filter::all().orchestration("even").status(Status::Quarantined), &[2, 6]),
        (Filter::all().orchestration("even").status(Status::Quarantined).after(ids[2]), &[6]),
        (Filter::only(ids[3]), &[3]),
        (Filter::only(ids[3]).status(Status::Quarantined), &[]),
        (Filter::only(ids[3]).orchestration("odd").after(ids[2]).up_to(ids[3]), &[3]),
        (Filter::only(ids[3]).after(ids[3]), &[]),
    ];
    for (filter, expected) in cases {
        let expected: Vec<WorkflowId> = expected.iter().map(|&at| ids[at]).collect();
        let rows = store.scan(filter.clone(), 100).await.unwrap();
        assert_eq!(ids_of(&rows), expected, "{filter:?}");
        // A limit counts what matches, not what was looked at.
        let first = store.scan(filter.clone(), 1).await.unwrap();
        assert_eq!(ids_of(&first), expected[..expected.len().min(1)], "{filter:?}");
    }
}

pub async fn scan_filters_by_rest_and_step<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(5);
    commit(&store, admit(ids.iter().map(|&id| new(id)).collect())).await.unwrap();
    let batch = vec![
        advance(ids[0], 1),
        sleeps(ids[1], 1, 10),
        waits_for(ids[2], 1, "approval", i64::MAX),
        defer(ids[3], 1, failure(1)),
        quarantine(ids[4], 1, failure(1)),
    ];
    commit_all(&store, batch).await;
    let cases: [(Filter, &[usize]); 8] = [
        (Filter::all().rests(true), &[1, 2, 3]),
        (Filter::all().rests(false), &[0, 4]),
        (Filter::all().rests(false).status(Status::Running), &[0]),
        (Filter::all().rests(true).after(ids[1]).up_to(ids[2]), &[2]),
        (Filter::all().step("step 1"), &[0, 1, 2]),
        (Filter::all().step("fetch"), &[3, 4]),
        (Filter::all().step("fetc"), &[]),
        (Filter::all().step("step 1").rests(true).orchestration("sitemap/watcher"), &[1, 2]),
    ];
    for (filter, expected) in cases {
        let expected: Vec<WorkflowId> = expected.iter().map(|&at| ids[at]).collect();
        let rows = store.scan(filter.clone(), 100).await.unwrap();
        assert_eq!(ids_of(&rows), expected, "{filter:?}");
    }
}

pub async fn scan_filters_by_a_field_of_the_event<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let long = format!(r#"{{"page":{{"url":"long"}},"text":"{}"}}"#, "x".repeat(100_000));
    let events: [&[u8]; 8] = [
        br#"{"page":{"url":"it's"},"n":1,"tags":["a","b"],"none":null,"0":"zero"}"#,
        br#"{"page":{"url":"https://example.org/?a=1&b=%_"},"n":1.50,"tags":[]}"#,
        br#"{"page":"url","n":"1","deep":[{"x":[true]}]}"#,
        br#"["zero",{"b":2,"a":1}]"#,
        b"\"text\"",
        b"{broken",
        b"\xff\xfe",
        long.as_bytes(),
    ];
    let ids = ids(events.len());
    for (&id, event) in ids.iter().zip(events) {
        commit(&store, admit_event(event, vec![new(id)])).await.unwrap();
    }
    let cases: [(&str, &str, &[usize]); 15] = [
        ("page.url", "it's", &[0]),
        ("page.url", "https://example.org/?a=1&b=%_", &[1]),
        ("page.url", "long", &[7]),
        ("page", "url", &[2]),
        ("page", r#"{"url":"it's"}"#, &[0]),
        ("n", "1", &[0, 2]),
        ("n", "1.5", &[1]),
        ("tags.1", "b", &[0]),
        ("tags", "[]", &[1]),
        ("none", "null", &[0]),
        ("0", "zero", &[0, 3]),
        ("1", r#"{"a":1,"b":2}"#, &[3]),
        ("deep.0.x.0", "true", &[2]),
        ("missing", "null", &[]),
        ("page.url.further", "it's", &[]),
    ];
    for (path, value, expected) in cases {
        let filter = Filter::all().event(FieldIs::new(path, value));
        let expected: Vec<WorkflowId> = expected.iter().map(|&at| ids[at]).collect();
        let found = async |filter, limit| ids_of(&store.scan(filter, limit).await.unwrap());
        assert_eq!(found(filter.clone(), 100).await, expected, "{path} = {value}");
        // A limit counts what matches, not what was looked at.
        assert_eq!(found(filter.clone(), 1).await, expected[..expected.len().min(1)], "{path} = {value}");
        let after = filter.after(ids[0]).orchestration("sitemap/watcher");
        assert_eq!(found(after, 100).await, expected.into_iter().filter(|id| *id != ids[0]).collect::<Vec<_>>());
    }
}

pub async fn scan_by_an_empty_range_is_empty<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(3);
    commit(&store, admit(ids.iter().map(|&id| new(id)).collect())).await.unwrap();
    let top = WorkflowId::from_bytes([0xff; 16]);
    let bottom = WorkflowId::from_bytes([0; 16]);
    for filter in [
        Filter::all().after(ids[2]).up_to(ids[0]),
        Filter::all().after(ids[1]).up_to(ids[1]),
        Filter::all().after(top),
        Filter::all().up_to(bottom),
        Filter::only(twin(ids[1])),
    ] {
        assert_eq!(store.scan(filter.clone(), 100).await.unwrap(), [], "{filter:?}");
    }
    assert_eq!(ids_of(&store.scan(Filter::all().after(bottom).up_to(top), 100).await.unwrap()), ids);
}

pub async fn counts_by_orchestration_and_status<S: StateStore>(open: impl Fn() -> S) {
    let store = opened(&open).await;
    let ids = ids(6);
    for (at, &id) in ids.iter().enumerate() {
        commit(&store, admit(vec![new_in(id, if at < 4 { "many" } else { "few" })])).await.unwrap();
    }
    commit_all(&store, vec![quarantine(ids[0], 1, failure(1)), resolve(ids[5], 1)]).await;
    let mut counts = store.counts().await.unwrap();
    counts.sort_by(|a, b| (&a.orchestration, a.status).cmp(&(&b.orchestration, b.status)));
    let count = |orchestration: &str, status, count| StatusCount { orchestration: orchestration.into(), status, count };
    let expected =
        [count("few", Status::Running, 1), count("many", Status::Running, 3), count("many", Status::Quarantined, 1)];
    assert_eq!(counts, expected);
    assert_eq!(store.quarantined().await.unwrap(), expected[2..]);
    commit(&store, requeue(ids[0])).await.unwrap();
    assert_eq!(store.quarantined().await.unwrap(), []);
}
