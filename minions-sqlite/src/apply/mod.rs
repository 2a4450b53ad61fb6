//! One operation, as statements.
//!
//! What every step does (admit, advance, resolve) is one prepared statement for each row as long as nothing special is
//! asked for: it changes a row that is as it is expected to be, and only when it has changed none the row is looked at
//! (`turn`). Whatever is rare goes through the connection's cache of statements.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Statement, params};

use minions_core::store::{Applied, Op, StoreError};
use minions_core::workflow::WorkflowId;

use crate::tx::{Effects, Guard};
use crate::value::QUARANTINED;

mod admit;
mod aside;
mod failed;
mod progress;
mod remove;
mod signal;
mod tidy;

pub(crate) use failed::{Failed, is_full};

/// How many statements the connection remembers; more than there are in this crate.
const REMEMBERED: usize = 128;

/// The statements of the writer's connection, prepared once.
#[derive(Debug)]
pub(crate) struct Statements<'c> {
    connection: &'c Connection,
    effects: Effects<'c>,
    insert: Statement<'c>,
    advance: Statement<'c>,
    delete: Statement<'c>,
    /// What has been read of the table of names; must be forgotten when a transaction is rolled back.
    names: HashMap<Arc<str>, i64>,
    /// Whether there may be any row in the tables beside the workflows; spares most stores a look-up for every row that
    /// is removed.
    may_have: MayHave,
}

#[derive(Debug)]
struct MayHave {
    large_events: bool,
    signals: bool,
    suspects: bool,
}

/// What a row says to an operation that makes a revision of it.
#[derive(Debug)]
enum Turn {
    Now(Row),
    /// The operation was repeated.
    Past,
}

/// What operations look at before they change a row.
#[derive(Debug)]
struct Row {
    status: i64,
    revision: i64,
    failures: Option<String>,
    signal: Option<String>,
    rests: bool,
}

impl<'c> Statements<'c> {
    pub(crate) fn prepare(connection: &'c Connection) -> rusqlite::Result<Self> {
        // Before any statement is prepared, because it makes all that are be prepared again.
        let effects = Effects::new(connection)?;
        connection.set_prepared_statement_cache_capacity(REMEMBERED);
        let any = |table: &str| {
            connection.query_row(&format!("SELECT EXISTS (SELECT 1 FROM {table})"), [], |row| row.get::<_, bool>(0))
        };
        Ok(Self {
            connection,
            effects,
            insert: connection.prepare(admit::INSERT)?,
            advance: connection.prepare(progress::ADVANCE)?,
            delete: connection.prepare(remove::DELETE)?,
            names: HashMap::new(),
            may_have: MayHave {
                large_events: any("large_event")?,
                signals: any("minions_signal")?,
                suspects: any("minions_suspect")?,
            },
        })
    }

    /// Who watches over the statements of users.
    pub(crate) fn guard(&self) -> &Guard {
        &self.effects.guard
    }

    /// Bounds the work of users otherwise than usual.
    #[cfg(test)]
    pub(crate) fn bound(&mut self, bound: std::time::Duration) {
        self.effects.bound = bound;
    }

    /// Applies `op` inside the transaction that is open.
    pub(crate) fn apply(&mut self, op: &Op) -> Result<Applied, Failed> {
        match op {
            Op::Admit(op) => return self.admit(op),
            Op::Signal(op) => return self.signal(op),
            Op::Begin(op) => self.begin(op),
            Op::Advance(op) => self.advance(op),
            Op::Defer(op) => self.defer(op),
            Op::Resolve(op) => self.resolve(op),
            Op::Quarantine(op) => self.quarantine(op),
            Op::Requeue(op) => self.requeue(op),
            Op::Amend(op) => self.amend(op),
            Op::Discard(op) => self.discard(op),
            Op::Suspect(op) => self.suspect(op),
            Op::Tidy(op) => self.tidy(op),
            other => Err(Failed::refused(format!("this version of the SQLite store has no such operation: {other:?}"))),
        }
        .map(|()| Applied::Done)
    }

    /// Forgets what was read inside a transaction that has been rolled back.
    pub(crate) fn rolled_back(&mut self) {
        self.names.clear();
    }

    /// A statement that is needed now and then.
    pub(crate) fn rare(&self, sql: &str) -> rusqlite::Result<CachedStatement<'c>> {
        self.connection.prepare_cached(sql)
    }

    /// The number of a name of an orchestration.
    fn name(&mut self, name: &Arc<str>) -> rusqlite::Result<i64> {
        if let Some(id) = self.names.get(name) {
            return Ok(*id);
        }
        self.rare("INSERT INTO orchestration (name) VALUES (?1) ON CONFLICT DO NOTHING")?.execute([&**name])?;
        let id = self.rare("SELECT id FROM orchestration WHERE name = ?1")?.query_row([&**name], |row| row.get(0))?;
        self.names.insert(name.clone(), id);
        Ok(id)
    }

    fn row(&self, id: WorkflowId) -> Result<Option<Row>, Failed> {
        let read = || {
            self.rare(
                "SELECT status, revision, failures, signal, wake_ms IS NOT NULL FROM workflow WHERE key = ?1 AND id = ?2",
            )?
            .query_row(params![id.key(), id.as_bytes()], |row| {
                Ok(Row {
                    status: row.get(0)?,
                    revision: row.get(1)?,
                    failures: row.get(2)?,
                    signal: row.get(3)?,
                    rests: row.get(4)?,
                })
            })
            .optional()
        };
        read().map_err(|error| Failed::of(error, id))
    }

    fn stored(&self, id: WorkflowId) -> Result<Row, Failed> {
        self.row(id)?.ok_or_else(|| missing(id))
    }

    /// Whether the row of `id` is about to be at `revision`.
    fn turn(&self, id: WorkflowId, revision: u32) -> Result<Turn, Failed> {
        let row = self.stored(id)?;
        let (at, revision) = (row.revision, i64::from(revision));
        if at >= revision {
            return Ok(Turn::Past);
        }
        if at + 1 < revision {
            return Err(Failed::refused(format!("workflow {id} is at revision {at}, not before {revision}")));
        }
        Ok(Turn::Now(row))
    }

    fn quarantined(&self, id: WorkflowId) -> Result<Row, Failed> {
        let row = self.stored(id)?;
        if row.status == QUARANTINED {
            Ok(row)
        } else {
            Err(Failed::refused(format!("workflow {id} is not quarantined")))
        }
    }
}

/// The revision that a row must have to be brought to `revision`; no row has it if there is none before.
fn before(revision: u32) -> i64 {
    i64::from(revision) - 1
}

fn missing(id: WorkflowId) -> Failed {
    Failed::Refused(StoreError::rejected(format!("workflow {id} is not stored")))
}
