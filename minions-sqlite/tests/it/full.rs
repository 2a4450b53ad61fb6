//! A disk that is full: what was answered is durable, what was refused has changed nothing, and it goes on by itself
//! once there is space.

use std::fs;
use std::path::Path;

use minions_core::store::{Filter, StateStore as _, StoreError};
use minions_core::testing::ops::{admit_event, advance, new_workflow, resolve};
use minions_core::workflow::{WorkflowId, WorkflowIds};
use minions_sqlite::SqliteStore;

use crate::child::{self, Process};

async fn stored(store: &SqliteStore) -> Vec<WorkflowId> {
    store.scan(Filter::all(), usize::MAX).await.unwrap().iter().map(|row| row.id).collect()
}

fn assert_full(error: &StoreError) {
    assert!(!error.is_rejected() && error.to_string().contains("is full; free some space"), "{error}");
}

/// Takes all the space that is left.
fn fill_up(ballast: &Path) {
    use std::io::Write as _;

    let mut file = fs::OpenOptions::new().create(true).append(true).open(ballast).unwrap();
    while file.write_all(&[7; 4096]).is_ok() {}
}

#[tokio::test]
#[ignore = "runs on a small disk for the test below"]
async fn until_it_is_full_and_again() {
    let path = child::path();
    let ballast = path.with_file_name("ballast");
    let store = SqliteStore::at(&path);
    store.open().await.unwrap();
    let ids = WorkflowIds::after(None);
    let long = || admit_event(vec![b'x'; 20_000], vec![new_workflow(ids.next())]);
    for round in 0..4 {
        // As much of it as there is space for: the file does not shrink from one round to the next.
        let _ = fs::write(&ballast, vec![7; 4 << 20]);
        let mut refused = 0;
        for _ in 0..250 {
            if let Err(error) = store.commit(vec![long().into()]).await.remove(0) {
                assert_full(&error);
                refused += 1;
            }
        }
        assert!(refused > 0, "round {round} has not filled the disk");
        fill_up(&ballast);
        // Nothing can be written at all: neither is anything lost, nor does anything appear.
        let before = stored(&store).await;
        let results = store.commit(vec![long().into(), long().into()]).await;
        let answered: Vec<_> = results.iter().map(Result::is_ok).collect();
        assert!(answered == [false, false] || answered == [true, true], "a batch is durable or it is not: {results:?}");
        assert_eq!(stored(&store).await.len(), before.len() + answered.iter().filter(|&&durable| durable).count());

        fs::remove_file(&ballast).unwrap();
        // It goes on without a restart, and comes to its end.
        for id in stored(&store).await {
            for op in [advance(id, 1), resolve(id, 2)] {
                store.commit(vec![op.into()]).await.remove(0).expect("there is space again");
            }
        }
        assert_eq!(stored(&store).await, []);
    }
    store.close().await.unwrap();
}

#[tokio::test]
#[ignore = "runs on a small disk for the test below"]
async fn full_at_the_start() {
    let path = child::path();
    let ballast = path.with_file_name("ballast");
    fill_up(&ballast);
    let error = SqliteStore::at(&path).open().await.unwrap_err();
    assert!(error.to_string().contains("full") && error.to_string().contains("state.db"), "{error}");
    fs::remove_file(&ballast).unwrap();
    let store = SqliteStore::at(&path);
    store.open().await.unwrap();
    let id = WorkflowIds::after(None).next();
    store.commit(vec![admit_event(*b"{}", vec![new_workflow(id)]).into()]).await.remove(0).unwrap();
    store.close().await.unwrap();
    let before = fs::read(&path).unwrap();

    fill_up(&ballast);
    let error = SqliteStore::at(&path).open().await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("state.db") && text.contains("is full; free some space"), "{text}");
    assert!(fs::read(&path).unwrap() == before, "the file was changed");
    fs::remove_file(&ballast).unwrap();
    assert_eq!(store.open().await.unwrap().last_id, Some(id));
    store.close().await.unwrap();
}

fn succeeds_on_a_small_disk(name: &str) {
    let dir = tempfile::tempdir().unwrap();
    match Process::on_a_small_disk(name, &dir.path().join("state.db"), 8) {
        Some(child) => assert!(child.succeeds(), "see above"),
        // What a full disk does to a batch is tested in the crate as well, by a limit on the pages of the file.
        None => println!("skipped: this system mounts nothing for us"),
    }
}

#[test]
fn d9_a_full_disk_blocks_until_there_is_space_again() {
    succeeds_on_a_small_disk("full::until_it_is_full_and_again");
}

#[test]
fn d9_a_full_disk_at_the_start_is_named_and_nothing_is_harmed() {
    succeeds_on_a_small_disk("full::full_at_the_start");
}
