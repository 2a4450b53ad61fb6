//! What each version of the schema has made of the one before. Files are out there: append, never change.

use rusqlite::Connection;

pub(super) type Migration = fn(&Connection) -> rusqlite::Result<()>;

/// Migration number `n` brings a file from version `n` to `n + 1`. Files are out there: append, never change.
pub(super) const MIGRATIONS: &[Migration] = &[create, grow, form_lanes, part_rows];

/// The first schema. Its comments are kept in the file, for whoever looks at it with a shell.
///
/// No secondary index: each would cost every checkpoint. Rows are found by `key`, which ascends in the order of
/// creation, so that a batch dirties few pages.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
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
/// [`PREFIX`](super::PREFIX), because from here on users have tables of their own in the file.
pub(super) fn grow(connection: &Connection) -> rusqlite::Result<()> {
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
pub(super) fn form_lanes(connection: &Connection) -> rusqlite::Result<()> {
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
pub(super) fn part_rows(connection: &Connection) -> rusqlite::Result<()> {
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
