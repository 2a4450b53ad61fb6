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
    store.commit(vec![admit(vec![new_workflow(id)]).into()]).await.remove(0).unwrap();
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
    first.commit(vec![admit(vec![new_workflow(id)]).into()]).await.remove(0).unwrap();
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

#[tokio::test]
async fn r8_who_lost_the_lock_never_writes_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let (first, second) = (SqliteStore::at(&path), SqliteStore::at(&path));
    first.open().await.unwrap();
    let ids = WorkflowIds::after(None);
    let commit = |store: &SqliteStore| store.commit(vec![admit(vec![new_workflow(ids.next())]).into()]);
    commit(&first).await.remove(0).unwrap();

    std::fs::remove_file(dir.path().join("state.db.lock")).unwrap();
    let opened = second.open().await.unwrap();
    assert_eq!((opened.epoch, opened.deaths), (2, 1));
    for _ in 0..2 {
        let error = commit(&first).await.remove(0).unwrap_err();
        let text = error.to_string();
        assert!(error.is_owned(), "{text}");
        assert!(text.contains("opened 2 times") && text.contains("number 1"), "{text}");
        assert!(text.contains("stop this process"), "{text}");
        commit(&second).await.remove(0).unwrap();
    }
    // Nor does its orderly end count as that of the new owner, who is killed here as far as the file can tell.
    assert!(first.close().await.unwrap_err().is_owned());
    assert_eq!(second.scan(Filter::all(), 9).await.unwrap().len(), 3);
    drop(second);
    assert_eq!(SqliteStore::at(&path).open().await.unwrap().deaths, 2);
}

#[tokio::test]
async fn r8_a_lock_that_is_put_back_does_not_help_who_lost_it() {
    let dir = tempfile::tempdir().unwrap();
    let (path, lock) = (dir.path().join("state.db"), dir.path().join("state.db.lock"));
    let (first, second) = (SqliteStore::at(&path), SqliteStore::at(&path));
    first.open().await.unwrap();
    let aside = dir.path().join("aside");
    std::fs::rename(&lock, &aside).unwrap();
    second.open().await.unwrap();
    second.close().await.unwrap();
    std::fs::rename(&aside, &lock).unwrap();
    let id = WorkflowIds::after(None).next();
    let error = first.commit(vec![admit(vec![new_workflow(id)]).into()]).await.remove(0).unwrap_err();
    assert!(error.is_owned() && error.to_string().contains("opened 2 times"), "{error}");
    drop(first);
    let store = SqliteStore::at(&path);
    assert_eq!(store.open().await.unwrap().deaths, 0);
    assert_eq!(store.scan(Filter::all(), 9).await.unwrap(), []);
}

#[tokio::test]
async fn r6_who_only_has_a_look_leaves_the_record_of_deaths_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let died = SqliteStore::at(&path);
    died.open().await.unwrap();
    drop(died);
    for _ in 0..3 {
        let visitor = SqliteStore::at(&path).visiting();
        assert_eq!(visitor.open().await.unwrap().deaths, 1);
        visitor.close().await.unwrap();
    }
    let program = SqliteStore::at(&path);
    assert_eq!(program.open().await.unwrap().deaths, 1);
    program.close().await.unwrap();
    let visitor = SqliteStore::at(&path).visiting();
    assert_eq!(visitor.open().await.unwrap().deaths, 0);
    visitor.close().await.unwrap();
    assert_eq!(SqliteStore::at(&path).open().await.unwrap().deaths, 0);
}
