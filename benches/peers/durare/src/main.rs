//! durare, as its documentation shows it.

use std::sync::Arc;
use std::time::Duration;

use durare::{DurableContext, DurableEngine, Result, SqliteProvider, WorkflowOptions};
use peer::{About, Engine, Error, Page, Visit};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

const ABOUT: About = About {
    name: "durare",
    version: "0.5.0",
    settings: "synchronous=FULL (its own is NORMAL), otherwise as it connects: WAL, 5 connections",
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

struct Durare(DurableEngine);

impl Engine for Durare {
    async fn workflow(&self, page: Page) -> std::result::Result<(), Error> {
        self.0.start_with(Walk, page, WorkflowOptions::default()).await?.await?.finish()
    }
}

fn main() -> std::result::Result<(), Error> {
    peer::main(&ABOUT, |directory, _| async move {
        let options = SqliteConnectOptions::new()
            .filename(directory.join("state.db"))
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(5));
        let pool = SqlitePoolOptions::new().max_connections(5).connect_with(options).await?;
        let provider = Arc::new(SqliteProvider::from_pool(pool));
        Ok(Durare(DurableEngine::builder(provider).build().await?))
    })
}
