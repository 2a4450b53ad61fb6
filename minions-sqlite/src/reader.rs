//! Reading beside the writer: a small read-only pool.

use std::path::Path;

use futures_util::TryStreamExt as _;
use sqlx::query_builder::QueryBuilder;
use sqlx::sqlite::{Sqlite, SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteRow};
use sqlx::{ConnectOptions as _, Row as _};

use minions_core::store::{
    Due, Ended, Filter, InLanes, LaneMember, Status, StatusCount, StoreError, StoredCursor, StoredWorkflow,
};
use minions_core::workflow::WorkflowId;

use crate::open::BUSY_FOR;
use crate::{stored, value};

/// One for the resumption of work, one for a person who looks on.
const CONNECTIONS: u32 = 2;

/// As many for the program's own queries.
const CONNECTIONS_OF_USERS: u32 = 4;

/// The read-only connections, opened when they are first needed.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    options: SqliteConnectOptions,
    pool: SqlitePool,
}

impl Reader {
    /// Reads the database at `path`, which exists.
    pub(crate) fn new(path: &Path) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .busy_timeout(BUSY_FOR)
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS).connect_lazy_with(options.clone());
        Self { options, pool }
    }

    /// Further connections of the same kind.
    pub(crate) fn pool_for_users(&self) -> SqlitePool {
        SqlitePoolOptions::new().max_connections(CONNECTIONS_OF_USERS).connect_lazy_with(self.options.clone())
    }

    pub(crate) async fn scan(&self, filter: Filter, limit: usize) -> Result<Vec<StoredWorkflow>, StoreError> {
        let Some(mut query) = scan(&filter) else { return Ok(Vec::new()) };
        // What is in an event is decided here, by the function that decides it for every store. The rows stream in, so
        // that none is kept that is not asked for.
        if filter.event.is_none() {
            query.push(" LIMIT ").push_bind(limited(limit));
        }
        let query = query.build().persistent(false);
        let mut rows = query.fetch(&self.pool);
        let mut found = Vec::new();
        while found.len() < limit
            && let Some(row) = rows.try_next().await.map_err(unreadable)?
        {
            // The key was the condition; this is the whole identity.
            if let Some(only) = filter.only
                && stored::identity(&row).map_err(unreadable)?.unwrap_or_else(|of_key| of_key) != only
            {
                continue;
            }
            if let Some(field) = &filter.event
                && !field
                    .matches(row.try_get::<Option<&[u8]>, _>(stored::EVENT).map_err(unreadable)?.unwrap_or_default())
            {
                continue;
            }
            found.push(stored::workflow(&row).map_err(unreadable)?);
        }
        Ok(found)
    }

    pub(crate) async fn due(&self, due: Due, limit: usize) -> Result<Vec<StoredWorkflow>, StoreError> {
        let mut found = Vec::new();
        // Twice, because a comparison of pairs does not use the index for the second of the pair: with a million that wake
        // at the same time every page would begin with the first of them.
        for range in [Range::SameTime, Range::Later] {
            let mut query = self::due(&due, range, limit - found.len());
            let rows = query.build().fetch_all(&self.pool).await.map_err(unreadable)?;
            for row in &rows {
                found.push(stored::workflow(row).map_err(unreadable)?);
            }
        }
        Ok(found)
    }

    pub(crate) async fn lanes(&self, which: &InLanes, limit: usize) -> Result<Vec<LaneMember>, StoreError> {
        let mut query = in_lanes(MEMBER, which);
        query.push(" ORDER BY s.lane, s.status, s.key LIMIT ").push_bind(limited(limit));
        let rows = query.build().fetch_all(&self.pool).await.map_err(unreadable)?;
        let member = |row: &SqliteRow| {
            let id = stored::identity(row)?.unwrap_or_else(|of_key| of_key);
            Ok(LaneMember::new(row.try_get::<String, _>(2)?, id, value::status(row.try_get(3)?)))
        };
        rows.iter().map(member).collect::<Result<_, _>>().map_err(unreadable)
    }

    pub(crate) async fn count_in_lanes(&self, which: &InLanes) -> Result<u64, StoreError> {
        let mut query = in_lanes("SELECT count(*)", which);
        let row = query.build().fetch_one(&self.pool).await.map_err(unreadable)?;
        row.try_get::<i64, _>(0).map(i64::cast_unsigned).map_err(unreadable)
    }

    pub(crate) async fn cursors(&self, source: &str) -> Result<Vec<StoredCursor>, StoreError> {
        let rows = sqlx::query("SELECT partition, count, position FROM minions_cursor WHERE source = ?1 ORDER BY 1")
            .bind(source)
            .fetch_all(&self.pool)
            .await
            .map_err(unreadable)?;
        let cursor = |row: &SqliteRow| {
            let count = row.try_get::<i64, _>(1)?;
            Ok(StoredCursor::new(row.try_get::<String, _>(0)?, count.cast_unsigned(), row.try_get(2)?))
        };
        rows.iter().map(cursor).collect::<Result<_, _>>().map_err(unreadable)
    }

    pub(crate) async fn history(&self, of: Option<String>, limit: usize) -> Result<Vec<Ended>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT e.id, coalesce(o.name, ''), e.outcome, e.step, e.seq, e.revision, e.created_ms, e.ended_ms, \
             e.failures FROM minions_ended e LEFT JOIN orchestration o ON o.id = e.orchestration ",
        );
        match of {
            Some(of) => query
                .push("WHERE e.orchestration = (SELECT id FROM orchestration WHERE name = ")
                .push_bind(of)
                .push(") ORDER BY e.ended_ms DESC, e.number DESC"),
            None => query.push("ORDER BY e.number DESC"),
        };
        query.push(" LIMIT ").push_bind(limited(limit));
        let rows = query.build().fetch_all(&self.pool).await.map_err(unreadable)?;
        rows.iter().map(ended).collect::<Result<_, _>>().map_err(unreadable)
    }

    pub(crate) async fn counts(&self) -> Result<Vec<StatusCount>, StoreError> {
        self.counted(
            "SELECT coalesce(o.name, ''), c.status, c.number FROM (\
             SELECT w.orchestration, coalesce(s.status, 0) AS status, count(*) AS number \
             FROM workflow w LEFT JOIN minions_special s ON s.key = w.key GROUP BY 1, 2) c \
             LEFT JOIN orchestration o ON o.id = c.orchestration ORDER BY 1, 2",
        )
        .await
    }

    /// Looks at nothing but the index of those in quarantine.
    pub(crate) async fn quarantined(&self) -> Result<Vec<StatusCount>, StoreError> {
        self.counted(
            "SELECT coalesce(o.name, ''), 1, q.number FROM (SELECT orchestration, count(*) AS number FROM minions_special \
             INDEXED BY minions_special_quarantined WHERE status = 1 GROUP BY 1) q \
             LEFT JOIN orchestration o ON o.id = q.orchestration ORDER BY 1",
        )
        .await
    }

    async fn counted(&self, query: &'static str) -> Result<Vec<StatusCount>, StoreError> {
        let rows = sqlx::query(query).fetch_all(&self.pool).await.map_err(unreadable)?;
        let count = |row: &SqliteRow| {
            Ok(StatusCount {
                orchestration: row.try_get(0)?,
                status: value::status(row.try_get(1)?),
                count: row.try_get::<i64, _>(2)?.cast_unsigned(),
            })
        };
        rows.iter().map(count).collect::<Result<_, _>>().map_err(unreadable)
    }

    /// Closes every connection; what is being read is finished first.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

/// The query for everything that matches `filter` but its event; none if nothing can match.
fn scan(filter: &Filter) -> Option<QueryBuilder<Sqlite>> {
    let only = filter.only.map(|id| id.key());
    // Saturating, where nothing can be above the greatest key or below the smallest.
    let after = filter.after.map(|id| id.key()).max(only.map(|key| key.saturating_sub(1))).unwrap_or(i64::MIN);
    let up_to = filter.up_to.map_or(i64::MAX, |id| id.key()).min(only.unwrap_or(i64::MAX));
    let mut query = QueryBuilder::new(stored::COLUMNS);
    // Few are in quarantine, many are not. Without statistics the database does not know.
    let table = if filter.status == Some(Status::Quarantined) && only.is_none() {
        query.push(" FROM minions_special s INDEXED BY minions_special_quarantined JOIN workflow w ON w.key = s.key");
        "s"
    } else {
        query.push(" FROM workflow w LEFT JOIN minions_special s ON s.key = w.key");
        "w"
    };
    query.push(stored::JOINED).push(format_args!("{table}.key > ")).push_bind(after);
    query.push(format_args!(" AND {table}.key <= ")).push_bind(up_to);
    if let Some(orchestration) = &filter.orchestration {
        of(query.push(" AND "), table, orchestration);
    }
    if let Some(status) = filter.status {
        // Written out, because a partial index is not used for a value that is bound.
        let status = value::status_code(status)?;
        if status == value::RUNNING {
            query.push(" AND coalesce(s.status, 0) = 0");
        } else {
            query.push(format_args!(" AND s.status = {status}"));
        }
    }
    if let Some(rests) = filter.rests {
        query.push(if rests { " AND s.wake_ms IS NOT NULL" } else { " AND s.wake_ms IS NULL" });
    }
    if let Some(lane) = &filter.lane {
        query.push(" AND s.lane = ").push_bind(lane.clone());
    }
    if let Some(step) = &filter.step {
        query.push(" AND ").push(stored::STEP).push(" = ").push_bind(step.clone());
    }
    if let Some(deaths) = filter.deaths {
        query.push(" AND coalesce(d.deaths, 0) >= ").push_bind(deaths);
    }
    query.push(format_args!(" ORDER BY {table}.key"));
    Some(query)
}

/// What is read of a member of a lane.
const MEMBER: &str = "SELECT w.key, substr(w.checkpoint, 1, 17), s.lane, s.status";

/// The query for members of lanes, along their index.
fn in_lanes(select: &str, which: &InLanes) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(select);
    query.push(" FROM minions_special s INDEXED BY minions_special_lane JOIN workflow w ON w.key = s.key ");
    query.push("WHERE s.lane IS NOT NULL AND ");
    of(&mut query, "s", &which.orchestration);
    if let Some(lane) = &which.lane {
        query.push(" AND s.lane = ").push_bind(lane.to_string());
    }
    if let Some(after) = &which.after {
        query.push(" AND s.lane > ").push_bind(after.to_string());
    }
    let waiting = value::WAITING;
    query.push(format_args!(" AND (s.status <> {waiting} OR ((s.wake_ms IS NULL OR s.wake_ms <= "));
    query.push_bind(which.until_ms).push(")");
    if let Some(before) = which.before {
        query.push(" AND s.key < ").push_bind(before.key());
    }
    query.push("))");
    query
}

/// A part of what comes after a place in the order of waking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Range {
    /// What wakes at the time of the place.
    SameTime,
    /// What wakes later.
    Later,
}

/// The query for what is due, along the index of those that rest.
fn due(due: &Due, range: Range, limit: usize) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(stored::COLUMNS);
    query
        .push(" FROM minions_special s INDEXED BY minions_special_resting JOIN workflow w ON w.key = s.key")
        .push(stored::JOINED);
    of(&mut query, "s", &due.orchestration).push(" AND s.wake_ms IS NOT NULL AND s.wake_ms ");
    match range {
        Range::SameTime => {
            query.push("= ").push_bind(due.after.wake_ms).push(" AND s.key > ").push_bind(due.after.key);
            query.push(" AND ").push_bind(due.after.wake_ms).push(" <= ").push_bind(due.until_ms);
        }
        Range::Later => {
            query.push("> ").push_bind(due.after.wake_ms).push(" AND s.wake_ms <= ").push_bind(due.until_ms);
        }
    }
    query.push(" ORDER BY s.wake_ms, s.key LIMIT ").push_bind(limited(limit));
    query
}

/// Only the workflows of `orchestration`, by the column of `table`.
fn of<'q>(query: &'q mut QueryBuilder<Sqlite>, table: &str, orchestration: &str) -> &'q mut QueryBuilder<Sqlite> {
    query
        .push(table)
        .push(".orchestration = (SELECT id FROM orchestration WHERE name = ")
        .push_bind(orchestration.to_owned())
        .push(")")
}

fn limited(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn ended(row: &SqliteRow) -> Result<Ended, sqlx::Error> {
    let id = row.try_get::<&[u8], _>(0)?;
    let id = id.try_into().map(WorkflowId::from_bytes).map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    let mut ended = Ended::new(id, row.try_get::<String, _>(1)?);
    ended.outcome = value::outcome(row.try_get(2)?);
    ended.step = row.try_get(3)?;
    let count = |column: usize| row.try_get::<i64, _>(column).map(|value| u32::try_from(value).unwrap_or_default());
    (ended.seq, ended.revision) = (count(4)?, count(5)?);
    ended.created_ms = row.try_get(6)?;
    ended.ended_ms = row.try_get(7)?;
    ended.failures = value::failures(row.try_get(8)?);
    Ok(ended)
}

fn unreadable(error: sqlx::Error) -> StoreError {
    // SQLite's CORRUPT and NOTADB, without what is in their upper bits.
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<i32>().ok());
    StoreError::unavailable(match code.map(|code| code & 0xff) {
        Some(11 | 26) => "the state database is damaged; restore it from a backup",
        _ => "the state database cannot be read",
    })
    .with_source(error)
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use minions_core::store::DuePlace;

    use crate::schema;

    use super::*;

    /// How the database goes about `query`.
    fn plan(query: &QueryBuilder<Sqlite>) -> Vec<String> {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection, Path::new("state.db")).unwrap();
        let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", query.sql().as_str())).unwrap();
        let mut rows = explain.raw_query();
        let mut steps = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            steps.push(row.get("detail").unwrap());
        }
        steps
    }

    #[test]
    fn what_is_due_is_read_along_its_index_from_the_place_on() {
        let place = DuePlace { wake_ms: 5, key: 7 };
        let due = Due::until("sitemap/watcher".into(), 9).after(place);
        for (range, how) in [(Range::SameTime, "wake_ms=? AND rowid>?"), (Range::Later, "wake_ms>? AND wake_ms<?")] {
            let plan = plan(&self::due(&due, range, 100));
            let first = format!("SEARCH s USING INDEX minions_special_resting (orchestration=? AND {how})");
            assert!(plan.contains(&first), "{plan:#?}");
            assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:#?}");
        }
    }

    #[test]
    fn lanes_are_read_along_their_index() {
        let all = InLanes::of("sitemap/watcher".into(), 9);
        for (which, how) in [
            (all.clone(), "orchestration=? AND lane>?"),
            (all.clone().after("a".into()), "orchestration=? AND lane>?"),
            (all.lane("a".into()), "orchestration=? AND lane=?"),
        ] {
            let mut query = in_lanes(MEMBER, &which);
            query.push(" ORDER BY s.lane, s.status, s.key LIMIT 9");
            let plan = plan(&query);
            assert!(plan.contains(&format!("SEARCH s USING INDEX minions_special_lane ({how})")), "{plan:#?}");
            assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:#?}");
        }
    }

    #[test]
    fn quarantine_is_read_along_its_index() {
        for filter in [Filter::all(), Filter::all().orchestration("sitemap/watcher")] {
            let plan = plan(&scan(&filter.status(Status::Quarantined)).unwrap());
            assert!(plan[0].contains("s USING INDEX minions_special_quarantined"), "{plan:#?}");
        }
    }

    #[test]
    fn everything_else_is_read_in_the_order_of_the_rows() {
        for filter in [Filter::all(), Filter::all().rests(false), Filter::all().status(Status::Running).step("fetch")] {
            let plan = plan(&scan(&filter).unwrap());
            assert!(plan[0].starts_with("SEARCH w USING INTEGER PRIMARY KEY"), "{plan:#?}");
            assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:#?}");
        }
    }
}
