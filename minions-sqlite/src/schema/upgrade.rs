//! Files of older versions, with workflows in every state: nothing of them changes but where it lies.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};
use tempfile::TempDir;

use minions_core::store::{
    Due, Filter, InLanes, Op, Requeue, Signal, StateStore as _, Status, StepFailure, StoredWorkflow,
};
use minions_core::testing::ops::{ADMITTED_MS, advance, discard, failure, resolve};
use minions_core::workflow::{WorkflowId, WorkflowIds};

use crate::SqliteStore;
use crate::value::failures_text;

use super::migrate_by;
use super::versions::{create, form_lanes, grow};

/// A file of the third schema with `rows`, as that version wrote them.
fn third(rows: &[StoredWorkflow]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let mut connection = Connection::open(&path).unwrap();
    migrate_by(&mut connection, Path::new("state.db"), &[create, grow, form_lanes]).unwrap();
    connection.execute("INSERT INTO orchestration VALUES (7, 'sitemap/watcher')", []).unwrap();
    for row in rows {
        write(&connection, row);
    }
    (dir, path)
}

fn write(connection: &Connection, row: &StoredWorkflow) {
    let key = row.id.key();
    let status = crate::value::status_code(row.status).unwrap();
    let failures = (!row.failures.is_empty()).then(|| failures_text(&row.failures).unwrap());
    let inline = (row.event.len() <= 1024).then(|| crate::value::encoded(&row.event));
    connection
        .execute(
            "INSERT INTO workflow (key, id, orchestration, status, steps_hash, seq, attempt, created_ms, updated_ms, \
             wake_ms, step, signal, lane, failures, context, event, revision, version) \
             VALUES (?1, ?2, 7, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
            params![
                key,
                row.id.as_bytes(),
                status,
                row.steps_hash.cast_signed(),
                row.seq,
                row.attempt,
                row.created_ms,
                row.updated_ms,
                row.wake_ms,
                row.step,
                row.signal,
                row.lane,
                failures,
                crate::value::encoded(&row.context),
                inline,
                row.revision,
                row.version
            ],
        )
        .unwrap();
    if row.event.len() > 1024 {
        let event = crate::value::encoded(&row.event);
        connection.execute("INSERT INTO large_event VALUES (?1, ?2)", params![key, event]).unwrap();
    }
    if let Some(payload) = &row.payload {
        let values = params![key, row.signal, crate::value::encoded(payload)];
        connection.execute("INSERT INTO minions_signal VALUES (?1, ?2, ?3)", values).unwrap();
    }
    if row.deaths > 0 {
        connection
            .execute("INSERT INTO minions_suspect VALUES (?1, ?2, ?3)", params![key, row.revision, row.deaths])
            .unwrap();
    }
}

/// Workflows in every state.
fn rows() -> Vec<StoredWorkflow> {
    let ids = WorkflowIds::after(None);
    let row = |change: &dyn Fn(&mut StoredWorkflow)| {
        let mut row = StoredWorkflow::new(ids.next(), "sitemap/watcher", "fetch");
        row.event = br#"{"url":"https://example.org/"}"#.to_vec();
        row.context = br#"{"digest":null}"#.to_vec();
        (row.steps_hash, row.created_ms, row.updated_ms) = (0x1234, ADMITTED_MS, ADMITTED_MS + 5);
        change(&mut row);
        row
    };
    vec![
        row(&|_| {}),
        row(&|row| {
            (row.step, row.context) = ("naïve 🍌".to_owned(), "{\"text\":\"ü\"} ".into());
            (row.seq, row.attempt, row.revision, row.version) = (u32::MAX, u32::MAX, u32::MAX, u32::MAX);
            (row.steps_hash, row.created_ms, row.updated_ms) = (u64::MAX, i64::MIN, i64::MIN);
        }),
        row(&|row| {
            (row.step, row.context, row.deaths) = (String::new(), vec![0, 0xff, b' ', 0, b' '], 2);
            (row.event, row.updated_ms) = (vec![0xfe; 100_000], i64::MAX);
        }),
        row(&|row| row.context = vec![b'x'; 100_000]),
        row(&|row| (row.lane, row.status) = (Some("a".to_owned()), Status::Waiting)),
        row(&|row| {
            (row.lane, row.status, row.wake_ms) = (Some("a".to_owned()), Status::Waiting, Some(ADMITTED_MS + 9));
        }),
        row(&|row| row.lane = Some("b".to_owned())),
        row(&|row| (row.wake_ms, row.failures) = (Some(ADMITTED_MS + 1_000), vec![failure(1), failure(2)])),
        row(&|row| (row.wake_ms, row.signal) = (Some(i64::MAX), Some("approval".to_owned()))),
        row(&|row| {
            (row.wake_ms, row.signal) = (Some(ADMITTED_MS), Some("approval".to_owned()));
            row.payload = Some(b"\"yes\"".to_vec());
        }),
        row(&|row| row.signal = Some("seen".to_owned())),
        row(&|row| (row.status, row.failures, row.attempt) = (Status::Quarantined, vec![failure(3)], 3)),
        row(&|row| row.failures = vec![StepFailure::new("fetch", 1, 5, vec!["once".to_owned()])]),
    ]
}

#[tokio::test]
async fn a_file_of_the_third_schema_is_read_as_it_was_and_goes_on() {
    let rows = rows();
    let (_dir, path) = third(&rows);
    let store = SqliteStore::at(&path);
    let opened = store.open().await.unwrap();
    assert_eq!((opened.last_id, opened.epoch), (rows.last().map(|row| row.id), 2));
    assert_eq!(store.scan(Filter::all(), 100).await.unwrap(), rows);
    let id = |at: usize| rows[at].id;
    let ids = |found: Vec<StoredWorkflow>| found.iter().map(|row| row.id).collect::<Vec<WorkflowId>>();
    let due = Due::until("sitemap/watcher".into(), ADMITTED_MS + 1_000);
    assert_eq!(ids(store.due(due, 9).await.unwrap()), [id(9), id(5), id(7)]);
    assert_eq!(ids(store.scan(Filter::all().status(Status::Quarantined), 9).await.unwrap()), [id(11)]);
    assert_eq!(ids(store.scan(Filter::all().step("naïve 🍌"), 9).await.unwrap()), [id(1)]);
    let lanes = store.lanes(InLanes::of("sitemap/watcher".into(), i64::MAX), 9).await.unwrap();
    assert_eq!(lanes.iter().map(|member| member.id).collect::<Vec<_>>(), [id(4), id(5), id(6)]);

    let go_on: Vec<Op> = vec![
        advance(id(0), 1),
        advance(id(2), 1),
        resolve(id(3), 1),
        advance(id(6), 1),
        advance(id(7), 1),
        Signal::new(id(8), "approval", b"1".to_vec(), 7).into(),
        advance(id(10), 1),
        Requeue::new(id(11), ADMITTED_MS + 50).into(),
        discard(id(12)),
    ];
    for (at, result) in store.commit(go_on.into_iter().map(Into::into).collect()).await.iter().enumerate() {
        assert!(result.is_ok(), "{at}: {result:?}");
    }
    let after = store.scan(Filter::all(), 100).await.unwrap();
    assert_eq!(after.len(), rows.len() - 2);
    let find = |id: WorkflowId| after.iter().find(|row| row.id == id).unwrap();
    for at in [0, 2, 6, 7, 10] {
        let row = find(id(at));
        assert_eq!((&*row.step, &*row.context, row.revision), ("step 1", &br#"{"seq":1}"#[..], 1));
        assert_eq!((&row.event, &row.lane, &row.failures), (&rows[at].event, &rows[at].lane, &rows[at].failures));
        assert_eq!((row.wake_ms, &row.signal), (None, &None));
    }
    assert_eq!((find(id(8)).wake_ms, find(id(8)).payload.as_deref()), (Some(7), Some(&b"1"[..])));
    assert_eq!(find(id(11)).wake_ms, Some(ADMITTED_MS + 50));
    store.close().await.unwrap();
    let check = Connection::open(&path).unwrap();
    let integrity: String = check.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(integrity, "ok");
}

#[tokio::test]
async fn a_row_that_was_damaged_in_the_third_schema_is_damaged_beside_good_ones() {
    let rows = rows();
    let (_dir, path) = third(&rows[..4]);
    Connection::open(&path)
        .unwrap()
        .execute_batch(&format!(
            "UPDATE workflow SET seq = -1 WHERE key = {}; UPDATE workflow SET attempt = 9223372036854775807 WHERE key = {}",
            rows[0].id.key(),
            rows[1].id.key()
        ))
        .unwrap();
    let store = SqliteStore::at(&path);
    store.open().await.unwrap();
    let found = store.scan(Filter::all(), 9).await.unwrap();
    let damage: Vec<_> = found.iter().map(|row| row.damage.as_deref()).collect();
    assert_eq!(damage, [Some("its seq is -1"), Some("its attempt is no number"), None, None]);
    assert_eq!(found[2..], rows[2..4]);
}

#[tokio::test]
async fn the_view_shows_what_the_columns_were() {
    let rows = rows();
    let (_dir, path) = third(&rows);
    let store = SqliteStore::at(&path);
    store.open().await.unwrap();
    let connection = Connection::open(&path).unwrap();
    let mut select = connection
        .prepare(
            "SELECT id, orchestration, status, step, seq, attempt, revision, version, steps_hash, created_ms, \
             updated_ms, wake_ms, signal, lane, context, event, typeof(context) FROM minions_workflow ORDER BY key",
        )
        .unwrap();
    let mut shown = select.query([]).unwrap();
    for row in &rows {
        let view = shown.next().unwrap().unwrap();
        let text = |at: usize| view.get::<_, String>(at).unwrap();
        let number = |at: usize| view.get::<_, i64>(at).unwrap();
        assert_eq!(text(0), row.id.to_string());
        assert_eq!((text(1), text(2), text(3)), (row.orchestration.clone(), row.status.to_string(), row.step.clone()));
        let counts = [row.seq, row.attempt, row.revision, row.version].map(i64::from);
        assert_eq!([4, 5, 6, 7].map(number), counts);
        assert_eq!(text(8), format!("{:016x}", row.steps_hash));
        assert_eq!([9, 10].map(number), [row.created_ms, row.updated_ms]);
        assert_eq!(view.get::<_, Option<i64>>(11).unwrap(), row.wake_ms);
        assert_eq!(view.get::<_, Option<String>>(12).unwrap(), row.signal);
        assert_eq!(view.get::<_, Option<String>>(13).unwrap(), row.lane);
        assert_eq!(view.get_ref(14).unwrap().as_bytes().unwrap(), row.context);
        assert_eq!(view.get_ref(15).unwrap().as_bytes().unwrap(), row.event);
        assert_eq!(text(16) == "text", std::str::from_utf8(&row.context).is_ok());
    }
}
