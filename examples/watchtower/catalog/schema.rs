//! The tables of `watchtower.db`.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, params};

/// The version that this program reads and writes; kept in the file as `user_version`.
const VERSION: i64 = 1;

const TABLES: &str = "
    -- What every file is.
    CREATE TABLE files (
        path     TEXT NOT NULL PRIMARY KEY,  -- relative to the root, with /
        sha256   TEXT NOT NULL,              -- lower-case hex
        bytes    INTEGER NOT NULL,
        lines    INTEGER NOT NULL,           -- the number of line feeds
        language TEXT                        -- null where the name tells none
    ) WITHOUT ROWID;

    -- What is wrong with them.
    CREATE TABLE findings (
        path   TEXT NOT NULL,
        kind   TEXT NOT NULL,                -- oversized, broken_link, key, unreadable
        line   INTEGER,                      -- from 1; null for the file as a whole
        detail TEXT NOT NULL
    );
    CREATE INDEX findings_by_path ON findings (path);

    -- The outline of Markdown files.
    CREATE TABLE headings (path TEXT NOT NULL, line INTEGER NOT NULL, level INTEGER NOT NULL, text TEXT NOT NULL);
    CREATE INDEX headings_by_path ON headings (path);

    -- Their links. resolved: the path in the tree that a relative link leads to.
    CREATE TABLE links (path TEXT NOT NULL, line INTEGER NOT NULL, target TEXT NOT NULL, resolved TEXT);
    CREATE INDEX links_by_path ON links (path);

    -- The paths that links lead to, on which the findings of a file depend.
    CREATE TABLE targets (target TEXT NOT NULL, path TEXT NOT NULL);
    CREATE INDEX targets_by_target ON targets (target, path);
    CREATE INDEX targets_by_path ON targets (path);

    -- The latest look of each minion at each path, also at one where it found nothing.
    CREATE TABLE looks (
        path    TEXT NOT NULL,
        minion  TEXT NOT NULL,
        stamp   INTEGER NOT NULL,
        present INTEGER NOT NULL,
        PRIMARY KEY (path, minion)
    ) WITHOUT ROWID;

    -- Numbers with a name: the count of runs, the stamp of the latest digest.
    CREATE TABLE marks (name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
";

/// Opens the database, makes it if there is none, and begins a run: answers how many there have been with it.
///
/// # Errors
///
/// When the file cannot be written, or was written by a version that this program does not know.
pub(super) fn open(path: &Path) -> minions::Result<(Connection, u64)> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A step that has recorded something is never run again, so what it recorded must survive what its row survives.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -16_384)?;
    let transaction = connection.transaction()?;
    match transaction.query_row("PRAGMA user_version", [], |row| row.get(0))? {
        VERSION => {}
        0 => {
            transaction.execute_batch(TABLES)?;
            transaction.pragma_update(None, "user_version", VERSION)?;
        }
        other => {
            return Err(format!(
                "its tables are of version {other}, and this program knows version {VERSION}; move the file away, and it is \
                 made anew"
            )
            .into());
        }
    }
    mark(&transaction, "runs", 1 + marked(&transaction, "runs")?.unwrap_or(0))?;
    let runs = marked(&transaction, "runs")?.unwrap_or(0);
    transaction.commit()?;
    Ok((connection, runs))
}

/// The value of a mark.
pub(super) fn marked(connection: &Connection, name: &str) -> rusqlite::Result<Option<u64>> {
    let mut statement = connection.prepare_cached("SELECT value FROM marks WHERE name = ?1")?;
    let value: Option<i64> = statement.query_row([name], |row| row.get(0)).optional()?;
    Ok(value.map(i64::cast_unsigned))
}

/// Sets a mark, unless it is higher already; answers whether it was set.
pub(super) fn mark(connection: &Connection, name: &str, value: u64) -> rusqlite::Result<bool> {
    let sql = "INSERT INTO marks (name, value) VALUES (?1, ?2)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE excluded.value >= marks.value";
    Ok(connection.prepare_cached(sql)?.execute(params![name, value.cast_signed()])? == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_opening_is_a_run_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("watchtower.db");
        let runs: Vec<_> = (0..3).map(|_| open(&path).unwrap().1).collect();
        assert_eq!(runs, [1, 2, 3]);
    }

    #[test]
    fn tables_of_another_version_are_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("watchtower.db");
        open(&path).unwrap().0.pragma_update(None, "user_version", 9).unwrap();
        assert!(open(&path).unwrap_err().to_string().contains("version 9"));
    }

    #[test]
    fn a_mark_never_goes_back() {
        let directory = tempfile::tempdir().unwrap();
        let (connection, _) = open(&directory.path().join("watchtower.db")).unwrap();
        assert!(mark(&connection, "digest", 5).unwrap());
        assert!(mark(&connection, "digest", 5).unwrap());
        assert!(!mark(&connection, "digest", 4).unwrap());
        assert_eq!(marked(&connection, "digest").unwrap(), Some(5));
    }
}
