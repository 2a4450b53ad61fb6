//! One owner at a time, and nobody waits for the dead.

use minions_core::store::{Filter, StateStore as _};
use minions_core::testing::ops::{admit, new_workflow};
use minions_core::workflow::WorkflowIds;
use minions_sqlite::SqliteStore;

use crate::child::{self, Process};

#[tokio::test]
#[ignore = "the other process of the tests below"]
async fn hold() {
    let store = SqliteStore::at(child::path());
    store.open().await.unwrap();
    let id = WorkflowIds::after(None).next();
    store.commit(vec![admit(vec![new_workflow(id)])]).await.remove(0).unwrap();
    child::say("open");
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn another_process_is_refused_until_the_owner_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let mut owner = Process::start("lock::hold", &path);
    assert_eq!(owner.hear().as_deref(), Some("open"));

    let error = SqliteStore::at(&path).open().await.unwrap_err();
    let (text, pid) = (error.to_string(), owner.id().to_string());
    assert!(error.is_owned(), "{text}");
    assert!(text.contains(&format!("process {pid};")) && text.contains(&path.display().to_string()), "{text}");
    assert!(text.contains("stop it, or use another state directory"), "{text}");

    owner.kill();
    let store = SqliteStore::at(&path);
    let opened = store.open().await.unwrap();
    assert_eq!(opened.epoch, 2);
    let rows = store.scan(Filter::all(), 10).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), opened.last_id.as_slice());
    store.close().await.unwrap();
}

#[tokio::test]
async fn the_same_process_is_refused_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let (first, second) = (SqliteStore::at(&path), SqliteStore::at(&path));
    first.open().await.unwrap();
    for refused in [second.open().await, first.open().await] {
        let error = refused.unwrap_err();
        assert!(error.is_owned() && error.to_string().contains("this process"), "{error}");
    }
    // The refused one has not harmed the owner.
    let id = WorkflowIds::after(None).next();
    first.commit(vec![admit(vec![new_workflow(id)])]).await.remove(0).unwrap();
    first.close().await.unwrap();
    assert_eq!(second.open().await.unwrap().last_id, Some(id));
}

#[tokio::test]
async fn a_store_that_is_dropped_frees_its_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    for epoch in 1..=5 {
        let store = SqliteStore::at(&path);
        assert_eq!(store.open().await.unwrap().epoch, epoch);
        drop(store);
    }
}
