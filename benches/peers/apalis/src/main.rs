//! apalis with its SQLite storage and its workflows, as their documentation shows them.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use apalis::prelude::*;
use apalis_sqlite::{Config, SqliteStorage};
use apalis_workflow::*;
use peer::{About, Engine, Page, Visit};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tokio::sync::oneshot;

const ABOUT: About = About {
    name: "apalis",
    version: "1.0.0",
    settings: "synchronous=FULL (its set-up turns it off), polls every 5 ms, batches of 64, 5 connections; the last step tells of the end",
};

/// Who waits for the last step; there is no other way to hear of it without asking the database again and again.
static WAITING: LazyLock<Mutex<HashMap<u64, oneshot::Sender<Visit>>>> = LazyLock::new(Mutex::default);

fn waiting() -> std::sync::MutexGuard<'static, HashMap<u64, oneshot::Sender<Visit>>> {
    WAITING.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

struct Apalis(SqliteStorage<Visit>);

impl Engine for Apalis {
    async fn workflow(&self, page: Page) -> Result<(), peer::Error> {
        let (end, ended) = oneshot::channel();
        waiting().insert(page.number, end);
        self.0.clone().push_start(Visit::of(&page)).await.map_err(|error| error.to_string())?;
        ended.await?.finish()
    }
}

async fn step(visit: Visit) -> Result<Visit, BoxDynError> {
    Ok(visit.step())
}

async fn last(visit: Visit) -> Result<(), BoxDynError> {
    let visit = visit.step();
    if let Some(end) = waiting().remove(&visit.number) {
        let _ = end.send(visit);
    }
    Ok(())
}

fn main() -> Result<(), peer::Error> {
    peer::main(&ABOUT, |directory, _| async move {
        let options = SqliteConnectOptions::new()
            .filename(directory.join("state.db"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(60));
        let pool = SqlitePoolOptions::new().max_connections(5).connect_with(options).await?;
        SqliteStorage::migrations().run(&pool).await?;
        let config = Config::default().queue("walk").batch_size(64);
        let storage = SqliteStorage::new(&pool).with_config(config);
        let workflow = SteppedFlow::new("walk").and_then(step).and_then(step).and_then(last);
        let backend = storage.clone().poll_with_interval(Duration::from_millis(5));
        let worker = WorkerBuilder::new("walker").backend(backend).build(workflow);
        tokio::spawn(async move { worker.run().await.map_err(|error| eprintln!("apalis: {error}")) });
        Ok(Apalis(storage))
    })
}
