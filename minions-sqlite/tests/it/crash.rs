//! Killed in the middle: what was answered is there, and the file is sound.

use std::collections::BTreeSet;
use std::sync::Arc;

use rusqlite::Connection;

use minions_core::store::{Filter, Op, StateStore as _};
use minions_core::testing::ops::{admit, admit_event, checkpoint, new_workflow, resolution};
use minions_core::workflow::{WorkflowId, WorkflowIds};
use minions_sqlite::{SqliteStore, work};

use crate::child::{self, Process};

/// Admits and advances workflows for ever, in batches of several, and says what was answered.
#[tokio::test]
#[ignore = "the other process of the test below"]
async fn commit_for_ever() {
    let store = SqliteStore::at(child::path());
    let ids = WorkflowIds::after(store.open().await.unwrap().last_id);
    for round in 0_u32.. {
        let batch = [ids.next(), ids.next(), ids.next()];
        let mut ops: Vec<_> = batch.iter().map(|&id| admit(vec![new_workflow(id)])).collect();
        // Now and then more than a page, so that a commit has several places to be torn at.
        ops.push(admit_event(vec![b'x'; 30_000 * (round % 3) as usize], vec![new_workflow(ids.next())]));
        ops.extend(batch.iter().map(|&id| {
            let mut op = checkpoint(id, round + 1);
            op.revision = 1;
            op.into()
        }));
        for result in store.commit(ops.into_iter().map(Arc::new).collect()).await {
            result.unwrap();
        }
        for id in batch {
            child::say(&format!("{id} {}", round + 1));
        }
    }
}

#[tokio::test]
async fn what_was_answered_survives_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let mut answered = BTreeSet::new();
    for life in 1..=5_usize {
        let mut child = Process::start("crash::commit_for_ever", &path);
        // A later point of its work each time; the pipe lets it run ahead of what has been heard.
        for _ in 0..life * 40 {
            answered.insert(child.hear().expect("the child works until it is killed"));
        }
        child.kill();
        while let Some(line) = child.hear() {
            answered.insert(line);
        }

        let store = SqliteStore::at(&path);
        assert_eq!(store.open().await.unwrap().epoch, 2 * life as u64);
        let rows = store.scan(Filter::all(), usize::MAX).await.unwrap();
        let found: BTreeSet<_> = rows.iter().map(|row| format!("{} {}", row.id, row.seq)).collect();
        let lost: Vec<_> = answered.difference(&found).collect();
        assert!(lost.is_empty(), "answered but lost: {lost:?}");
        // Three that have advanced and one that has not came from each batch, whole or not at all.
        let advanced = rows.iter().filter(|row| row.seq > 0).count();
        assert_eq!((advanced % 3, rows.len()), (0, advanced / 3 * 4));
        store.close().await.unwrap();
        let sound: String =
            Connection::open(&path).unwrap().query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok");
    }
}

/// Admits and advances workflows for ever, each with an effect, and resolves every second one with another.
#[tokio::test]
#[ignore = "the other process of the test below"]
async fn have_effects_for_ever() {
    let store = SqliteStore::at(child::path());
    let ids = WorkflowIds::after(store.open().await.unwrap().last_id);
    store.state_file().migrate("effects", &["CREATE TABLE effect (id TEXT, step TEXT)"]).await.unwrap();
    let effect = |id: WorkflowId, step: &'static str| {
        let id = id.to_string();
        work("crash", move |tx| {
            tx.execute("INSERT INTO effect (id, step) VALUES (?1, ?2)", (&id, step))?;
            Ok(())
        })
    };
    loop {
        let batch = [ids.next(), ids.next(), ids.next()];
        let advance = |id| {
            let mut op = checkpoint(id, 1);
            op.work = vec![effect(id, "first")];
            Op::from(op)
        };
        let end = |id| {
            let mut op = resolution(id, 2);
            op.work = vec![effect(id, "last")];
            Op::from(op)
        };
        for ops in [
            vec![admit(batch.map(new_workflow).to_vec())],
            batch.map(advance).to_vec(),
            // What is done already is not done again.
            batch.map(advance).into_iter().chain([end(batch[0]), end(batch[1]), end(batch[0])]).collect(),
        ] {
            for result in store.commit(ops.into_iter().map(Arc::new).collect()).await {
                result.unwrap();
            }
        }
        child::say("round");
    }
}

#[tokio::test]
async fn w8_effects_are_there_exactly_once_after_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    for life in 1..=5 {
        let mut child = Process::start("crash::have_effects_for_ever", &path);
        for _ in 0..life * 5 {
            child.hear().expect("the child works until it is killed");
        }
        child.kill();
        let store = SqliteStore::at(&path);
        store.open().await.unwrap();
        let rows = store.scan(Filter::all(), usize::MAX).await.unwrap();
        store.close().await.unwrap();
        let file = Connection::open(&path).unwrap();
        let effects = |step: &str| {
            let mut select = file.prepare("SELECT id FROM effect WHERE step = ?1 ORDER BY id").unwrap();
            let ids: Result<Vec<String>, _> = select.query_map([step], |row| row.get(0)).unwrap().collect();
            ids.unwrap()
        };
        let (first, last) = (effects("first"), effects("last"));
        let once = |ids: &[String]| ids.iter().collect::<BTreeSet<_>>().len() == ids.len();
        assert!(once(&first) && once(&last), "an effect is there twice");
        // Whoever is past the first step has had its effect; whoever is gone has had both.
        for row in &rows {
            let had = (first.contains(&row.id.to_string()), last.contains(&row.id.to_string()));
            assert_eq!(had, (row.revision == 1, false), "workflow {} at revision {}", row.id, row.revision);
        }
        let there: BTreeSet<_> = rows.iter().map(|row| row.id.to_string()).collect();
        let gone: Vec<_> = first.iter().filter(|id| !there.contains(*id)).collect();
        assert_eq!(gone, last.iter().collect::<Vec<_>>());
        assert!(last.len() >= life * 10);
    }
}
