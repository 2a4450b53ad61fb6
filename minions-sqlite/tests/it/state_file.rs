//! The store's file as users have it: their own tables, made in steps, written with checkpoints, read through a pool.

use minions_core::store::{Op, StateStore as _, StoreError};
use minions_core::testing::ops::{admit, checkpoint, new_workflow};
use minions_core::workflow::WorkflowIds;
use minions_sqlite::{SqliteStore, StateFile, work};

const FIRST: &str = "CREATE TABLE visit (url TEXT); CREATE INDEX visit_url ON visit (url);";
const SECOND: &str = "ALTER TABLE visit ADD COLUMN times INTEGER NOT NULL DEFAULT 1; -- and nothing else";
const THIRD: &str = "INSERT INTO visit (url) VALUES ('third')";

async fn count(file: &StateFile, table: &str) -> i64 {
    let count = format!("SELECT count(*) FROM {table}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(count)).fetch_one(&file.pool().unwrap()).await.unwrap()
}

fn chain(error: &StoreError) -> String {
    let chain = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[tokio::test]
async fn each_migration_runs_once_and_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    for steps in [&[FIRST][..], &[FIRST, SECOND, THIRD], &[FIRST, SECOND, THIRD], &[FIRST, SECOND, THIRD, THIRD]] {
        let store = SqliteStore::at(&path);
        store.open().await.unwrap();
        let file = store.state_file();
        file.migrate("archive", steps).await.unwrap();
        file.migrate("archive", steps).await.unwrap();
        assert_eq!(count(&file, "visit").await, steps.iter().filter(|&&step| step == THIRD).count() as i64);
        store.close().await.unwrap();
    }
    // Another set has numbers of its own.
    let store = SqliteStore::at(&path);
    store.open().await.unwrap();
    store.state_file().migrate("index", &["CREATE TABLE word (word TEXT)"]).await.unwrap();
    assert_eq!(count(&store.state_file(), "word").await, 0);
}

#[tokio::test]
async fn migrations_run_all_or_none() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::at(dir.path().join("state.db"));
    store.open().await.unwrap();
    let file = store.state_file();
    file.migrate("archive", &[FIRST]).await.unwrap();
    for (bad, why) in [
        ("INSERT INTO visit VALUES ('half', 2); CREATE TABLE visit (x)", "table visit already exists"),
        ("INSERT INTO visit VALUES ('half', 2); DROP TABLE workflow", "the table `workflow` belongs to the runtime"),
        ("INSERT INTO visit VALUES ('half', 2); COMMIT", "the transaction belongs to the runtime"),
        ("INSERT INTO visit VALUES ('half', 2); not sql", "syntax error"),
    ] {
        let error = file.migrate("archive", &[FIRST, SECOND, bad]).await.unwrap_err();
        let text = chain(&error);
        assert!(
            error.is_rejected() && text.contains("migration 3 of `archive` failed") && text.contains(why),
            "{text}"
        );
        assert_eq!(count(&file, "visit").await, 0);
        assert_eq!(count(&file, "pragma_table_info('visit')").await, 1, "the second step is undone as well");
    }
    file.migrate("archive", &[FIRST, SECOND, THIRD]).await.unwrap();
}

#[tokio::test]
async fn migrations_that_were_changed_or_are_missing_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::at(dir.path().join("state.db"));
    store.open().await.unwrap();
    let file = store.state_file();
    file.migrate("archive", &[FIRST, SECOND]).await.unwrap();
    let text = file.migrate("archive", &[FIRST, THIRD]).await.unwrap_err().to_string();
    assert!(text.contains("migration 2 of `archive` was changed after it has run; put it back"), "{text}");
    let text = file.migrate("archive", &[FIRST]).await.unwrap_err().to_string();
    assert!(text.contains("have had 2 migrations, but this program knows 1; run the newer program"), "{text}");
}

#[tokio::test]
async fn w8_what_a_step_has_written_is_read_through_the_pool_and_only_read() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::at(dir.path().join("state.db"));
    let file = store.state_file();
    assert!(file.pool().unwrap_err().to_string().contains("not open"));
    assert!(file.migrate("archive", &[FIRST]).await.unwrap_err().to_string().contains("not open"));
    store.open().await.unwrap();
    assert_eq!(file.path(), dir.path().join("state.db"));
    file.migrate("archive", &[FIRST]).await.unwrap();
    let id = WorkflowIds::after(None).next();
    let mut op = checkpoint(id, 1);
    op.work = vec![work("Watcher.record", |tx| {
        tx.execute("INSERT INTO visit (url) VALUES (?1)", ["a"])?;
        Ok(())
    })];
    for result in store.commit(vec![admit(vec![new_workflow(id)]).into(), Op::from(op).into()]).await {
        result.unwrap();
    }
    assert_eq!(count(&file, "visit").await, 1);
    let written = sqlx::query("INSERT INTO visit (url) VALUES ('b')").execute(&file.pool().unwrap()).await;
    assert!(written.unwrap_err().to_string().contains("readonly"));
    // Who still reads does not hold up the end for ever.
    let _reader = file.pool().unwrap().acquire().await.unwrap();
    store.close().await.unwrap();
    assert!(file.pool().unwrap_err().to_string().contains("not open"));
}
