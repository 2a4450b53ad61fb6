//! One program in three versions, each a process of its own that is killed with work on its hands, on one SQLite file.

mod process;
mod versions;

use std::sync::Arc;

use minions::sqlite::SqliteStore;
use minions::store::{Filter, Op, Requeue, StateStore as _, Status, StoredWorkflow};

use process::Process;
use versions::{STATE, Version};

/// Reads the file while nobody runs on it.
fn rows(state: &std::path::Path, then: Option<Requeue>) -> Vec<StoredWorkflow> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = SqliteStore::at(state.join("state.db"));
        store.open().await.unwrap();
        if let Some(order) = then {
            store.commit(vec![Arc::new(Op::from(order))]).await.remove(0).unwrap();
        }
        let rows = store.scan(Filter::all(), 100).await.unwrap();
        store.close().await.unwrap();
        rows
    })
}

fn row<'a>(rows: &'a [StoredWorkflow], item: &str) -> &'a StoredWorkflow {
    let named =
        |row: &&StoredWorkflow| serde_json::from_slice::<serde_json::Value>(&row.event).unwrap()["item"] == item;
    rows.iter().find(named).unwrap_or_else(|| panic!("`{item}` is not stored"))
}

#[test]
fn r4_stored_workflows_survive_two_upgrades_or_wait_in_quarantine_until_they_can_go_on() {
    let state = tempfile::tempdir().unwrap();
    let state = state.path();

    // Version 1 is killed with a workflow in each of its steps.
    let mut first = Process::start(Version::First, state);
    let mut at: Vec<_> = (0..4).map(|_| first.hears("holds ")).collect();
    at.sort();
    assert_eq!(at, ["at charge: tea", "at price: book", "at send: cake", "at wrap: milk"]);
    first.kill();
    let before = rows(state, None);
    assert_eq!(before.len(), 4);

    // Version 2: a field more and one less, a step with another name, another order, and a step that is gone.
    let mut second = Process::start(Version::Second, state);
    let mut ran: Vec<_> = std::iter::from_fn(|| second.hear()).filter(|line| line.starts_with("ran ")).collect();
    ran.sort();
    assert_eq!(
        ran,
        [
            "ran collect: book, paid false",
            "ran collect: tea, paid false",
            "ran price: book, paid false",
            "ran send: cake, paid false",
        ],
        "`collect` is the last step now, and nobody begins anew"
    );
    let after = rows(state, None);
    let [left] = &after[..] else { panic!("only the one at the removed step is left: {after:?}") };
    let was = row(&before, "milk");
    assert_eq!((left.status, &*left.step), (Status::Quarantined, "wrap"));
    assert_eq!((left.id, &left.event, &left.context, left.seq), (was.id, &was.event, &was.context, was.seq));
    let told = left.failures[0].error.join(": ");
    assert!(told.contains("has no step `wrap` any more") && told.contains("alias = \"wrap\""), "{told}");

    // Version 3 has a migration for it, which is killed after it was stored and before the step has done anything.
    let order = Requeue::new(left.id, 0);
    let ended = |process: &mut Process| std::iter::from_fn(|| process.hear()).collect::<Vec<_>>();
    let mut third = Process::start(Version::Third, state);
    assert_eq!(ended(&mut third), ["finished"], "a start alone takes nothing out of quarantine");
    rows(state, Some(order));
    let mut third = Process::start(Version::ThirdHeld, state);
    assert_eq!(third.hear().as_deref(), Some("migrates milk"));
    assert_eq!(third.hears("holds "), "at send: milk");
    third.kill();
    let killed = rows(state, None);
    assert_eq!((killed[0].version, &*killed[0].step), (1, "send"));
    assert_eq!(killed[0].context, br#"{"euros":0.07}"#);
    let mut third = Process::start(Version::Third, state);
    assert_eq!(ended(&mut third), ["ran send: milk, euros 0.07", "ran collect: milk, euros 0.07", "finished"]);
    assert!(rows(state, None).is_empty());
}

#[test]
#[ignore = "run by the other test, in a process of its own"]
fn version() {
    let state = std::env::var_os(STATE).expect("only another test starts this one");
    versions::run(state.as_ref());
}
