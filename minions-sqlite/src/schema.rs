//! The tables, their versions, and whose file it is.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use minions_core::store::StoreError;

use crate::apply;
use crate::owner::{self, Owner};

/// What the names begin with that this crate gives to tables and indexes since its second schema.
pub(crate) const PREFIX: &str = "minions_";

/// The tables of the first schema, whose names have no prefix.
pub(crate) const FIRST_TABLES: [&str; 4] = ["meta", "orchestration", "workflow", "large_event"];

/// `PRAGMA application_id` of our files: "Mnns".
const APPLICATION_ID: i32 = 0x4d6e_6e73;

type Migration = fn(&Connection) -> rusqlite::Result<()>;

/// Migration number `n` brings a file from version `n` to `n + 1`. Files are out there: append, never change.
const MIGRATIONS: &[Migration] = &[create, grow, form_lanes, part_rows];

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

/// The second schema: retries, sleep, signals, cursors, effects and history.
///
/// The indexes are partial, so a checkpoint of a workflow that runs does not touch them. New names begin with
/// [`PREFIX`], because from here on users have tables of their own in the file.
fn grow(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "-- How often the runtime has changed the row; an operation says which revision it makes.
        ALTER TABLE workflow ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
        -- The version of the minion's types that context and event are of.
        ALTER TABLE workflow ADD COLUMN version INTEGER NOT NULL DEFAULT 0;

        CREATE INDEX workflow_resting ON workflow (orchestration, wake_ms) WHERE wake_ms IS NOT NULL;
        CREATE INDEX workflow_quarantined ON workflow (orchestration) WHERE status = 1;

        CREATE TABLE minions_signal (
            key     INTEGER NOT NULL,          -- workflow.key
            name    TEXT NOT NULL,
            payload ANY NOT NULL,
            PRIMARY KEY (key, name)
        ) STRICT, WITHOUT ROWID;

        -- Where the sources are that keep a cursor.
        CREATE TABLE minions_cursor (
            source    TEXT NOT NULL,           -- the pipeline
            partition TEXT NOT NULL,
            count     INTEGER NOT NULL,        -- events admitted
            position  ANY NOT NULL,            -- after the last of them
            PRIMARY KEY (source, partition)
        ) STRICT, WITHOUT ROWID;

        -- Keys that admit one event within their time.
        CREATE TABLE minions_dedupe (
            scope    TEXT NOT NULL,            -- the pipeline, or the minion that emits
            key      TEXT NOT NULL,
            until_ms INTEGER NOT NULL,
            id       BLOB NOT NULL,            -- the first workflow that was admitted by it
            PRIMARY KEY (scope, key)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX minions_dedupe_until ON minions_dedupe (until_ms);

        -- Workflows that were running when processes died.
        CREATE TABLE minions_suspect (
            key      INTEGER PRIMARY KEY,      -- workflow.key
            revision INTEGER NOT NULL,
            deaths   INTEGER NOT NULL          -- in a row at that revision
        ) STRICT;

        -- Workflows that have ended, in the order in which they did.
        CREATE TABLE minions_ended (
            number        INTEGER PRIMARY KEY,
            id            BLOB NOT NULL,
            orchestration INTEGER NOT NULL,    -- orchestration.id
            outcome       TEXT NOT NULL,
            step          TEXT NOT NULL,
            seq           INTEGER NOT NULL,
            revision      INTEGER NOT NULL,
            created_ms    INTEGER NOT NULL,
            ended_ms      INTEGER NOT NULL,
            failures      TEXT
        ) STRICT;
        CREATE INDEX minions_ended_order ON minions_ended (orchestration, ended_ms);

        -- What users have made of tables of their own.
        CREATE TABLE minions_migration (
            name   TEXT NOT NULL,
            number INTEGER NOT NULL,
            sql    TEXT NOT NULL,
            PRIMARY KEY (name, number)
        ) STRICT, WITHOUT ROWID;

        -- Whether the last owner has closed the file, and how many before it have not.
        INSERT INTO meta VALUES ('clean', 1), ('deaths', 0);",
    )
}

/// The third schema: lanes. The column is there since the first one, and has been empty so far.
///
/// The index is partial, so what has no lane is not in it, and none of its columns is in a checkpoint. Its order is that in
/// which a lane is read: first who has had its turn, then who waits for it.
fn form_lanes(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "-- In it `status` has a third value: 2, waits for its turn in its lane.
        CREATE INDEX workflow_lane ON workflow (orchestration, lane, status) WHERE lane IS NOT NULL;",
    )
}

/// The fourth schema: what changes with every checkpoint is one value, and what few workflows have lies elsewhere.
///
/// The value is laid out as `head` says. A table without an index is the cheapest to write to, and a handle can write over
/// a value that no statement has to take apart; so the indexes are on the table of those about which there is more to say.
/// A view shows everything as it was.
fn part_rows(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "-- What is special about few of them. A row of `workflow` that has none here is running.
        CREATE TABLE minions_special (
            key           INTEGER PRIMARY KEY, -- workflow.key
            orchestration INTEGER NOT NULL,    -- as in its row
            status        INTEGER NOT NULL,    -- 0 running, 1 quarantined, 2 waits for its turn in its lane
            wake_ms       INTEGER,             -- sleeps until then
            signal        TEXT,                -- waits for this one
            lane          TEXT,                -- workflows of one lane run one after another
            failures      TEXT                 -- JSON, oldest first
        ) STRICT;
        INSERT INTO minions_special
            SELECT key, orchestration, status, wake_ms, signal, lane, failures FROM workflow
            WHERE status <> 0 OR coalesce(wake_ms, signal, lane, failures) IS NOT NULL ORDER BY key;

        ALTER TABLE workflow RENAME TO minions_before;
        CREATE TABLE workflow (
            key           INTEGER PRIMARY KEY, -- the 60 leading bits of the id without its version
            orchestration INTEGER NOT NULL,    -- orchestration.id
            created_ms    INTEGER NOT NULL,    -- since the Unix epoch, as all times
            checkpoint    ANY NOT NULL,        -- whatever a step changes: see the view minions_workflow
            event         ANY                  -- NULL: see large_event
        ) STRICT;
        -- A number that has no place in its field is not one that it could have.
        INSERT INTO workflow
            SELECT key, orchestration, created_ms, iif(typeof(context) = 'blob', CAST(checkpoint AS BLOB), checkpoint), event
            FROM (
                SELECT key, orchestration, created_ms, context, event,
                    substr(lower(substr(hex(id), 13, 1) || substr(hex(id), 17)) || '?????????????????', 1, 17)
                    || CASE WHEN coalesce(wake_ms, signal) IS NOT NULL THEN '*'
                        WHEN status <> 0 OR coalesce(lane, failures) IS NOT NULL THEN '+' ELSE '-' END
                    || iif(typeof(context) = 'blob', 'b', 't')
                    || iif(revision BETWEEN -999999999 AND 9999999999, printf('%010d', revision), 'impossible')
                    || iif(seq BETWEEN -999999999 AND 9999999999, printf('%010d', seq), 'impossible')
                    || iif(attempt BETWEEN -999999999 AND 9999999999, printf('%010d', attempt), 'impossible')
                    || iif(version BETWEEN -999999999 AND 9999999999, printf('%010d', version), 'impossible')
                    || printf('%016x', steps_hash) || printf('%020d', updated_ms)
                    || printf('%05d', length(CAST(step AS BLOB))) || printf('%010d', length(CAST(context AS BLOB)))
                    || ' ' || step || ' ' || context AS checkpoint
                FROM minions_before
            ) ORDER BY key;
        DROP TABLE minions_before;

        CREATE INDEX minions_special_resting ON minions_special (orchestration, wake_ms) WHERE wake_ms IS NOT NULL;
        CREATE INDEX minions_special_quarantined ON minions_special (orchestration) WHERE status = 1;
        CREATE INDEX minions_special_lane ON minions_special (orchestration, lane, status) WHERE lane IS NOT NULL;

        -- For whoever looks at the file.
        CREATE VIEW minions_workflow AS
            SELECT key, id, orchestration, status, step, seq, attempt, revision, version, steps_hash,
                created_ms, updated_ms, wake_ms, signal, lane, failures,
                iif(is_text, CAST(context AS TEXT), context) AS context, event
            FROM (
                SELECT c.key, c.orchestration, c.status, c.created_ms, c.wake_ms, c.signal, c.lane, c.failures,
                    c.event, c.is_text,
                    printf('%012x', c.key >> 12) || substr(c.head, 1, 1) || printf('%03x', c.key & 4095)
                        || substr(c.head, 2, 16) AS id,
                    CAST(substr(c.head, 20, 10) AS INTEGER) AS revision,
                    CAST(substr(c.head, 30, 10) AS INTEGER) AS seq,
                    CAST(substr(c.head, 40, 10) AS INTEGER) AS attempt,
                    CAST(substr(c.head, 50, 10) AS INTEGER) AS version,
                    substr(c.head, 60, 16) AS steps_hash,
                    CAST(substr(c.head, 76, 20) AS INTEGER) AS updated_ms,
                    CAST(substr(c.bytes, 112, CAST(substr(c.head, 96, 5) AS INTEGER)) AS TEXT) AS step,
                    substr(c.bytes, 113 + CAST(substr(c.head, 96, 5) AS INTEGER),
                        CAST(substr(c.head, 101, 10) AS INTEGER)) AS context
                FROM (
                    SELECT w.key, o.name AS orchestration, w.created_ms, s.wake_ms, s.signal, s.lane, s.failures,
                        CASE coalesce(s.status, 0)
                            WHEN 0 THEN 'running' WHEN 2 THEN 'waiting' ELSE 'quarantined' END AS status,
                        coalesce(w.event, l.event) AS event, typeof(w.checkpoint) = 'text' AS is_text,
                        CAST(w.checkpoint AS BLOB) AS bytes, CAST(substr(w.checkpoint, 1, 111) AS TEXT) AS head
                    FROM workflow w
                    LEFT JOIN orchestration o ON o.id = w.orchestration
                    LEFT JOIN minions_special s ON s.key = w.key
                    LEFT JOIN large_event l ON w.event IS NULL AND l.key = w.key
                ) c
            );",
    )
}

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
