//! Reading beside the writer: a small read-only pool.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteRow};
use sqlx::{ConnectOptions as _, Row as _};

use minions_core::store::{Filter, StatusCount, StoreError, StoredWorkflow};
use minions_core::workflow::WorkflowId;

use crate::open::BUSY_FOR;
use crate::value;

/// One for the resumption of work, one for a person who looks on.
const CONNECTIONS: u32 = 2;

/// The read-only connections, opened when they are first needed.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
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
        Self { pool: SqlitePoolOptions::new().max_connections(CONNECTIONS).connect_lazy_with(options) }
    }

    pub(crate) async fn scan(&self, filter: Filter, limit: usize) -> Result<Vec<StoredWorkflow>, StoreError> {
        let only = filter.only.map(|id| id.key());
        // Saturating, where nothing can be above the greatest key or below the smallest.
        let after = filter.after.map(|id| id.key()).max(only.map(|key| key.saturating_sub(1))).unwrap_or(i64::MIN);
        let up_to = filter.up_to.map_or(i64::MAX, |id| id.key()).min(only.unwrap_or(i64::MAX));
        let status = match filter.status.map(value::status_code) {
            Some(None) => return Ok(Vec::new()),
            status => status.flatten(),
        };
        let rows = sqlx::query(
            "SELECT w.id, o.name, w.status, w.step, w.steps_hash, w.seq, w.attempt, coalesce(w.event, l.event), \
             w.context, w.failures, w.created_ms, w.updated_ms \
             FROM workflow w LEFT JOIN orchestration o ON o.id = w.orchestration \
             LEFT JOIN large_event l ON w.event IS NULL AND l.key = w.key \
             WHERE w.key > ?1 AND w.key <= ?2 AND (?3 IS NULL OR w.id = ?3) \
             AND (?4 IS NULL OR w.orchestration = (SELECT id FROM orchestration WHERE name = ?4)) \
             AND (?5 IS NULL OR w.status = ?5) ORDER BY w.key LIMIT ?6",
        )
        .bind(after)
        .bind(up_to)
        .bind(filter.only.map(|id| id.as_bytes().to_vec()))
        .bind(filter.orchestration)
        .bind(status)
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&self.pool)
        .await
        .map_err(unreadable)?;
        rows.iter().map(stored).collect::<Result<_, _>>().map_err(unreadable)
    }

    pub(crate) async fn counts(&self) -> Result<Vec<StatusCount>, StoreError> {
        let rows = sqlx::query(
            "SELECT coalesce(o.name, ''), w.status, count(*) \
             FROM workflow w LEFT JOIN orchestration o ON o.id = w.orchestration GROUP BY 1, 2 ORDER BY 1, 2",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(unreadable)?;
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

/// A row as it is: what is odd about it must not hide it, nor its neighbours.
fn stored(row: &SqliteRow) -> Result<StoredWorkflow, sqlx::Error> {
    let id = row.try_get::<&[u8], _>(0)?;
    let id = id.try_into().map(WorkflowId::from_bytes).map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    let orchestration = row.try_get::<Option<String>, _>(1)?.unwrap_or_default();
    let mut workflow = StoredWorkflow::new(id, orchestration, row.try_get::<String, _>(3)?);
    workflow.status = value::status(row.try_get(2)?);
    workflow.steps_hash = row.try_get::<i64, _>(4)?.cast_unsigned();
    // Counts that are none, from a damaged page or an edit by hand.
    let count = |column: usize, name: &str| {
        let value = row.try_get::<i64, _>(column)?;
        Ok::<_, sqlx::Error>(u32::try_from(value).map_err(|_| format!("its {name} is {value}")))
    };
    match (count(5, "seq")?, count(6, "attempt")?) {
        (Ok(seq), Ok(attempt)) => (workflow.seq, workflow.attempt) = (seq, attempt),
        (Err(why), _) | (_, Err(why)) => workflow.damage = Some(why),
    }
    // A large event that is lost becomes one that nobody can decode, which sets its workflow aside.
    workflow.event = row.try_get::<Option<Vec<u8>>, _>(7)?.unwrap_or_default();
    workflow.context = row.try_get(8)?;
    workflow.failures = value::failures(row.try_get(9)?);
    workflow.created_ms = row.try_get(10)?;
    workflow.updated_ms = row.try_get(11)?;
    Ok(workflow)
}

fn unreadable(error: sqlx::Error) -> StoreError {
    StoreError::unavailable("the state database cannot be read").with_source(error)
}
