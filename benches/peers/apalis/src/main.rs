//! apalis with its SQLite storage and its workflows, as their documentation shows them.

use std::time::Duration;

use apalis::prelude::*;
use apalis_sqlite::{Config, SqlitePool, SqliteStorage};
use apalis_workflow::*;
use peer::{About, Engine, Error, Page, Visit, ends};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

const ABOUT: About = About {
    name: "apalis",
    version: "1.0.0",
    settings: "synchronous=FULL (its set-up turns it off), polls every 5 ms, batches of 256 (10), 1 connection; the last step tells of the end",
};

struct Apalis(SqliteStorage<Visit>);

impl Engine for Apalis {
    async fn workflow(&self, page: Page) -> Result<(), Error> {
        // Its own wait asks the database again and again for all that is waited for.
        let ended = ends::expect(page.number);
        self.0.clone().push_start(Visit::of(&page)).await.map_err(|error| error.to_string())?;
        ended.await?.finish()
    }

    async fn ended(&self) -> Result<u64, Error> {
        // Each step is a job.
        let query = sqlx::query_scalar("SELECT count(*) / 3 FROM Jobs WHERE status = 'Done'");
        let ended: i64 = query.fetch_one(self.0.pool()).await?;
        Ok(ended.try_into()?)
    }
}

async fn step(visit: Visit) -> Result<Visit, BoxDynError> {
    Ok(visit.step())
}

async fn last(visit: Visit) -> Result<(), BoxDynError> {
    ends::tell(visit.step());
    Ok(())
}

fn main() -> Result<(), Error> {
    peer::main(&ABOUT, |directory, _| async move {
        let options = SqliteConnectOptions::new()
            .filename(directory.join("state.db"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(60));
        let pool: SqlitePool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
        SqliteStorage::migrations().run(&pool).await?;
        let config = Config::default().queue("walk").batch_size(256);
        let storage = SqliteStorage::new(&pool).with_config(config);
        let workflow = SteppedFlow::new("walk").and_then(step).and_then(step).and_then(last);
        let backend = storage.clone().poll_with_interval(Duration::from_millis(5));
        let worker = WorkerBuilder::new("walker").backend(backend).build(workflow);
        tokio::spawn(async move { worker.run().await.map_err(|error| eprintln!("apalis: {error}")) });
        Ok(Apalis(storage))
    })
}
