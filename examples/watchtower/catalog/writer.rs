//! The thread that owns the connection, and commits what many steps want in one go.

use std::path::PathBuf;
use std::thread::JoinHandle;

use minions::Result;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::schema;

/// Hands work to the thread.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
    thread: JoinHandle<()>,
}

/// Works on the connection inside a transaction; what it gives back hears how the commit went.
type Job = Box<dyn FnOnce(&Connection) -> Answer + Send>;
type Answer = Box<dyn FnOnce(std::result::Result<(), &str>) + Send>;

/// One commit takes as long for a thousand rows as for one, nearly.
const BATCH: usize = 1024;

impl Writer {
    /// Opens the database on a thread of its own; answers also how many runs there have been.
    pub(super) async fn open(path: PathBuf) -> Result<(Self, u64)> {
        let (jobs, mut queue) = mpsc::channel(BATCH);
        let (opened, answer) = oneshot::channel();
        let thread = std::thread::Builder::new().name("catalog".into()).spawn(move || {
            let connection = match schema::open(&path) {
                Ok((connection, runs)) => {
                    let _ = opened.send(Ok(runs));
                    connection
                }
                Err(error) => {
                    let what = format!("cannot open `{}`", path.display());
                    let _ = opened.send(Err(error.context(what)));
                    return;
                }
            };
            let mut batch = Vec::with_capacity(BATCH);
            while queue.blocking_recv_many(&mut batch, BATCH) > 0 {
                commit(&connection, batch.drain(..));
            }
        })?;
        let runs = answer.await.map_err(|_| "the thread of the catalogue ended while it opened the database")??;
        Ok((Self { jobs, thread }, runs))
    }

    /// Runs `work` in a transaction; its result is durable when it is here.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let result = alone(connection, work);
            Box::new(move |committed| {
                let result = match committed {
                    Ok(()) => result.map_err(minions::Error::new),
                    Err(why) => Err(minions::Error::new(format!("the catalogue could not be written: {why}"))),
                };
                // Whoever asked may have been stopped; what was written stays.
                let _ = sender.send(result);
            })
        });
        self.jobs.send(job).await.map_err(|_| "the thread of the catalogue has ended")?;
        receiver.await.map_err(|_| "the thread of the catalogue has ended")?
    }

    /// Writes what is queued and closes the database.
    pub(super) async fn close(self) -> Result<()> {
        let Self { jobs, thread } = self;
        drop(jobs);
        let ended = tokio::task::spawn_blocking(|| thread.join()).await?;
        Ok(ended.map_err(|_| "the thread of the catalogue panicked")?)
    }
}

fn commit(connection: &Connection, batch: impl Iterator<Item = Job>) {
    let begun = connection.execute_batch("BEGIN IMMEDIATE");
    // Without a transaction each job would be a commit of its own; better none, and an error for all.
    let answers: Vec<_> = match &begun {
        Ok(()) => batch.map(|job| job(connection)).collect(),
        Err(error) => {
            tracing::error!(%error, "the catalogue could not be written");
            return;
        }
    };
    let committed = connection.execute_batch("COMMIT").map_err(|error| {
        if !connection.is_autocommit() {
            let _ = connection.execute_batch("ROLLBACK");
        }
        error.to_string()
    });
    for answer in answers {
        answer(committed.as_ref().copied().map_err(String::as_str));
    }
}

/// Undoes the work of a job that fails, and only that.
fn alone<T>(connection: &Connection, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    connection.prepare_cached("SAVEPOINT job")?.execute([])?;
    let result = work(connection);
    if result.is_err() {
        connection.execute_batch("ROLLBACK TO job")?;
    }
    connection.prepare_cached("RELEASE job")?.execute([])?;
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_job_that_fails_takes_nobody_with_it() {
        let directory = tempfile::tempdir().unwrap();
        let (writer, runs) = Writer::open(directory.path().join("watchtower.db")).await.unwrap();
        assert_eq!(runs, 1);
        let good = writer.run(|connection| schema::mark(connection, "good", 1));
        let bad = writer.run(|connection| {
            schema::mark(connection, "bad", 1)?;
            connection.execute("nonsense", [])
        });
        let (good, bad) = tokio::join!(good, bad);
        assert!(good.unwrap());
        assert!(bad.unwrap_err().to_string().contains("nonsense"));
        assert_eq!(writer.run(|connection| schema::marked(connection, "good")).await.unwrap(), Some(1));
        assert_eq!(writer.run(|connection| schema::marked(connection, "bad")).await.unwrap(), None);
        writer.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_database_that_cannot_be_opened_is_named() {
        let error = Writer::open("/nowhere/watchtower.db".into()).await.unwrap_err();
        assert!(format!("{error:#}").starts_with("cannot open `/nowhere/watchtower.db`: "), "{error:#}");
    }
}
