//! A file that is damaged, or held by somebody else: a clear word, no further harm, and the neighbours still readable.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::TempDir;

use minions_core::store::{Filter, StateStore as _};
use minions_core::testing::ops::{admit, advance, new_workflow};
use minions_core::workflow::{WorkflowId, WorkflowIds};
use minions_sqlite::SqliteStore;

const PAGE: usize = 4096;

/// A closed state of many pages, and the workflows in it.
async fn many() -> (TempDir, PathBuf, Vec<WorkflowId>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let store = SqliteStore::at(&path);
    store.open().await.unwrap();
    let ids = WorkflowIds::after(None);
    let ids: Vec<_> = (0..200).map(|_| ids.next()).collect();
    // Each on a page of its own, more or less.
    let create = |&id: &WorkflowId| {
        let mut new = new_workflow(id);
        new.context = vec![b'x'; 3_000];
        new
    };
    let create = ids.iter().map(create).collect();
    store.commit(vec![admit(create).into()]).await.remove(0).unwrap();
    store.close().await.unwrap();
    (dir, path, ids)
}

fn page_of(path: &Path, id: WorkflowId) -> usize {
    let bytes = fs::read(path).unwrap();
    // The part of the identity that is not in the key lies before the checkpoint.
    let rest = id.to_string().split_off(16);
    let at = bytes.windows(16).position(|window| window == rest.as_bytes()).expect("the row is in the file");
    at / PAGE
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, &bytes).unwrap();
    bytes
}

#[tokio::test]
async fn d9_a_truncated_file_is_named_at_the_start_and_left_alone() {
    let (_dir, path, _) = many().await;
    for length in [150 * PAGE, 20 * PAGE + 77, PAGE] {
        let damaged = change(&path, |bytes| bytes.truncate(length));
        let text = SqliteStore::at(&path).open().await.unwrap_err().to_string();
        assert!(text.contains("is damaged; restore it from a backup") && text.contains("state.db"), "{text}");
        assert!(fs::read(&path).unwrap() == damaged, "the file was changed");
    }
}

#[tokio::test]
async fn d9_a_damaged_page_is_named_and_its_neighbours_are_readable() {
    let (_dir, path, ids) = many().await;
    let page = page_of(&path, ids[100]);
    // The kind of the page, and where its rows are.
    change(&path, |bytes| bytes[page * PAGE..page * PAGE + 8].copy_from_slice(&[0x42; 8]));
    let store = SqliteStore::at(&path);
    store.open().await.unwrap();
    let error = store.scan(Filter::all(), usize::MAX).await.unwrap_err();
    assert!(!error.is_rejected() && error.to_string().contains("is damaged; restore it from a backup"), "{error}");
    let error = store.commit(vec![advance(ids[100], 1).into()]).await.remove(0).unwrap_err();
    assert!(!error.is_rejected() && error.to_string().contains("is damaged; restore it from a backup"), "{error}");
    // Whoever lies elsewhere is read and goes on.
    for id in [ids[0], ids[50], ids[150], ids[199]] {
        assert_eq!(store.scan(Filter::only(id), 1).await.unwrap().len(), 1);
        store.commit(vec![advance(id, 1).into()]).await.remove(0).unwrap();
        assert_eq!(store.scan(Filter::only(id), 1).await.unwrap()[0].seq, 1);
    }
    let before: Vec<_> = store.scan(Filter::all().up_to(ids[90]), usize::MAX).await.unwrap();
    assert_eq!(before.len(), 91);
    store.close().await.unwrap();
    let bytes = fs::read(&path).unwrap();
    assert_eq!(bytes[page * PAGE..page * PAGE + 8], [0x42; 8], "nothing was written over what is damaged");
}

#[tokio::test]
async fn d9_flipped_bits_in_a_row_are_shown_as_damage_beside_good_rows() {
    let (_dir, path, ids) = many().await;
    let page = page_of(&path, ids[100]);
    // The name of its step is no text any more.
    change(&path, |bytes| {
        let step = bytes[page * PAGE..].windows(5).position(|window| window == b"fetch").unwrap();
        bytes[page * PAGE + step] ^= 0x80;
    });
    let store = SqliteStore::at(&path);
    store.open().await.unwrap();
    let rows = store.scan(Filter::all(), usize::MAX).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), ids);
    let damaged: Vec<_> = rows.iter().filter_map(|row| row.damage.as_deref()).collect();
    assert_eq!(damaged, ["its step is no text"]);
    assert!(rows.iter().all(|row| row.context == vec![b'x'; 3_000]));
}

#[tokio::test]
async fn d9_a_file_that_another_program_holds_is_named_and_can_be_opened_later() {
    let (_dir, path, ids) = many().await;
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let store = SqliteStore::at(&path);
    let error = store.open().await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("another program holds it; close that program") && text.contains("state.db"), "{text}");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(store.open().await.unwrap().last_id, ids.last().copied());
}
