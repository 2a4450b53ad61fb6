//! One operation, as statements.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, ErrorCode, OptionalExtension as _, Statement, params};

use minions_core::store::{Admit, Advance, NewWorkflow, Op, Quarantine, Requeue, StepFailure, StoreError};
use minions_core::workflow::WorkflowId;

use crate::value::{self, QUARANTINED, RUNNING};

/// A longer event is kept beside the row, because changing a row rewrites all of it.
const INLINE_EVENT: usize = 1024;

/// The statements of the writer's connection, prepared once.
#[derive(Debug)]
pub(crate) struct Statements<'c> {
    insert: Statement<'c>,
    insert_event: Statement<'c>,
    id_of_key: Statement<'c>,
    advance: Statement<'c>,
    delete: Statement<'c>,
    delete_event: Statement<'c>,
    failures: Statement<'c>,
    quarantine: Statement<'c>,
    requeue: Statement<'c>,
    insert_name: Statement<'c>,
    name: Statement<'c>,
    /// What has been read of the table of names; must be forgotten when a transaction is rolled back.
    names: HashMap<Arc<str>, i64>,
    /// Whether there may be any row in `large_event`; spares most stores a look-up for every removed row.
    large_events: bool,
}

/// Why an operation was not applied.
#[derive(Debug)]
pub(crate) enum Failed {
    /// It cannot succeed, and has changed nothing.
    Rejected(StoreError),
    /// It cannot succeed, and may have been half done.
    Poisonous(StoreError),
    /// The database does not work, for this operation and for any other.
    Unavailable(StoreError),
}

impl<'c> Statements<'c> {
    pub(crate) fn prepare(connection: &'c Connection) -> rusqlite::Result<Self> {
        let prepare = |sql| connection.prepare(sql);
        Ok(Self {
            insert: prepare(
                "INSERT INTO workflow (key, id, orchestration, status, steps_hash, seq, attempt, created_ms, \
                 updated_ms, step, context, event) VALUES (?1, ?2, ?3, 0, ?4, 0, 0, ?5, ?5, ?6, ?7, ?8) \
                 ON CONFLICT DO NOTHING",
            )?,
            insert_event: prepare("INSERT OR REPLACE INTO large_event (key, event) VALUES (?1, ?2)")?,
            id_of_key: prepare("SELECT id FROM workflow WHERE key = ?1")?,
            advance: prepare(
                "UPDATE workflow SET step = ?3, steps_hash = ?4, seq = ?5, attempt = 0, context = ?6, updated_ms = ?7 \
                 WHERE key = ?1 AND id = ?2",
            )?,
            delete: prepare("DELETE FROM workflow WHERE key = ?1 AND id = ?2")?,
            delete_event: prepare("DELETE FROM large_event WHERE key = ?1")?,
            failures: prepare("SELECT status, failures FROM workflow WHERE key = ?1 AND id = ?2")?,
            quarantine: prepare(
                "UPDATE workflow SET status = 1, attempt = ?2, failures = ?3, updated_ms = ?4 WHERE key = ?1",
            )?,
            requeue: prepare("UPDATE workflow SET status = 0, updated_ms = ?2 WHERE key = ?1")?,
            insert_name: prepare("INSERT INTO orchestration (name) VALUES (?1) ON CONFLICT DO NOTHING")?,
            name: prepare("SELECT id FROM orchestration WHERE name = ?1")?,
            names: HashMap::new(),
            large_events: connection.query_row("SELECT EXISTS (SELECT 1 FROM large_event)", [], |row| row.get(0))?,
        })
    }

    /// Applies `op` inside the transaction that is open.
    pub(crate) fn apply(&mut self, op: &Op) -> Result<(), Failed> {
        match op {
            Op::Admit(op) => self.admit(op),
            Op::Advance(op) => self.advance(op).map_err(|error| Failed::of(error, op.id))?.or_missing(op.id),
            Op::Resolve(op) => {
                // A missing row is no error: the operation was repeated.
                self.delete(op.id).map(|_| ()).map_err(|error| Failed::of(error, op.id))
            }
            Op::Quarantine(op) => self.quarantine(op),
            Op::Requeue(op) => self.requeue(op),
            Op::Discard(op) => self.delete(op.id).map_err(|error| Failed::of(error, op.id))?.or_missing(op.id),
            other => Err(Failed::Rejected(StoreError::rejected(format!(
                "this version of the SQLite store has no such operation: {other:?}"
            )))),
        }
    }

    /// Forgets what was read inside a transaction that has been rolled back.
    pub(crate) fn rolled_back(&mut self) {
        self.names.clear();
    }

    fn admit(&mut self, op: &Admit) -> Result<(), Failed> {
        for new in &op.create {
            if self.insert(op, new).map_err(|error| Failed::of(error, new.id))? {
                continue;
            }
            let stored: Option<[u8; 16]> = self
                .id_of_key
                .query_row([new.id.key()], |row| row.get(0))
                .optional()
                .map_err(|error| Failed::of(error, new.id))?;
            if let Some(stored) = stored.map(WorkflowId::from_bytes).filter(|stored| *stored != new.id) {
                // Its siblings may be stored already.
                let what = format!("workflow {} has the key of workflow {stored}", new.id);
                return Err(Failed::Poisonous(StoreError::rejected(what)));
            }
        }
        Ok(())
    }

    /// Whether the workflow was not there yet.
    fn insert(&mut self, op: &Admit, new: &NewWorkflow) -> rusqlite::Result<bool> {
        let orchestration = self.name(&new.orchestration)?;
        let (key, id) = (new.id.key(), new.id.as_bytes());
        let inline = (op.event.len() <= INLINE_EVENT).then(|| value::encoded(&op.event));
        let context = value::encoded(&new.context);
        let hash = new.steps_hash.cast_signed();
        let inserted =
            self.insert.execute(params![key, id, orchestration, hash, op.at_ms, new.step, context, inline])? == 1;
        if inserted && inline.is_none() {
            self.large_events = true;
            self.insert_event.execute(params![key, value::encoded(&op.event)])?;
        }
        Ok(inserted)
    }

    fn name(&mut self, name: &Arc<str>) -> rusqlite::Result<i64> {
        if let Some(id) = self.names.get(name) {
            return Ok(*id);
        }
        self.insert_name.execute([&**name])?;
        let id = self.name.query_row([&**name], |row| row.get(0))?;
        self.names.insert(name.clone(), id);
        Ok(id)
    }

    fn advance(&mut self, op: &Advance) -> rusqlite::Result<Changed> {
        let context = value::encoded(&op.context);
        let hash = op.steps_hash.cast_signed();
        let (key, id) = (op.id.key(), op.id.as_bytes());
        self.advance.execute(params![key, id, op.step, hash, op.seq, context, op.at_ms]).map(Changed)
    }

    fn delete(&mut self, id: WorkflowId) -> rusqlite::Result<Changed> {
        let deleted = self.delete.execute(params![id.key(), id.as_bytes()])?;
        if deleted == 1 && self.large_events {
            self.delete_event.execute([id.key()])?;
        }
        Ok(Changed(deleted))
    }

    fn quarantine(&mut self, op: &Quarantine) -> Result<(), Failed> {
        let failed = |error| Failed::of(error, op.id);
        let (status, mut failures) = self.status_and_failures(op.id).map_err(failed)?.ok_or_else(|| missing(op.id))?;
        // The same failure again is the operation repeated, not a second failure.
        if status == QUARANTINED && failures.last() == Some(&op.failure) {
            return Ok(());
        }
        failures.push(op.failure.clone());
        failures.drain(..failures.len().saturating_sub(StepFailure::KEPT));
        let text = value::failures_text(&failures).map_err(|error| {
            let what = format!("the failure of workflow {} cannot be written as JSON", op.id);
            Failed::Rejected(StoreError::rejected(what).with_source(error))
        })?;
        self.quarantine.execute(params![op.id.key(), op.failure.attempt, text, op.at_ms]).map_err(failed)?;
        Ok(())
    }

    fn requeue(&mut self, op: &Requeue) -> Result<(), Failed> {
        let failed = |error| Failed::of(error, op.id);
        let (status, _) = self.status_and_failures(op.id).map_err(failed)?.ok_or_else(|| missing(op.id))?;
        if status == RUNNING {
            return Err(Failed::Rejected(StoreError::rejected(format!("workflow {} is not quarantined", op.id))));
        }
        self.requeue.execute(params![op.id.key(), op.at_ms]).map_err(failed)?;
        Ok(())
    }

    fn status_and_failures(&mut self, id: WorkflowId) -> rusqlite::Result<Option<(i64, Vec<StepFailure>)>> {
        self.failures
            .query_row(params![id.key(), id.as_bytes()], |row| {
                Ok((row.get(0)?, value::failures(row.get_ref(1)?.as_str_or_null()?)))
            })
            .optional()
    }
}

/// How many rows a statement has changed.
struct Changed(usize);

impl Changed {
    fn or_missing(self, id: WorkflowId) -> Result<(), Failed> {
        if self.0 == 0 { Err(missing(id)) } else { Ok(()) }
    }
}

impl Failed {
    /// Tells an error of this operation from one of the database.
    fn of(error: rusqlite::Error, id: WorkflowId) -> Self {
        match error.sqlite_error_code() {
            Some(
                ErrorCode::ConstraintViolation
                | ErrorCode::TypeMismatch
                | ErrorCode::TooBig
                | ErrorCode::ParameterOutOfRange,
            ) => {
                let what = format!("the database refuses workflow {id}");
                Self::Poisonous(StoreError::rejected(what).with_source(error))
            }
            _ => Self::unavailable(error),
        }
    }

    pub(crate) fn into_error(self) -> StoreError {
        match self {
            Self::Rejected(error) | Self::Poisonous(error) | Self::Unavailable(error) => error,
        }
    }

    pub(crate) fn unavailable(error: rusqlite::Error) -> Self {
        let what = match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => "the disk of the state database is full; free some space",
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                "another program holds the state database; close it"
            }
            Some(ErrorCode::ReadOnly) => "the state database is read-only; make it writable for this user",
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                "the state database is damaged; restore it from a backup"
            }
            _ => "the state database cannot be written",
        };
        Self::Unavailable(StoreError::unavailable(what).with_source(error))
    }
}

fn missing(id: WorkflowId) -> Failed {
    Failed::Rejected(StoreError::rejected(format!("workflow {id} is not stored")))
}
