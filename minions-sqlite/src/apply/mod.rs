//! One operation, as statements.
//!
//! Whoever changes a row looks at its head first (`row`), which says whether it is as it is expected to be. What every
//! step does (admit, advance, resolve) is then one prepared statement, or one write in place, as long as there is nothing
//! special about the workflow. Whatever is rare goes through the connection's cache of statements.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{CachedStatement, Connection, Statement};

use minions_core::store::{Applied, Op, StoreError};
use minions_core::workflow::WorkflowId;

use crate::tx::{Effects, Guard};

mod admit;
mod aside;
mod failed;
mod progress;
mod remove;
mod row;
mod signal;
mod special;
mod tidy;

pub(crate) use failed::{Failed, is_full};

use row::Handle;

/// How many statements the connection remembers; more than there are in this crate.
const REMEMBERED: usize = 128;

/// The statements of the writer's connection, prepared once.
#[derive(Debug)]
pub(crate) struct Statements<'c> {
    connection: &'c Connection,
    effects: Effects<'c>,
    insert: Statement<'c>,
    update: Statement<'c>,
    delete: Statement<'c>,
    /// Open while checkpoints are written in place.
    handle: Option<Handle<'c>>,
    /// Where values are put together.
    value: Vec<u8>,
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
            update: connection.prepare(row::UPDATE)?,
            delete: connection.prepare(remove::DELETE)?,
            handle: None,
            value: Vec::new(),
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
}

fn missing(id: WorkflowId) -> Failed {
    Failed::Refused(StoreError::rejected(format!("workflow {id} is not stored")))
}
