//! durare, as its documentation shows it.

use std::sync::Arc;
use std::time::Duration;

use durare::{DurableContext, DurableEngine, Result, SqliteProvider, WorkflowOptions};
use peer::{About, Engine, Error, Page, Visit};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

const ABOUT: About = About {
    name: "durare",
    version: "0.5.0",
    settings: "synchronous=FULL (its own is NORMAL), otherwise as it connects: WAL, 5 connections (1 with one in flight)",
};

#[durare::step]
async fn first(ctx: &DurableContext, visit: Visit) -> Result<Visit> {
    Ok(visit.step())
}

#[durare::step]
async fn second(ctx: &DurableContext, visit: Visit) -> Result<Visit> {
    Ok(visit.step())
}

#[durare::step]
async fn third(ctx: &DurableContext, visit: Visit) -> Result<Visit> {
    Ok(visit.step())
}

#[durare::workflow]
async fn walk(ctx: DurableContext, page: Page) -> Result<Visit> {
    let visit = first(&ctx, Visit::of(&page)).await?;
    let visit = second(&ctx, visit).await?;
    third(&ctx, visit).await
}

struct Durare {
    engine: DurableEngine,
    pool: SqlitePool,
}

impl Engine for Durare {
    async fn workflow(&self, page: Page) -> std::result::Result<(), Error> {
        self.engine.start_with(Walk, page, WorkflowOptions::default()).await?.await?.finish()
    }

    async fn ended(&self) -> std::result::Result<u64, Error> {
        let query = sqlx::query_scalar("SELECT count(*) FROM workflow_status WHERE status = 'SUCCESS'");
        let ended: i64 = query.fetch_one(&self.pool).await?;
        Ok(ended.try_into()?)
    }
}

fn main() -> std::result::Result<(), Error> {
    peer::main(&ABOUT, |directory, in_flight| async move {
        let options = SqliteConnectOptions::new()
            .filename(directory.join("state.db"))
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(5));
        // One after the other on one connection, whose cache stays warm, is up to twice as fast.
        let connections = if in_flight == 1 { 1 } else { 5 };
        let pool = SqlitePoolOptions::new().max_connections(connections).connect_with(options).await?;
        let provider = Arc::new(SqliteProvider::from_pool(pool.clone()));
        Ok(Durare { engine: DurableEngine::builder(provider).build().await?, pool })
    })
}
