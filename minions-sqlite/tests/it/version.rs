//! Files of another version, and files of somebody else: refused with a clear word, and left as they are.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::TempDir;

use minions_core::store::{StateStore as _, StoreError};
use minions_sqlite::SqliteStore;

fn place() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    (dir, path)
}

fn files(dir: &Path) -> BTreeMap<OsString, Vec<u8>> {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name(), fs::read(entry.path()).unwrap()))
        .collect()
}

/// Opens the state at `path`, which must fail and leave every file in the directory as it is.
async fn refused(path: &Path) -> StoreError {
    let before = files(path.parent().unwrap());
    let error = SqliteStore::at(path).open().await.unwrap_err();
    assert!(files(path.parent().unwrap()) == before, "files were changed, or came or went");
    assert!(error.to_string().contains(&path.display().to_string()), "`{error}` does not name the file");
    error
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let (_dir, path) = place();
    let store = SqliteStore::at(&path);
    store.open().await.unwrap();
    store.close().await.unwrap();
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 9").unwrap();
    let error = refused(&path).await;
    assert!(error.is_newer_schema(), "{error}");
    let text = error.to_string();
    assert!(text.contains("version 9") && text.contains("above 4"), "{text}");
}

#[tokio::test]
async fn a_newer_schema_in_the_log_of_a_killed_owner_is_refused() {
    let (_from, from) = place();
    let store = SqliteStore::at(&from);
    store.open().await.unwrap();
    store.close().await.unwrap();
    let owner = Connection::open(&from).unwrap();
    owner.execute_batch("PRAGMA wal_autocheckpoint = 0; PRAGMA user_version = 9").unwrap();
    // What lies there while the owner runs is what it would leave when killed.
    let (_dir, path) = place();
    fs::copy(&from, &path).unwrap();
    let log = path.with_file_name("state.db-wal");
    fs::copy(from.with_file_name("state.db-wal"), &log).unwrap();
    let before = (fs::read(&path).unwrap(), fs::read(&log).unwrap());
    assert!(!before.1.is_empty());
    assert!(SqliteStore::at(&path).open().await.unwrap_err().is_newer_schema());
    assert!((fs::read(&path).unwrap(), fs::read(&log).unwrap()) == before, "the state was changed");
    assert!(!path.with_file_name("state.db.lock").exists());
}

#[tokio::test]
async fn a_database_of_another_program_is_refused() {
    for theirs in [
        "CREATE TABLE t (x); INSERT INTO t VALUES (1)",
        "PRAGMA application_id = 7",
        "PRAGMA application_id = 7; PRAGMA journal_mode = WAL; CREATE TABLE workflow (x)",
        "PRAGMA user_version = 3",
    ] {
        let (_dir, path) = place();
        Connection::open(&path).unwrap().execute_batch(theirs).unwrap();
        let error = refused(&path).await;
        assert!(error.to_string().contains("a database of another program"), "{theirs}: {error}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let (_dir, path) = place();
    fs::write(&path, "these are the notes of somebody, and they are longer than a header\n".repeat(50)).unwrap();
    let error = refused(&path).await;
    assert!(error.to_string().contains("not an SQLite database"), "{error}");
    assert!(error.source().is_some());
}

#[tokio::test]
async fn an_empty_file_is_taken() {
    let (_dir, path) = place();
    fs::write(&path, "").unwrap();
    assert_eq!(SqliteStore::at(&path).open().await.unwrap().epoch, 1);
}

#[tokio::test]
async fn a_refused_file_can_be_opened_once_it_is_right() {
    let (_dir, path) = place();
    let store = SqliteStore::at(&path);
    fs::write(&path, "not a database, and longer than one hundred bytes".repeat(9)).unwrap();
    store.open().await.unwrap_err();
    fs::remove_file(&path).unwrap();
    assert_eq!(store.open().await.unwrap().epoch, 1);
}
