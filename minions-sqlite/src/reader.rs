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
use crate::value;

/// One for the resumption of work, one for a person who looks on.
const CONNECTIONS: u32 = 2;

/// What [`stored`] reads, of the tables of [`JOINED`].
const COLUMNS: &str = "SELECT w.id, o.name, w.status, w.step, w.steps_hash, w.seq, w.attempt, \
     coalesce(w.event, l.event), w.context, w.failures, w.created_ms, w.updated_ms, w.revision, w.version, w.wake_ms, \
     w.signal, g.payload, s.deaths, w.lane";

const JOINED: &str = " LEFT JOIN orchestration o ON o.id = w.orchestration \
     LEFT JOIN large_event l ON w.event IS NULL AND l.key = w.key \
     LEFT JOIN minions_signal g ON g.key = w.key AND g.name = w.signal \
     LEFT JOIN minions_suspect s ON s.key = w.key AND s.revision = w.revision WHERE ";

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
            if let Some(field) = &filter.event
                && !field.matches(row.try_get::<Option<&[u8]>, _>(7).map_err(unreadable)?.unwrap_or_default())
            {
                continue;
            }
            found.push(stored(&row).map_err(unreadable)?);
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
                found.push(stored(row).map_err(unreadable)?);
            }
        }
        Ok(found)
    }

    pub(crate) async fn lanes(&self, which: &InLanes, limit: usize) -> Result<Vec<LaneMember>, StoreError> {
        let mut query = in_lanes("SELECT w.id, w.lane, w.status", which);
        query.push(" ORDER BY w.lane, w.status, w.key LIMIT ").push_bind(limited(limit));
        let rows = query.build().fetch_all(&self.pool).await.map_err(unreadable)?;
        let member = |row: &SqliteRow| {
            Ok(LaneMember::new(row.try_get::<String, _>(1)?, identity(row)?, value::status(row.try_get(2)?)))
        };
        rows.iter().map(member).collect::<Result<_, _>>().map_err(unreadable)
    }

    pub(crate) async fn count_in_lanes(&self, which: &InLanes) -> Result<u64, StoreError> {
        // Apart, so that those that wait are gone through no further than they count.
        let mut query = QueryBuilder::new("SELECT (");
        has_had_its_turn(&mut query, which);
        query.push(") + (");
        waits(&mut query, which);
        query.push(")");
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
            "SELECT coalesce(o.name, ''), w.status, count(*) \
             FROM workflow w LEFT JOIN orchestration o ON o.id = w.orchestration GROUP BY 1, 2 ORDER BY 1, 2",
        )
        .await
    }

    /// Looks at nothing but the index of those in quarantine.
    pub(crate) async fn quarantined(&self) -> Result<Vec<StatusCount>, StoreError> {
        self.counted(
            "SELECT coalesce(o.name, ''), 1, q.number FROM (SELECT orchestration, count(*) AS number FROM workflow \
             INDEXED BY workflow_quarantined WHERE status = 1 GROUP BY 1) q \
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
    let mut query = QueryBuilder::new(COLUMNS);
    query.push(" FROM workflow w");
    // Few are in quarantine, many are not. Without statistics the database does not know.
    if filter.status == Some(Status::Quarantined) && only.is_none() {
        query.push(" INDEXED BY workflow_quarantined");
    }
    query.push(JOINED).push("w.key > ").push_bind(after).push(" AND w.key <= ").push_bind(up_to);
    if let Some(id) = filter.only {
        query.push(" AND w.id = ").push_bind(id.as_bytes().to_vec());
    }
    if let Some(orchestration) = &filter.orchestration {
        of(query.push(" AND "), orchestration);
    }
    if let Some(status) = filter.status {
        // Written out, because a partial index is not used for a value that is bound.
        query.push(format_args!(" AND w.status = {}", value::status_code(status)?));
    }
    if let Some(rests) = filter.rests {
        query.push(if rests { " AND w.wake_ms IS NOT NULL" } else { " AND w.wake_ms IS NULL" });
    }
    if let Some(lane) = &filter.lane {
        query.push(" AND w.lane = ").push_bind(lane.clone());
    }
    if let Some(step) = &filter.step {
        query.push(" AND w.step = ").push_bind(step.clone());
    }
    if let Some(deaths) = filter.deaths {
        query.push(" AND coalesce(s.deaths, 0) >= ").push_bind(deaths);
    }
    query.push(" ORDER BY w.key");
    Some(query)
}

/// The query for members of lanes, along their index.
fn in_lanes(select: &str, which: &InLanes) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(select);
    query.push(" FROM workflow w INDEXED BY workflow_lane WHERE w.lane IS NOT NULL AND ");
    of_lanes(&mut query, which);
    let waiting = value::WAITING;
    query.push(format_args!(" AND (w.status <> {waiting} OR ((w.wake_ms IS NULL OR w.wake_ms <= "));
    query.push_bind(which.until_ms).push(")");
    if let Some(before) = which.before {
        query.push(" AND w.key < ").push_bind(before.key());
    }
    query.push("))");
    query
}

fn of_lanes(query: &mut QueryBuilder<Sqlite>, which: &InLanes) {
    of(query, &which.orchestration);
    if let Some(lane) = &which.lane {
        query.push(" AND w.lane = ").push_bind(lane.to_string());
    }
    if let Some(after) = &which.after {
        query.push(" AND w.lane > ").push_bind(after.to_string());
    }
}

fn has_had_its_turn(query: &mut QueryBuilder<Sqlite>, which: &InLanes) {
    counted(query, which);
    query.push(format_args!(" AND w.status < {}", value::WAITING));
}

fn waits(query: &mut QueryBuilder<Sqlite>, which: &InLanes) {
    counted(query, which);
    query.push(format_args!(" AND w.status = {} AND (w.wake_ms IS NULL OR w.wake_ms <= ", value::WAITING));
    query.push_bind(which.until_ms).push(")");
    if let Some(before) = which.before {
        query.push(" AND w.key < ").push_bind(before.key());
    }
}

fn counted(query: &mut QueryBuilder<Sqlite>, which: &InLanes) {
    query.push("SELECT count(*) FROM workflow w INDEXED BY workflow_lane WHERE w.lane IS NOT NULL AND ");
    of_lanes(query, which);
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
    let mut query = QueryBuilder::new(COLUMNS);
    query.push(" FROM workflow w INDEXED BY workflow_resting").push(JOINED);
    of(&mut query, &due.orchestration).push(" AND w.wake_ms IS NOT NULL AND w.wake_ms ");
    match range {
        Range::SameTime => {
            query.push("= ").push_bind(due.after.wake_ms).push(" AND w.key > ").push_bind(due.after.key);
            query.push(" AND ").push_bind(due.after.wake_ms).push(" <= ").push_bind(due.until_ms);
        }
        Range::Later => {
            query.push("> ").push_bind(due.after.wake_ms).push(" AND w.wake_ms <= ").push_bind(due.until_ms);
        }
    }
    query.push(" ORDER BY w.wake_ms, w.key LIMIT ").push_bind(limited(limit));
    query
}

/// Only the workflows of `orchestration`.
fn of<'q>(query: &'q mut QueryBuilder<Sqlite>, orchestration: &str) -> &'q mut QueryBuilder<Sqlite> {
    query
        .push("w.orchestration = (SELECT id FROM orchestration WHERE name = ")
        .push_bind(orchestration.to_owned())
        .push(")")
}

fn limited(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A row as it is: what is odd about it must not hide it, nor its neighbours. Only without an identity there is nothing to
/// show.
fn stored(row: &SqliteRow) -> Result<StoredWorkflow, sqlx::Error> {
    let mut fields = Fields { row, damage: None };
    let orchestration = fields.text(1, "orchestration").unwrap_or_default();
    let step = fields.text(3, "step").unwrap_or_default();
    let mut workflow = StoredWorkflow::new(identity(row)?, orchestration, step);
    workflow.status = value::status(fields.integer(2, "status"));
    workflow.steps_hash = fields.integer(4, "steps_hash").cast_unsigned();
    workflow.seq = fields.count(5, "seq");
    workflow.attempt = fields.count(6, "attempt");
    workflow.revision = fields.count(12, "revision");
    workflow.version = fields.count(13, "version");
    // A large event that is lost becomes one that nobody can decode, which sets its workflow aside.
    workflow.event = fields.get::<Option<Vec<u8>>>(7, "event").unwrap_or_default();
    workflow.context = fields.get(8, "context");
    workflow.failures = value::failures(fields.text(9, "failures").as_deref());
    workflow.created_ms = fields.integer(10, "created_ms");
    workflow.updated_ms = fields.integer(11, "updated_ms");
    workflow.wake_ms = fields.get(14, "wake_ms");
    workflow.lane = fields.text(18, "lane");
    workflow.signal = fields.text(15, "signal");
    workflow.payload = fields.get(16, "payload");
    workflow.deaths =
        fields.get::<Option<i64>>(17, "deaths").map_or(0, |deaths| u32::try_from(deaths).unwrap_or(u32::MAX));
    workflow.damage = fields.damage;
    Ok(workflow)
}

/// The fields of a row that may come from a damaged page, or from an edit by hand.
struct Fields<'r> {
    row: &'r SqliteRow,
    /// What is wrong with the first of those that are not what they should be.
    damage: Option<String>,
}

impl<'r> Fields<'r> {
    fn get<T>(&mut self, column: usize, name: &str) -> T
    where
        T: Default + sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite>,
    {
        self.row.try_get(column).unwrap_or_else(|error| {
            self.damaged(format!("its {name} cannot be read: {error}"));
            T::default()
        })
    }

    fn integer(&mut self, column: usize, name: &str) -> i64 {
        self.get(column, name)
    }

    fn count(&mut self, column: usize, name: &str) -> u32 {
        let value = self.integer(column, name);
        u32::try_from(value).unwrap_or_else(|_| {
            self.damaged(format!("its {name} is {value}"));
            0
        })
    }

    fn text(&mut self, column: usize, name: &str) -> Option<String> {
        let bytes = self.get::<Option<Vec<u8>>>(column, name)?;
        Some(String::from_utf8(bytes).unwrap_or_else(|error| {
            self.damaged(format!("its {name} is no text"));
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        }))
    }

    fn damaged(&mut self, what: String) {
        self.damage.get_or_insert(what);
    }
}

fn ended(row: &SqliteRow) -> Result<Ended, sqlx::Error> {
    let mut ended = Ended::new(identity(row)?, row.try_get::<String, _>(1)?);
    ended.outcome = value::outcome(row.try_get(2)?);
    ended.step = row.try_get(3)?;
    let count = |column: usize| row.try_get::<i64, _>(column).map(|value| u32::try_from(value).unwrap_or_default());
    (ended.seq, ended.revision) = (count(4)?, count(5)?);
    ended.created_ms = row.try_get(6)?;
    ended.ended_ms = row.try_get(7)?;
    ended.failures = value::failures(row.try_get(8)?);
    Ok(ended)
}

/// The first column.
fn identity(row: &SqliteRow) -> Result<WorkflowId, sqlx::Error> {
    let id = row.try_get::<&[u8], _>(0)?;
    id.try_into().map(WorkflowId::from_bytes).map_err(|error| sqlx::Error::Decode(Box::new(error)))
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
            let first = format!("SEARCH w USING INDEX workflow_resting (orchestration=? AND {how})");
            assert!(plan.contains(&first), "{plan:#?}");
            assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:#?}");
        }
    }

    #[test]
    fn who_is_before_one_in_its_lane_is_counted_no_further_than_that_one() {
        let which = InLanes::of("sitemap/watcher".into(), 9).lane("a".into()).before(WorkflowId::from_bytes([0; 16]));
        let mut query = QueryBuilder::new("");
        waits(&mut query, &which);
        let (plan, how) = (plan(&query), "orchestration=? AND lane=? AND status=? AND rowid<?");
        assert!(plan.contains(&format!("SEARCH w USING INDEX workflow_lane ({how})")), "{plan:#?}");
    }

    #[test]
    fn lanes_are_read_along_their_index() {
        let all = InLanes::of("sitemap/watcher".into(), 9);
        for (which, how) in [
            (all.clone(), "orchestration=? AND lane>?"),
            (all.clone().after("a".into()), "orchestration=? AND lane>?"),
            (all.lane("a".into()), "orchestration=? AND lane=?"),
        ] {
            let mut query = in_lanes("SELECT w.id, w.lane, w.status", &which);
            query.push(" ORDER BY w.lane, w.status, w.key LIMIT 9");
            let plan = plan(&query);
            assert!(plan.contains(&format!("SEARCH w USING INDEX workflow_lane ({how})")), "{plan:#?}");
            assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:#?}");
        }
    }

    #[test]
    fn quarantine_is_read_along_its_index() {
        for filter in [Filter::all(), Filter::all().orchestration("sitemap/watcher")] {
            let plan = plan(&scan(&filter.status(Status::Quarantined)).unwrap());
            assert!(plan[0].contains("w USING INDEX workflow_quarantined"), "{plan:#?}");
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
