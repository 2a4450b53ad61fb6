//! The thread that owns the connection.

use std::path::Path;
use std::thread;

use rusqlite::{Connection, params};
use tokio::sync::{mpsc, oneshot};

/// One durable change.
#[derive(Debug)]
pub enum Write {
    Insert { key: i64, event: Vec<u8>, context: Vec<u8> },
    Update { key: i64, step: i64, context: Vec<u8> },
    Delete { key: i64 },
}

/// What a commit survives, in SQLite's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synchronous {
    /// A loss of power.
    Full,
    /// The death of the process.
    Normal,
}

#[derive(Debug)]
struct Request {
    write: Write,
    durable: oneshot::Sender<Result<(), String>>,
}

#[derive(Debug)]
pub struct Writer(mpsc::UnboundedSender<Request>);

/// Whom to tell that they are durable, or why not.
type Answers = (Vec<oneshot::Sender<Result<(), String>>>, Result<(), String>);

impl Writer {
    /// Must be called within a runtime, one of whose tasks answers the waiters: waking them is not the writer's work.
    pub fn start(path: &Path, synchronous: Synchronous) -> Result<Self, String> {
        let connection = open(path, synchronous).map_err(|error| format!("the ceiling has no database: {error}"))?;
        let (queue, requests) = mpsc::unbounded_channel();
        let (answers, answered) = mpsc::unbounded_channel();
        thread::Builder::new()
            .name("ceiling".to_owned())
            .spawn(move || serve(&connection, requests, &answers))
            .map_err(|error| format!("the ceiling has no thread: {error}"))?;
        tokio::spawn(answer(answered));
        Ok(Self(queue))
    }

    /// Queues `write` and waits until it is durable.
    pub async fn durable(&self, write: Write) -> Result<(), String> {
        let (durable, answer) = oneshot::channel();
        // A queue without its thread drops `durable`.
        let _ = self.0.send(Request { write, durable });
        answer.await.map_err(|_| "the thread of the ceiling has ended".to_owned())?
    }
}

/// How many rows are left.
pub fn rows(path: &Path) -> Result<u64, String> {
    let count = || Connection::open(path)?.query_row("SELECT count(*) FROM workflow", [], |row| row.get::<_, i64>(0));
    let count = count().map_err(|error| format!("`{}` cannot be counted: {error}", path.display()))?;
    u64::try_from(count).map_err(|error| error.to_string())
}

fn open(path: &Path, synchronous: Synchronous) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let synchronous = match synchronous {
        Synchronous::Full => "FULL",
        Synchronous::Normal => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.execute_batch(
        "CREATE TABLE workflow (key INTEGER PRIMARY KEY, step INTEGER NOT NULL, context BLOB NOT NULL, event BLOB)",
    )?;
    Ok(connection)
}

fn serve(
    connection: &Connection,
    mut requests: mpsc::UnboundedReceiver<Request>,
    answers: &mpsc::UnboundedSender<Answers>,
) {
    let mut batch = Vec::new();
    // Whatever has queued up is the next batch, however much it is.
    while requests.blocking_recv_many(&mut batch, usize::MAX) > 0 {
        let committed = commit(connection, &batch).map_err(|error| error.to_string());
        let waiters = batch.drain(..).map(|request| request.durable).collect();
        // Nobody waits any more if the task is gone.
        let _ = answers.send((waiters, committed));
    }
}

async fn answer(mut answered: mpsc::UnboundedReceiver<Answers>) {
    while let Some((waiters, committed)) = answered.recv().await {
        for waiter in waiters {
            let _ = waiter.send(committed.clone());
        }
    }
}

fn commit(connection: &Connection, batch: &[Request]) -> rusqlite::Result<()> {
    // Taken from the cache once for each batch.
    let mut insert = connection.prepare_cached("INSERT INTO workflow VALUES (?1, 0, ?2, ?3)")?;
    let mut update = connection.prepare_cached("UPDATE workflow SET step = ?2, context = ?3 WHERE key = ?1")?;
    let mut delete = connection.prepare_cached("DELETE FROM workflow WHERE key = ?1")?;
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    for request in batch {
        let changed = match &request.write {
            Write::Insert { key, event, context } => insert.execute(params![key, context, event])?,
            Write::Update { key, step, context } => update.execute(params![key, step, context])?,
            Write::Delete { key } => delete.execute([key])?,
        };
        if changed != 1 {
            return Err(rusqlite::Error::StatementChangedRows(changed));
        }
    }
    connection.prepare_cached("COMMIT")?.execute([])?;
    Ok(())
}
