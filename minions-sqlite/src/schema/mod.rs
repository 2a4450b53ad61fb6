//! The tables, their versions, and whose file it is.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use minions_core::store::StoreError;

use crate::apply;
use crate::owner::{self, Owner};

#[cfg(test)]
mod upgrade;
mod versions;

use versions::{MIGRATIONS, Migration};

/// What the names begin with that this crate gives to tables and indexes since its second schema.
pub(crate) const PREFIX: &str = "minions_";

/// The tables of the first schema, whose names have no prefix.
pub(crate) const FIRST_TABLES: [&str; 4] = ["meta", "orchestration", "workflow", "large_event"];

/// `PRAGMA application_id` of our files: "Mnns".
const APPLICATION_ID: i32 = 0x4d6e_6e73;

/// Refuses a file that is not ours, or is newer than this program, without changing it.
pub(crate) fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    check_against(connection, path, MIGRATIONS.len())
}

/// Brings the file to the present version, all steps or none, and makes the caller its owner.
pub(crate) fn migrate(connection: &mut Connection, path: &Path) -> Result<Owner, StoreError> {
    migrate_by(connection, path, MIGRATIONS)
}

fn check_against(connection: &Connection, at: &Path, newest: usize) -> Result<(), StoreError> {
    let path = at.display();
    let read = || {
        let application_id: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
        let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        Ok((application_id, version, tables))
    };
    let (application_id, version, tables) = read().map_err(|error: rusqlite::Error| {
        if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) {
            let what = format!("`{path}` is not an SQLite database; move it away, or use another state directory");
            return StoreError::unavailable(what).with_source(error);
        }
        cannot("read", at, error)
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

/// Says what cannot be done with the state, and what to do about it where that is known.
pub(crate) fn cannot(what: &str, path: &Path, error: rusqlite::Error) -> StoreError {
    let path = path.display();
    let what = match error.sqlite_error_code() {
        _ if apply::is_full(&error) => full(&path),
        Some(ErrorCode::DatabaseCorrupt) => {
            format!("the state `{path}` is damaged; restore it from a backup, or use another state directory")
        }
        Some(ErrorCode::DatabaseBusy) => {
            format!("cannot {what} the state `{path}`, because another program holds it; close that program")
        }
        _ => format!("cannot {what} the state `{path}`"),
    };
    StoreError::unavailable(what).with_source(error)
}

fn full(path: &dyn std::fmt::Display) -> String {
    format!("the disk of the state `{path}` is full; free some space")
}

fn migrate_by(connection: &mut Connection, path: &Path, migrations: &[Migration]) -> Result<Owner, StoreError> {
    let cannot = |what: &str, error| cannot(what, path, error);
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
        owner::begin(&transaction)
    };
    let owner = step_up().map_err(|error| cannot("prepare the tables of", error))?;
    transaction.commit().map_err(|error| cannot("write to", error))?;
    Ok(owner)
}

#[cfg(test)]
mod tests {
    use super::versions::{create, form_lanes, grow, part_rows};
    use super::*;

    fn migrated(connection: &mut Connection, migrations: &[Migration]) -> Result<i64, StoreError> {
        migrate_by(connection, Path::new("state.db"), migrations).map(|owner| owner.epoch)
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
        migrated(&mut connection, &[create, grow, form_lanes, part_rows, |_| Ok(())]).unwrap();
        for error in [
            check(&connection, Path::new("state.db")).unwrap_err(),
            migrate(&mut connection, Path::new("state.db")).unwrap_err(),
        ] {
            let text = error.to_string();
            assert!(error.is_newer_schema(), "{text}");
            assert!(text.contains("version 5") && text.contains("above 4") && text.contains("state.db"), "{text}");
        }
    }
}
