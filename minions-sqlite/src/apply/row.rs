//! Rows as operations look at them and change them: by their checkpoint, in place.
//!
//! A handle on the column reads the head of one row after another and writes over what is there. That spares SQLite
//! taking the row apart and putting it together again, which is most of what an `UPDATE` costs. The handle counts as a
//! statement that writes, so it is closed before a transaction or a savepoint begins or ends, and before users run
//! statements of their own.

use std::fmt;

use rusqlite::blob::Blob;
use rusqlite::ffi::SQLITE_ERROR;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{ErrorCode, MAIN_DB, params};

use minions_core::workflow::WorkflowId;

use crate::head::{self, Head, Kind, LEN, LONGEST_STEP, REVISION};

use super::{Failed, Statements, missing};

/// What [`Statements::save`] does if a value does not fit where the last one was.
pub(super) const UPDATE: &str = "UPDATE workflow SET checkpoint = ?2 WHERE key = ?1";

/// A handle on the checkpoint of one row at a time.
pub(super) struct Handle<'c> {
    key: i64,
    checkpoint: Blob<'c>,
}

impl fmt::Debug for Handle<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("key", &self.key).finish_non_exhaustive()
    }
}

/// What a row says of itself.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) head: Head,
    /// How many bytes its value has.
    size: usize,
}

/// What a row says to an operation that makes a revision of it.
#[derive(Debug)]
pub(super) enum Turn {
    Now(Row),
    /// The operation was repeated.
    Past,
}

impl Statements<'_> {
    /// Ends what is written in place; whatever comes next begins anew.
    pub(crate) fn rest(&mut self) {
        self.handle = None;
    }

    pub(super) fn row(&mut self, id: WorkflowId) -> Result<Option<Row>, Failed> {
        let row = self.read(id.key()).map_err(|error| Failed::of(error, id))?;
        Ok(row.filter(|row| row.head.is_of(id)))
    }

    pub(super) fn stored(&mut self, id: WorkflowId) -> Result<Row, Failed> {
        self.row(id)?.ok_or_else(|| missing(id))
    }

    /// Whether the row of `id` is about to be at `revision`.
    pub(super) fn turn(&mut self, id: WorkflowId, revision: u32) -> Result<Turn, Failed> {
        let row = self.stored(id)?;
        let at = row.head.count(REVISION).map_err(|damage| damaged(id, &damage))?;
        if at >= revision {
            return Ok(Turn::Past);
        }
        if at + 1 < revision {
            return Err(Failed::refused(format!("workflow {id} is at revision {at}, not before {revision}")));
        }
        Ok(Turn::Now(row))
    }

    fn read(&mut self, key: i64) -> rusqlite::Result<Option<Row>> {
        if !self.move_to(key)? {
            // Nothing is there, or something that is no checkpoint.
            let exists = self.rare("SELECT 1 FROM workflow WHERE key = ?1")?.exists([key])?;
            return Ok(exists.then(|| Row { head: Head::of(b""), size: 0 }));
        }
        let Some(Handle { checkpoint, .. }) = &self.handle else { return Ok(None) };
        let size = checkpoint.len();
        let mut bytes = [0; LEN];
        let read = &mut bytes[..size.min(LEN)];
        checkpoint.read_at_exact(read, 0)?;
        Ok(Some(Row { head: Head::of(read), size }))
    }

    /// Moves the handle to the row `key`; false if nothing is there that it can write to.
    fn move_to(&mut self, key: i64) -> rusqlite::Result<bool> {
        let connection = self.connection;
        let moved = match self.handle.take() {
            Some(Handle { mut checkpoint, .. }) => checkpoint.reopen(key).map(|()| checkpoint),
            None => connection.blob_open(MAIN_DB, "workflow", "checkpoint", key, false),
        };
        match moved {
            Ok(checkpoint) => {
                self.handle = Some(Handle { key, checkpoint });
                Ok(true)
            }
            // No such row, or a value that is neither text nor bytes.
            Err(error) if error.sqlite_error().is_some_and(|error| error.extended_code == SQLITE_ERROR) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Stores the head of `row` as it is now, and leaves the rest. A row that has none is left as it is.
    pub(super) fn save_head(&mut self, id: WorkflowId, row: &Row) -> Result<(), Failed> {
        if row.size < LEN {
            return Ok(());
        }
        self.overwrite(id.key(), row.head.as_bytes()).map_err(|error| Failed::of(error, id))
    }

    /// Stores the head of `row` as it is now, with `step` and `context`.
    pub(super) fn save(&mut self, id: WorkflowId, row: &mut Row, step: &str, context: &[u8]) -> Result<(), Failed> {
        short(id, step)?;
        let kind = Kind::of(context);
        let fits = row.head.kind() == Some(kind);
        let mut value = std::mem::take(&mut self.value);
        row.head.write(step, context, kind, &mut value);
        let saved = if fits && value.len() <= row.size {
            value.resize(row.size, b' ');
            self.overwrite(id.key(), &value)
        } else {
            value.resize(head::roomy(value.len()), b' ');
            self.update.execute(params![id.key(), stored(&value, kind)]).map(drop)
        };
        self.value = value;
        saved.map_err(|error| Failed::of(error, id))
    }

    /// Writes over the beginning of a value that is at least as long as `bytes`.
    fn overwrite(&mut self, key: i64, bytes: &[u8]) -> rusqlite::Result<()> {
        if let Some(handle) = &mut self.handle
            && handle.key == key
        {
            match handle.checkpoint.write_at(bytes, 0) {
                // A statement has changed the row meanwhile, so the handle is of no use any more.
                Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationAborted) => self.rest(),
                written => return written,
            }
        }
        self.move_to(key)?;
        let written = self.handle.as_mut().map(|handle| handle.checkpoint.write_at(bytes, 0));
        written.unwrap_or(Err(rusqlite::Error::QueryReturnedNoRows))
    }

    /// Step and context of `row`.
    pub(super) fn body(&mut self, id: WorkflowId, row: &Row) -> Result<(String, Vec<u8>), Failed> {
        let read = || {
            let mut select = self.rare("SELECT checkpoint FROM workflow WHERE key = ?1")?;
            select.query_row([id.key()], |row| Ok(row.get_ref(0)?.as_bytes().map(<[u8]>::to_vec)?))
        };
        let value = read().map_err(|error| Failed::of(error, id))?;
        let (step, context) = row.head.body(&value).map_err(|damage| damaged(id, &damage))?;
        let step = std::str::from_utf8(step).map_err(|_| damaged(id, "its step is no text"))?;
        Ok((step.to_owned(), context.to_vec()))
    }
}

/// As it is stored: so that a shell shows what is text, and SQLite's functions take it.
pub(super) fn stored(value: &[u8], kind: Kind) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(match kind {
        Kind::Text => ValueRef::Text(value),
        Kind::Bytes => ValueRef::Blob(value),
    })
}

/// Refuses a name that has no place in the head.
pub(super) fn short(id: WorkflowId, step: &str) -> Result<(), Failed> {
    if step.len() <= LONGEST_STEP {
        return Ok(());
    }
    let length = step.len();
    let what = format!("the step of workflow {id} has a name of {length} bytes; it can have {LONGEST_STEP}");
    Err(Failed::refused(what).half_done())
}

pub(super) fn damaged(id: WorkflowId, damage: &str) -> Failed {
    Failed::refused(format!("the row of workflow {id} is damaged: {damage}"))
}
