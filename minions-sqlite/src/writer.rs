//! The thread that owns the connection which writes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _};
use tokio::sync::oneshot;

use minions_core::store::{Op, Opened, StoreError};
use minions_core::workflow::WorkflowId;

use crate::lock::Place;
use crate::open::{self, Database};
use crate::owner::Owner;
use crate::session::{Results, Session};
use crate::{Durability, head, vacuum};

/// The queue of the writer's thread. Dropping it is an orderly end as well, only nobody hears how it went.
#[derive(Debug)]
pub(crate) struct Writer {
    /// Gone once the writer was told to end.
    queue: Option<mpsc::Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

enum Request {
    Commit { batch: Vec<Arc<Op>>, answer: oneshot::Sender<Results> },
    Migrate { name: String, steps: Vec<String>, answer: oneshot::Sender<Result<(), StoreError>> },
    Close { answer: oneshot::Sender<Result<(), StoreError>> },
}

impl Writer {
    /// Starts the thread, which opens the database.
    pub(crate) async fn start(
        path: PathBuf,
        durability: Durability,
        visits: bool,
    ) -> Result<(Self, Opened), StoreError> {
        let (queue, requests) = mpsc::channel();
        let (opened, outcome) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("minions-sqlite".to_owned())
            .spawn(move || run(&path, durability, visits, opened, &requests))
            .map_err(|error| {
                StoreError::unavailable("cannot start the thread of the state database").with_source(error)
            })?;
        let writer = Self { queue: Some(queue), thread: Some(thread) };
        let opened = outcome.await.unwrap_or_else(|_| Err(gone()))?;
        Ok((writer, opened))
    }

    /// Queues `batch` before it returns; the answer comes when it is durable.
    pub(crate) fn commit(&self, batch: Vec<Arc<Op>>) -> impl Future<Output = Results> + Send + use<> {
        let count = batch.len();
        let (answer, results) = oneshot::channel();
        // If the thread is gone, so is `answer`.
        if let Some(queue) = &self.queue {
            let _ = queue.send(Request::Commit { batch, answer });
        }
        async move { results.await.unwrap_or_else(|_| vec![Err(gone()); count]) }
    }

    /// Queues the migration of the tables of users that are called `name`.
    pub(crate) fn migrate(
        &self,
        name: String,
        steps: Vec<String>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send + use<> {
        let (answer, migrated) = oneshot::channel();
        if let Some(queue) = &self.queue {
            let _ = queue.send(Request::Migrate { name, steps, answer });
        }
        async move { migrated.await.unwrap_or_else(|_| Err(gone())) }
    }

    /// Finishes everything queued, moves the log into the file, and gives the file up.
    pub(crate) async fn close(mut self) -> Result<(), StoreError> {
        let (answer, closed) = oneshot::channel();
        if let Some(queue) = self.queue.take() {
            let _ = queue.send(Request::Close { answer });
        }
        closed.await.unwrap_or_else(|_| Err(gone()))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        // Wait for the end, so that who drops a store can open it again. It takes as long as the batches that are still
        // queued; after `close` there is nothing left to wait for.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn gone() -> StoreError {
    StoreError::unavailable("the state database is closed")
}

fn run(
    path: &Path,
    durability: Durability,
    visits: bool,
    opened: oneshot::Sender<Result<Opened, StoreError>>,
    requests: &mpsc::Receiver<Request>,
) {
    let Database { connection, owner, place, lock } = match open::open(path, durability) {
        Ok(database) => database,
        Err(error) => {
            let _ = opened.send(Err(error));
            return;
        }
    };
    if !visits {
        vacuum::at_start(&connection, path);
    }
    let ended = serve(&connection, &place, &owner, visits, opened, requests);
    let closed = close(connection).map_err(|error| {
        StoreError::unavailable(format!("cannot close the state `{}` in order", path.display())).with_source(error)
    });
    drop(lock);
    if let Some((ended, answer)) = ended {
        let _ = answer.send(ended.and(closed));
    }
}

/// What has become of the end that was asked for, and who wants to know.
type Ended = (Result<(), StoreError>, oneshot::Sender<Result<(), StoreError>>);

/// Commits batches until it is told to end.
fn serve(
    connection: &Connection,
    place: &Place,
    owner: &Owner,
    visits: bool,
    opened: oneshot::Sender<Result<Opened, StoreError>>,
    requests: &mpsc::Receiver<Request>,
) -> Option<Ended> {
    let prepared = Session::new(connection, owner.clone()).and_then(|session| Ok((session, last_id(connection)?)));
    let (mut session, last_id) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            let error = StoreError::unavailable("cannot read the tables of the state database").with_source(error);
            let _ = opened.send(Err(error));
            return None;
        }
    };
    // Nobody is there any more if opening was given up.
    opened.send(Ok(owner.opened(last_id))).ok()?;
    loop {
        match requests.recv().ok()? {
            Request::Commit { batch, answer } => {
                // The waiters are woken by whoever awaits this, never by this thread.
                let results = in_place(place, &mut session).map(|()| session.commit(&batch));
                let results = results.unwrap_or_else(|gone| vec![Err(gone); batch.len()]);
                // Before they hear of it, so that the operations are theirs alone.
                drop(batch);
                let _ = answer.send(results);
            }
            Request::Migrate { name, steps, answer } => {
                let migrated = in_place(place, &mut session).and_then(|()| session.migrate(&name, &steps));
                let _ = answer.send(migrated);
            }
            Request::Close { answer } => {
                return Some((if visits { session.leave() } else { session.end() }, answer));
            }
        }
    }
}

/// Whether there is a file to write to; if it is another owner's by now, that is what matters.
fn in_place(place: &Place, session: &mut Session<'_>) -> Result<(), StoreError> {
    place.check().or_else(|gone| session.check_owner().and(Err(gone)))
}

fn last_id(connection: &Connection) -> rusqlite::Result<Option<WorkflowId>> {
    connection
        .query_row("SELECT key, substr(checkpoint, 1, 17) FROM workflow ORDER BY key DESC LIMIT 1", [], |row| {
            let rest = row.get_ref(1)?.as_bytes().unwrap_or_default();
            Ok(head::identity(row.get(0)?, rest).unwrap_or_else(|of_key| of_key))
        })
        .optional()
}

fn close(connection: Connection) -> rusqlite::Result<()> {
    // Another program that reads may keep the log alive; what it holds is durable there as well.
    connection.busy_timeout(Duration::from_millis(100))?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    connection.close().map_err(|(_, error)| error)
}
