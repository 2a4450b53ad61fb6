//! The tables, their versions, and whose file it is.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use minions_core::store::StoreError;

/// `PRAGMA application_id` of our files: "Mnns".
const APPLICATION_ID: i32 = 0x4d6e_6e73;

type Migration = fn(&Connection) -> rusqlite::Result<()>;

/// Migration number `n` brings a file from version `n` to `n + 1`. Files are out there: append, never change.
const MIGRATIONS: &[Migration] = &[create];

/// The first schema. Its comments are kept in the file, for whoever looks at it with a shell.
///
/// No secondary index: each would cost every checkpoint. Rows are found by `key`, which ascends in the order of
/// creation, so that a batch dirties few pages.
fn create(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE TABLE meta (
            name  TEXT PRIMARY KEY,
            value ANY NOT NULL
        ) STRICT, WITHOUT ROWID;
        INSERT INTO meta VALUES ('epoch', 0);

        -- Names are long and few.
        CREATE TABLE orchestration (
            id   INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE
        ) STRICT;

        CREATE TABLE workflow (
            key           INTEGER PRIMARY KEY, -- the 60 leading bits of id without its version
            id            BLOB NOT NULL,       -- UUID version 7
            orchestration INTEGER NOT NULL,    -- orchestration.id
            status        INTEGER NOT NULL,    -- 0 running, 1 quarantined
            steps_hash    INTEGER NOT NULL,    -- of the list of steps that step belongs to
            seq           INTEGER NOT NULL,    -- checkpoints so far; creation is number 0
            attempt       INTEGER NOT NULL,    -- failed attempts at step so far
            created_ms    INTEGER NOT NULL,    -- since the Unix epoch, as all times
            updated_ms    INTEGER NOT NULL,
            wake_ms       INTEGER,             -- sleeps until then
            step          TEXT NOT NULL,       -- the next one, by its stable name
            signal        TEXT,                -- waits for this one
            lane          TEXT,                -- workflows of one lane run one after another
            dedupe        TEXT,                -- equal keys are admitted once
            failures      TEXT,                -- JSON, oldest first
            context       ANY NOT NULL,
            event         ANY                  -- NULL: see large_event
        ) STRICT;

        -- Changing a row rewrites it whole, so what is long and never changes lies elsewhere.
        CREATE TABLE large_event (
            key   INTEGER PRIMARY KEY,         -- workflow.key
            event ANY NOT NULL
        ) STRICT;",
    )
}

/// Refuses a file that is not ours, or is newer than this program, without changing it.
pub(crate) fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    check_against(connection, path, MIGRATIONS.len())
}

/// Brings the file to the present version, all steps or none, and counts the opening. Answers the epoch.
pub(crate) fn migrate(connection: &mut Connection, path: &Path) -> Result<u64, StoreError> {
    migrate_by(connection, path, MIGRATIONS)
}

fn check_against(connection: &Connection, path: &Path, newest: usize) -> Result<(), StoreError> {
    let path = path.display();
    let read = || {
        let application_id: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
        let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        Ok((application_id, version, tables))
    };
    let (application_id, version, tables) = read().map_err(|error: rusqlite::Error| {
        let what = match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => {
                format!("`{path}` is not an SQLite database; move it away, or use another state directory")
            }
            _ => format!("cannot read the state `{path}`"),
        };
        StoreError::unavailable(what).with_source(error)
    })?;
    match application_id {
        APPLICATION_ID if version as usize > newest => Err(StoreError::newer_schema(format!(
            "the state `{path}` has schema version {version}, but this program knows no version above {newest}; run \
             the newer program that wrote it, or use another state directory"
        ))),
        APPLICATION_ID => Ok(()),
        // A new file, or one whose creation was interrupted before the first table.
        0 if tables == 0 && version == 0 => Ok(()),
        _ => Err(StoreError::unavailable(format!(
            "`{path}` is a database of another program (application id {application_id:#010x}, {tables} tables and \
             indexes); use another state directory"
        ))),
    }
}

fn migrate_by(connection: &mut Connection, path: &Path, migrations: &[Migration]) -> Result<u64, StoreError> {
    let cannot = |what: &str, error: rusqlite::Error| {
        StoreError::unavailable(format!("cannot {what} the state `{}`", path.display())).with_source(error)
    };
    // Checked in the same transaction once more: until now another program might have written.
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(|error| cannot("write to", error))?;
    check_against(&transaction, path, migrations.len())?;
    let step_up = || {
        let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        for migration in &migrations[version as usize..] {
            migration(&transaction)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", migrations.len() as i64)?;
        transaction.query_row("UPDATE meta SET value = value + 1 WHERE name = 'epoch' RETURNING value", [], |row| {
            row.get::<_, i64>(0)
        })
    };
    let epoch = step_up().map_err(|error| cannot("prepare the tables of", error))?;
    transaction.commit().map_err(|error| cannot("write to", error))?;
    Ok(epoch as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn migrated(connection: &mut Connection, migrations: &[Migration]) -> Result<u64, StoreError> {
        migrate_by(connection, Path::new("state.db"), migrations)
    }

    fn version(connection: &Connection) -> i64 {
        connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn migrations_run_once_each_and_in_order() {
        let mut connection = Connection::open_in_memory().unwrap();
        let second: Migration = |connection| connection.execute_batch("CREATE TABLE second (x); SELECT 1 FROM meta");
        let third: Migration = |connection| connection.execute_batch("CREATE TABLE third AS SELECT * FROM second");
        assert_eq!(migrated(&mut connection, &[create]).unwrap(), 1);
        assert_eq!(migrated(&mut connection, &[create, second, third]).unwrap(), 2);
        assert_eq!(migrated(&mut connection, &[create, second, third]).unwrap(), 3);
        assert_eq!(version(&connection), 3);
    }

    #[test]
    fn a_migration_that_fails_leaves_the_file_at_its_version() {
        let mut connection = Connection::open_in_memory().unwrap();
        let second: Migration = |connection| connection.execute_batch("CREATE TABLE second (x)");
        let broken: Migration = |connection| connection.execute_batch("CREATE TABLE meta (x)");
        migrated(&mut connection, &[create]).unwrap();
        migrated(&mut connection, &[create, second, broken]).unwrap_err();
        assert_eq!(version(&connection), 1);
        assert!(!connection.table_exists(None, "second").unwrap());
        assert_eq!(migrated(&mut connection, &[create, second]).unwrap(), 2);
    }

    #[test]
    fn a_newer_file_is_refused_with_both_versions() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrated(&mut connection, &[create, |_| Ok(()), |_| Ok(())]).unwrap();
        for error in [
            check(&connection, Path::new("state.db")).unwrap_err(),
            migrate(&mut connection, Path::new("state.db")).unwrap_err(),
        ] {
            let text = error.to_string();
            assert!(error.is_newer_schema(), "{text}");
            assert!(text.contains("version 3") && text.contains("above 1") && text.contains("state.db"), "{text}");
        }
    }
}
