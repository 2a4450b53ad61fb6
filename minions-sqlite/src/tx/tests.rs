use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rusqlite::Connection;

use minions_core::Result;
use minions_core::store::{Op, StoreError, Work};
use minions_core::testing::ops::{admit_event, checkpoint, new_workflow, resolution};
use minions_core::workflow::WorkflowId;

use crate::session::tests::{admit_one, count, database, ids, session_of};

use super::{SqlError, SqliteTx, work};

/// A statement that runs until it is interrupted.
const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
     INSERT INTO visit (url) SELECT 'endless' FROM n WHERE i < 0";

fn with_visits() -> Connection {
    let connection = database();
    connection.execute_batch("CREATE TABLE visit (url TEXT PRIMARY KEY, times INTEGER)").unwrap();
    connection
}

fn visit(url: impl Into<String>) -> Work {
    let url = url.into();
    work("Watcher.record", move |tx| {
        tx.execute("INSERT INTO visit (url, times) VALUES (?1, ?2)", (&url, 1))?;
        Ok(())
    })
}

fn advance(id: WorkflowId, work: Work) -> Op {
    let mut op = checkpoint(id, 1);
    op.work = vec![work];
    op.into()
}

fn resolve(id: WorkflowId, revision: u32, work: Work) -> Op {
    let mut op = resolution(id, revision);
    op.work = vec![work];
    op.into()
}

/// What `work` comes to in the middle of a batch whose other effects must all be kept.
fn among_neighbours(bound: Duration, work: Work) -> StoreError {
    let connection = with_visits();
    let ids = ids(5);
    let mut session = session_of(&connection);
    session.bound(bound);
    assert!(session.commit(&ids.iter().map(|&id| admit_one(id)).collect::<Vec<_>>()).iter().all(Result::is_ok));
    let mut works: Vec<_> = ids.iter().map(|id| visit(id.to_string())).collect();
    works[2] = work;
    let batch: Vec<_> = ids.iter().zip(works).map(|(&id, work)| advance(id, work)).collect();
    let mut results = session.commit(&batch);
    let failed = results.remove(2).unwrap_err();
    for result in results {
        result.expect("a neighbour's effect is kept");
    }
    assert_eq!(count(&connection, "visit"), 4, "every neighbour's effect is there once, and nothing of the other");
    assert_eq!(count(&connection, "minions_workflow WHERE revision = 1"), 4);
    assert_eq!(count(&connection, &format!("minions_workflow WHERE revision = 0 AND key = {}", ids[2].key())), 1);
    // The connection is as good as before.
    assert!(session.commit(&[advance(ids[2], visit("later"))])[0].is_ok());
    assert_eq!(count(&connection, "visit"), 5);
    failed
}

fn usual() -> Duration {
    Duration::from_secs(60)
}

fn chain(error: &StoreError) -> String {
    let chain = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[test]
fn w8_an_effect_commits_with_its_checkpoint_and_with_the_end() {
    let connection = with_visits();
    let id = ids(1)[0];
    let mut session = session_of(&connection);
    let batch = [admit_one(id), advance(id, visit("a")), resolve(id, 2, visit("b"))];
    assert!(session.commit(&batch).iter().all(Result::is_ok));
    assert_eq!((count(&connection, "visit"), count(&connection, "workflow")), (2, 0));
}

#[test]
fn w8_a_repeated_operation_does_not_repeat_its_effect() {
    let connection = with_visits();
    let id = ids(1)[0];
    let mut session = session_of(&connection);
    let runs = Arc::new(AtomicU32::new(0));
    let counted = {
        let runs = runs.clone();
        work("Watcher.record", move |tx| {
            runs.fetch_add(1, Ordering::SeqCst);
            tx.execute("INSERT INTO visit (url) VALUES (NULL)", ()).map(drop).map_err(Into::into)
        })
    };
    let (advance, resolve) = (advance(id, counted.clone()), resolve(id, 2, counted));
    for batch in [
        vec![admit_one(id), advance.clone(), advance.clone()],
        vec![advance.clone()],
        vec![resolve.clone(), resolve.clone()],
        vec![resolve],
    ] {
        assert!(session.commit(&batch).iter().all(Result::is_ok));
    }
    assert_eq!((count(&connection, "visit"), runs.load(Ordering::SeqCst)), (2, 2));
}

#[test]
fn w8_an_effect_of_a_checkpoint_that_is_rejected_does_not_run() {
    let connection = with_visits();
    let id = ids(1)[0];
    let results = session_of(&connection).commit(&[advance(id, visit("a"))]);
    let error = results[0].as_ref().unwrap_err();
    assert!(error.is_rejected() && !error.is_work_failed(), "{error}");
    assert_eq!(count(&connection, "visit"), 0);
}

#[test]
fn w8_an_effect_that_fails_is_the_steps_error_and_nobody_elses() {
    let failed = among_neighbours(
        usual(),
        work("Watcher.record", |tx| {
            tx.execute("INSERT INTO visit (url) VALUES ('half')", ())?;
            Err("out of bananas".into())
        }),
    );
    assert!(failed.is_work_failed());
    assert_eq!(chain(&failed), "what `Watcher.record` handed over to its checkpoint failed: out of bananas");
}

#[test]
fn w8_an_effect_that_violates_a_constraint_says_so() {
    let failed = among_neighbours(
        usual(),
        work("Watcher.record", |tx| {
            tx.execute("INSERT INTO visit (url) VALUES ('half')", ())?;
            let error = tx.execute("INSERT INTO visit (url) VALUES ('half')", ()).unwrap_err();
            assert!(error.is_constraint_violation());
            Err(error.into())
        }),
    );
    let chain = chain(&failed);
    assert!(
        chain.contains("cannot run `INSERT INTO visit (url) VALUES ('half')`: UNIQUE constraint failed"),
        "{chain}"
    );
}

#[test]
fn w8_an_effect_that_panics_takes_nobody_elses_effects_with_it() {
    let failed = among_neighbours(
        usual(),
        work("Watcher.record", |tx| {
            tx.execute("INSERT INTO visit (url) VALUES ('half')", ())?;
            panic!("out of bananas");
        }),
    );
    assert!(failed.is_work_failed() && chain(&failed).ends_with("it panicked: out of bananas"), "{failed}");
}

#[test]
fn w8_an_effect_that_is_interrupted_takes_nobody_elses_effects_with_it() {
    for endless in
        [ENDLESS, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0"]
    {
        let failed = among_neighbours(
            Duration::from_millis(20),
            work("Watcher.record", move |tx| {
                tx.execute("INSERT INTO visit (url) VALUES ('half')", ())?;
                tx.query::<i64>(endless, ())?;
                Ok(())
            }),
        );
        let chain = chain(&failed);
        assert!(failed.is_work_failed() && chain.contains("longer than 20 ms and was interrupted"), "{chain}");
    }
}

#[test]
fn w8_an_effect_that_ignores_its_interruption_changes_nothing_outside_the_transaction() {
    let failed = among_neighbours(
        Duration::from_millis(20),
        work("Watcher.record", |tx| {
            tx.execute(ENDLESS, ()).unwrap_err();
            tx.execute("INSERT INTO visit (url) VALUES ('on its own')", ()).unwrap_err();
            Ok(())
        }),
    );
    assert!(failed.is_work_failed(), "{failed}");
}

#[test]
fn w8_an_effect_that_rolls_everything_back_takes_nobody_elses_effects_with_it() {
    let failed = among_neighbours(
        usual(),
        work("Watcher.record", |tx| {
            tx.execute("INSERT INTO visit (url) VALUES ('half')", ())?;
            let _ = tx.execute("INSERT OR ROLLBACK INTO visit (url) VALUES ('half')", ());
            let error: SqlError = tx.execute("INSERT INTO visit (url) VALUES ('on its own')", ()).unwrap_err();
            assert!(std::error::Error::source(&error).unwrap().to_string().contains("rolled back"));
            Ok(())
        }),
    );
    assert!(chain(&failed).ends_with("it rolled back the whole transaction"), "{failed}");
}

#[test]
fn w8_many_small_statements_are_bounded_as_well() {
    let failed = among_neighbours(
        Duration::from_millis(20),
        work("Watcher.record", |tx| {
            loop {
                tx.query_one::<i64>("SELECT 1", ())?;
            }
        }),
    );
    assert!(chain(&failed).contains("interrupted"), "{failed}");
}

#[test]
fn a_full_disk_is_not_the_fault_of_an_effect() {
    let connection = with_visits();
    let id = ids(1)[0];
    let mut session = session_of(&connection);
    assert!(session.commit(&[admit_one(id)])[0].is_ok());
    let pages: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    let limit = |pages: i64| connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()));
    limit(pages + 1).unwrap();
    let batch = [advance(
        id,
        work("Watcher.record", |tx| {
            tx.execute("INSERT INTO visit (url) VALUES (?1)", ["x".repeat(100_000)])?;
            Ok(())
        }),
    )];
    let error = session.commit(&batch).remove(0).unwrap_err();
    assert!(!error.is_rejected() && error.to_string().contains("full"), "{error}");
    limit(i64::from(i32::MAX)).unwrap();
    assert!(session.commit(&batch)[0].is_ok());
    assert_eq!(count(&connection, "visit"), 1);
}

#[test]
fn work_for_another_store_is_rejected() {
    let connection = with_visits();
    let id = ids(1)[0];
    let mut session = session_of(&connection);
    let other = Work::new("postgres", "Watcher.record", Arc::new(()));
    let results = session.commit(&[admit_one(id), advance(id, other)]);
    let error = results[1].as_ref().unwrap_err();
    assert!(error.is_rejected() && !error.is_work_failed(), "{error}");
    assert!(error.to_string().contains("`Watcher.record`") && error.to_string().contains("`postgres`"), "{error}");
    assert_eq!(count(&connection, "minions_workflow WHERE revision = 0"), 1);
}

#[test]
fn what_belongs_to_the_runtime_is_out_of_reach() {
    let forbidden = [
        ("UPDATE workflow SET checkpoint = 7", "the table `workflow` belongs to the runtime"),
        ("SELECT id FROM minions_workflow", "belongs to the runtime"),
        ("DELETE FROM minions_signal", "the table `minions_signal` belongs to the runtime"),
        ("SELECT value FROM Meta", "belongs to the runtime"),
        ("CREATE TABLE minions_new (x)", "belongs to the runtime"),
        ("CREATE TRIGGER t AFTER UPDATE ON workflow BEGIN SELECT 1; END", "belongs to the runtime"),
        ("DROP TABLE workflow", "belongs to the runtime"),
        ("ALTER TABLE large_event RENAME TO x", "belongs to the runtime"),
        ("CREATE TEMP TABLE workflow (x)", "nothing temporary"),
        ("CREATE TEMP VIEW workflow AS SELECT 1", "nothing temporary"),
        ("COMMIT", "the transaction belongs to the runtime"),
        ("ROLLBACK", "the transaction belongs to the runtime"),
        ("BEGIN", "the transaction belongs to the runtime"),
        ("SAVEPOINT operation", "the transaction belongs to the runtime"),
        ("ROLLBACK TO operation", "the transaction belongs to the runtime"),
        ("RELEASE operation", "the transaction belongs to the runtime"),
        ("ATTACH ':memory:' AS other", "other databases"),
        ("PRAGMA synchronous = OFF", "`PRAGMA synchronous` is for the runtime"),
        ("SELECT * FROM pragma_table_info('visit')", "is for the runtime"),
        ("INSERT INTO visit (url) VALUES (1); DELETE FROM visit", "Multiple statements"),
        // The runtime has prepared the very same text.
        ("DELETE FROM large_event WHERE key = ?1", "belongs to the runtime"),
    ];
    for (sql, why) in forbidden {
        let failed = among_neighbours(
            usual(),
            work("Watcher.record", move |tx| {
                tx.execute("INSERT INTO visit (url) VALUES ('half')", ())?;
                if sql.contains('?') {
                    tx.execute(sql, [1])?
                } else {
                    tx.execute(sql, ())?
                };
                Ok(())
            }),
        );
        let chain = chain(&failed);
        assert!(failed.is_work_failed() && chain.contains(why), "{sql}: {chain}");
    }
}

#[test]
fn a_trigger_does_not_reach_further_than_its_statement() {
    let failed = among_neighbours(
        usual(),
        work("Watcher.record", |tx| {
            tx.execute("CREATE TRIGGER away AFTER INSERT ON visit BEGIN DELETE FROM workflow; END", ())?;
            tx.execute("INSERT INTO visit (url) VALUES ('half')", ())?;
            Ok(())
        }),
    );
    assert!(chain(&failed).contains("the table `workflow` belongs to the runtime"), "{}", chain(&failed));
}

#[test]
fn values_come_back_as_they_went_in() {
    fn check(tx: &SqliteTx) -> Result<()> {
        tx.execute("CREATE TABLE v (i, r REAL, t, b, n)", ())?;
        let given = (i64::MIN, 0.5, "it's; 🍌", vec![0_u8, 255], None::<String>);
        assert_eq!(tx.execute("INSERT INTO v VALUES (?1, ?2, ?3, ?4, ?5)", &given)?, 1);
        let row = tx.query_one::<(i64, f64, String, Vec<u8>, Option<String>)>("SELECT * FROM v", ())?;
        assert_eq!(row, Some((i64::MIN, 0.5, "it's; 🍌".to_owned(), vec![0, 255], None)));
        assert_eq!(tx.query_one::<u8>("SELECT 1 WHERE 0", ())?, None);
        assert_eq!(tx.query::<bool>("SELECT 1 UNION ALL SELECT 0", ())?, [true, false]);
        assert_eq!(tx.query::<i64>("INSERT INTO v (i) VALUES (?1), (?2) RETURNING i", [7, 8])?, [7, 8]);
        let why = |error: SqlError| std::error::Error::source(&error).unwrap().to_string();
        let text = why(tx.query_one::<i64>("SELECT t FROM v", ()).unwrap_err());
        assert!(text.contains("the column `t` holds a text, which is no i64"), "{text}");
        let text = why(tx.query_one::<u8>("SELECT 256 AS n", ()).unwrap_err());
        assert!(text.contains("the column `n` holds a number, which is no u8"), "{text}");
        let text = why(tx.execute("DELETE FROM v WHERE i = ?1", ()).unwrap_err());
        assert!(text.contains('0') && text.contains('1'), "{text}");
        Ok(())
    }
    let connection = with_visits();
    let id = ids(1)[0];
    let mut session = session_of(&connection);
    let results = session.commit(&[admit_event(*b"{}", vec![new_workflow(id)]), advance(id, work("check", check))]);
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(count(&connection, "v"), 3);
}
