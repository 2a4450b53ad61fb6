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

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use minions_core::store::{Advance, Op, StoreError};
    use minions_core::testing::ops::{advance, checkpoint, discard, failure, quarantine, requeue, resolve};

    use crate::session::Session;
    use crate::session::tests::{admit_one, count, database, ids, poison, session_of};

    use super::*;

    fn value(connection: &Connection, id: WorkflowId) -> Vec<u8> {
        let select = "SELECT checkpoint FROM workflow WHERE key = ?1";
        connection.query_row(select, [id.key()], |row| Ok(row.get_ref(0)?.as_bytes()?.to_vec())).unwrap()
    }

    fn context(connection: &Connection, id: WorkflowId) -> Vec<u8> {
        let value = value(connection, id);
        Head::of(&value).body(&value).unwrap().1.to_vec()
    }

    fn with_context(id: WorkflowId, seq: u32, context: &[u8]) -> Op {
        let mut op: Advance = checkpoint(id, seq);
        op.context = context.to_vec();
        op.into()
    }

    fn done(session: &mut Session<'_>, batch: &[Op]) {
        for (at, result) in session.commit(batch).iter().enumerate() {
            assert!(result.is_ok(), "{at}: {result:?}");
        }
    }

    fn damage(connection: &Connection, id: WorkflowId, at: usize, with: &str) {
        let update = "UPDATE workflow SET checkpoint = substr(checkpoint, 1, ?2) || ?3 || substr(checkpoint, ?2 + ?4) \
                      WHERE key = ?1";
        let end = with.len() as i64 + 1;
        connection.execute(update, params![id.key(), at as i64, with, end]).unwrap();
    }

    #[test]
    fn a_checkpoint_is_written_where_the_last_one_was_until_it_does_not_fit() {
        let connection = database();
        let id = ids(1)[0];
        let mut session = session_of(&connection);
        done(&mut session, &[admit_one(id)]);
        let size = value(&connection, id).len();
        done(&mut session, &[with_context(id, 1, b"{}")]);
        let shorter = value(&connection, id);
        assert_eq!((shorter.len(), context(&connection, id)), (size, b"{}".to_vec()));
        assert!(shorter.trim_ascii_end().ends_with(b"step 1 {}"), "what was there before is gone");
        let long = vec![b'y'; 5_000];
        done(&mut session, &[with_context(id, 2, &long), with_context(id, 3, &[0xff]), with_context(id, 4, b"1")]);
        assert_eq!(context(&connection, id), b"1");
        let kind = "SELECT typeof(checkpoint) FROM workflow";
        assert_eq!(connection.query_row(kind, [], |row| row.get::<_, String>(0)).unwrap(), "text");
        done(&mut session, &[with_context(id, 5, &long), with_context(id, 6, &[0, 0xff, b' '])]);
        assert_eq!(context(&connection, id), [0, 0xff, b' ']);
        assert_eq!(connection.query_row(kind, [], |row| row.get::<_, String>(0)).unwrap(), "blob");
    }

    #[test]
    fn rows_come_and_go_between_checkpoints_of_one_transaction() {
        let connection = database();
        let ids = ids(60);
        let mut session = session_of(&connection);
        done(&mut session, &ids[..40].iter().map(|&id| admit_one(id)).collect::<Vec<_>>());
        let mut batch = Vec::new();
        for at in 0..20 {
            batch.push(advance(ids[at], 1));
            batch.push(admit_one(ids[40 + at]));
            batch.push(resolve(ids[20 + at], 1));
            batch.push(with_context(ids[at], 2, &vec![b'z'; 100 * at]));
            batch.push(resolve(ids[20 + at], 1));
            batch.push(advance(ids[40 + at], 1));
            batch.push(advance(ids[at], 3));
        }
        done(&mut session, &batch);
        assert_eq!(count(&connection, "workflow"), 40);
        assert_eq!(count(&connection, "minions_workflow WHERE step = 'step 3' AND context = '{\"seq\":3}'"), 20);
        assert_eq!(count(&connection, "minions_workflow WHERE step = 'step 1' AND revision = 1"), 20);
        assert_eq!(count(&connection, "pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
    }

    #[test]
    fn what_was_written_in_place_is_rolled_back_with_its_transaction() {
        let connection = database();
        let ids = ids(3);
        poison(&connection, &ids[2..]);
        let mut session = session_of(&connection);
        done(&mut session, &[admit_one(ids[0]), admit_one(ids[1])]);
        let batch = [advance(ids[0], 1), admit_one(ids[2]), advance(ids[1], 1), advance(ids[0], 2)];
        let results = session.commit(&batch);
        assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true, true]);
        assert_eq!(
            (context(&connection, ids[0]), context(&connection, ids[1])),
            (br#"{"seq":2}"#.to_vec(), br#"{"seq":1}"#.to_vec())
        );
    }

    #[test]
    fn r3_a_row_without_a_revision_is_set_aside_as_it_is_and_can_be_removed() {
        let connection = database();
        let ids = ids(2);
        let mut session = session_of(&connection);
        done(&mut session, &[admit_one(ids[0]), admit_one(ids[1])]);
        damage(&connection, ids[0], 19, "revision??");
        let before = value(&connection, ids[0]);
        for op in [advance(ids[0], 1), resolve(ids[0], 1), requeue(ids[0])] {
            let error = session.commit(&[op]).remove(0).unwrap_err();
            assert!(error.is_rejected(), "{error}");
        }
        for _ in 0..2 {
            done(&mut session, &[quarantine(ids[0], 1, failure(1)), advance(ids[1], 1)]);
        }
        assert_eq!(
            count(&connection, "minions_workflow WHERE status = 'quarantined' AND json_array_length(failures) = 1"),
            1
        );
        let after = value(&connection, ids[0]);
        assert_eq!((&after[..17], &after[18..]), (&before[..17], &before[18..]), "all but the mark");
        let error = session.commit(&[requeue(ids[0])]).remove(0).unwrap_err();
        assert!(error.to_string().contains("is damaged: its revision is no number"), "{error}");
        done(&mut session, &[discard(ids[0])]);
        assert_eq!((count(&connection, "workflow"), count(&connection, "minions_special")), (1, 0));
    }

    #[test]
    fn r3_a_row_that_has_no_checkpoint_can_be_set_aside_and_removed_beside_good_ones() {
        let connection = database();
        let ids = ids(2);
        let mut session = session_of(&connection);
        done(&mut session, &[admit_one(ids[0]), admit_one(ids[1])]);
        for broken in ["7", "'short'", "x'00'"] {
            connection
                .execute(&format!("UPDATE workflow SET checkpoint = {broken} WHERE key = ?1"), [ids[0].key()])
                .unwrap();
            let results = session.commit(&[advance(ids[0], 1), advance(ids[1], 1), quarantine(ids[0], 1, failure(1))]);
            assert!(results[0].as_ref().is_err_and(StoreError::is_rejected), "{broken}: {results:?}");
            assert!(results[1].is_ok() && results[2].is_ok(), "{broken}: {results:?}");
        }
        assert_eq!(count(&connection, "minions_special WHERE status = 1"), 1);
        done(&mut session, &[discard(ids[0]), resolve(ids[1], 2)]);
        assert_eq!((count(&connection, "workflow"), count(&connection, "minions_special")), (0, 0));
    }
}
