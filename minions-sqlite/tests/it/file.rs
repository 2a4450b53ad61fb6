//! The file and its directory: made when missing, for their owner only, and a clear word when that fails.

use std::error::Error as _;
use std::fs;

use minions_core::store::{Filter, StateStore as _};
use minions_core::testing::ops::{admit, new_workflow};
use minions_core::workflow::WorkflowIds;
use minions_sqlite::SqliteStore;

use crate::child::{self, Process};

#[tokio::test]
async fn nothing_is_touched_before_it_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/b/state.db");
    let store = SqliteStore::at(&path);
    assert_eq!(store.path(), path);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
    assert!(store.scan(Filter::all(), 1).await.unwrap_err().to_string().contains("not open"));
    let id = WorkflowIds::after(None).next();
    assert!(!store.commit(vec![admit(vec![new_workflow(id)]).into()]).await.remove(0).unwrap_err().is_rejected());
    store.close().await.unwrap();
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
}

#[cfg(unix)]
#[tokio::test]
async fn files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;

    let dir = tempfile::tempdir().unwrap();
    let new = dir.path().join("a/b");
    let store = SqliteStore::at(new.join("state.db"));
    store.open().await.unwrap();
    let id = WorkflowIds::after(None).next();
    store.commit(vec![admit(vec![new_workflow(id)]).into()]).await.remove(0).unwrap();
    store.scan(Filter::all(), 1).await.unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&dir.path().join("a")), mode(&new)), (0o700, 0o700));
    let mut seen = Vec::new();
    for entry in fs::read_dir(&new).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(mode(&entry.path()), 0o600, "{entry:?}");
        seen.push(entry.file_name().into_string().unwrap());
    }
    seen.sort();
    assert_eq!(seen, ["state.db", "state.db-shm", "state.db-wal", "state.db.lock"]);
}

#[tokio::test]
async fn closing_leaves_one_file_and_an_unowned_lock() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let store = SqliteStore::at(&path);
    store.open().await.unwrap();
    let id = WorkflowIds::after(None).next();
    store.commit(vec![admit(vec![new_workflow(id)]).into()]).await.remove(0).unwrap();
    store.scan(Filter::all(), 1).await.unwrap();
    store.close().await.unwrap();
    let mut left: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["state.db", "state.db.lock"]);
    assert_eq!(fs::read_to_string(dir.path().join("state.db.lock")).unwrap(), "");
    assert!(store.scan(Filter::all(), 1).await.unwrap_err().to_string().contains("not open"));
    store.close().await.unwrap();
}

#[tokio::test]
async fn a_path_is_a_path_whatever_it_looks_like() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["file:state.db?mode=memory", "with space % and #.db", "🍌.db", ":memory:"] {
        let store = SqliteStore::at(dir.path().join(name));
        store.open().await.unwrap();
        let id = WorkflowIds::after(None).next();
        store.commit(vec![admit(vec![new_workflow(id)]).into()]).await.remove(0).unwrap();
        assert_eq!(store.scan(Filter::all(), 9).await.unwrap().len(), 1);
        store.close().await.unwrap();
        assert!(fs::metadata(dir.path().join(name)).unwrap().len() > 0);
    }
}

#[tokio::test]
async fn a_directory_is_no_state() {
    let dir = tempfile::tempdir().unwrap();
    let text = SqliteStore::at(dir.path()).open().await.unwrap_err().to_string();
    assert!(text.contains("is a directory") && text.contains("state.db"), "{text}");
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let occupied = dir.path().join("occupied");
    fs::write(&occupied, "").unwrap();
    let error = SqliteStore::at(occupied.join("below/state.db")).open().await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("cannot create the state directory") && text.contains("occupied/below"), "{text}");
    assert!(error.source().is_some());
}

#[cfg(unix)]
#[tokio::test]
async fn a_read_only_file_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let store = SqliteStore::at(&path);
    store.open().await.unwrap();
    store.close().await.unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    if fs::OpenOptions::new().write(true).open(&path).is_ok() {
        // The superuser may write to any file, so there is nothing to refuse; the next test has something for everyone.
        store.open().await.unwrap();
        return;
    }
    let before = fs::read(&path).unwrap();
    let text = store.open().await.unwrap_err().to_string();
    assert!(text.contains("is read-only; make it writable"), "{text}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
#[ignore = "runs where nothing can be written, for the test below"]
async fn what_cannot_be_written_is_refused() {
    let path = child::path();
    let before = fs::read(&path).unwrap();
    let text = SqliteStore::at(&path).open().await.unwrap_err().to_string();
    assert!(text.contains("state.db") && text.contains("is read-only; make it writable"), "{text}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn d9_a_file_or_a_disk_that_cannot_be_written_is_named_at_the_start_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let store = SqliteStore::at(&path);
    store.open().await.unwrap();
    let id = WorkflowIds::after(None).next();
    store.commit(vec![admit(vec![new_workflow(id)]).into()]).await.remove(0).unwrap();
    store.close().await.unwrap();
    for what in [&path, dir.path()] {
        match Process::with_read_only("file::what_cannot_be_written_is_refused", &path, what) {
            Some(child) => assert!(child.succeeds(), "see above"),
            None => println!("skipped: this system mounts nothing for us"),
        }
    }
    assert_eq!(store.open().await.unwrap().last_id, Some(id));
}

#[cfg(unix)]
#[tokio::test]
async fn nothing_is_durable_in_a_file_that_was_removed_or_without_its_lock() {
    for name in ["state.db", "state.db.lock"] {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::at(dir.path().join("state.db"));
        store.open().await.unwrap();
        let ids = WorkflowIds::after(None);
        let commit = || store.commit(vec![admit(vec![new_workflow(ids.next())]).into()]);
        commit().await.remove(0).unwrap();

        let (file, aside) = (dir.path().join(name), dir.path().join("aside"));
        fs::rename(&file, &aside).unwrap();
        for replaced in [false, true] {
            let error = commit().await.remove(0).unwrap_err();
            let text = error.to_string();
            assert!(!error.is_rejected() && text.contains(&format!("{name}` was removed or replaced")), "{text}");
            assert!(replaced || text.contains("put it back"), "{text}");
            fs::write(&file, "another file").unwrap();
        }
        fs::rename(&aside, &file).unwrap();
        commit().await.remove(0).unwrap();
    }
}

#[tokio::test]
async fn r3_a_row_with_impossible_counts_is_read_as_damaged_beside_good_ones() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let store = SqliteStore::at(&path);
    store.open().await.unwrap();
    let ids = WorkflowIds::after(None);
    let rows = (0..3).map(|_| new_workflow(ids.next())).collect();
    store.commit(vec![admit(rows).into()]).await.remove(0).unwrap();
    let shell = rusqlite::Connection::open(&path).unwrap();
    let set = |row: i64, at: i64, number: &str| {
        shell
            .execute(
                "UPDATE workflow SET checkpoint = substr(checkpoint, 1, ?2) || ?3 || substr(checkpoint, ?2 + 11) \
                 WHERE key = (SELECT key FROM workflow ORDER BY key LIMIT 1 OFFSET ?1)",
                rusqlite::params![row, at, number],
            )
            .unwrap();
    };
    // Where `seq` and `attempt` are.
    set(0, 29, "-000000001");
    set(1, 39, "9999999999");
    let rows = store.scan(Filter::all(), 9).await.unwrap();
    let damage: Vec<_> = rows.iter().map(|row| row.damage.as_deref()).collect();
    assert_eq!(damage, [Some("its seq is -1"), Some("its attempt is 9999999999"), None]);
}
