//! Quarantine, and what an operator does about it.

use rusqlite::params;

use minions_core::store::{Amend, Quarantine, Requeue};

use crate::value;

use super::progress::added;
use super::{Failed, Statements, Turn};

impl Statements<'_> {
    pub(super) fn quarantine(&mut self, op: &Quarantine) -> Result<(), Failed> {
        let Turn::Now(row) = self.turn(op.id, op.revision)? else { return Ok(()) };
        let failures = added(op.id, &row, Some(&op.failure))?;
        self.rare(
            "UPDATE workflow SET status = 1, attempt = ?2, revision = ?3, updated_ms = ?4, wake_ms = NULL, failures = ?5 \
             WHERE key = ?1",
        )
        .and_then(|mut update| {
            update.execute(params![op.id.key(), op.failure.attempt, op.revision, op.at_ms, failures])
        })
        .map_err(|error| Failed::of(error, op.id))?;
        Ok(())
    }

    pub(super) fn requeue(&mut self, op: &Requeue) -> Result<(), Failed> {
        self.quarantined(op.id)?;
        self.rare(
            "UPDATE workflow SET status = ?4, attempt = 0, revision = revision + 1, updated_ms = ?2, wake_ms = ?5, \
             step = coalesce(?3, step), seq = seq + (?3 IS NOT NULL) WHERE key = ?1",
        )
        .and_then(|mut update| {
            let status = if op.waits { value::WAITING } else { value::RUNNING };
            let wake_ms = (!op.waits).then_some(op.at_ms);
            update.execute(params![op.id.key(), op.at_ms, op.step, status, wake_ms])
        })
        .map_err(|error| Failed::of(error, op.id))?;
        Ok(())
    }

    pub(super) fn amend(&mut self, op: &Amend) -> Result<(), Failed> {
        self.quarantined(op.id)?;
        self.rare("UPDATE workflow SET context = ?2, updated_ms = ?3 WHERE key = ?1")
            .and_then(|mut update| update.execute(params![op.id.key(), value::encoded(&op.context), op.at_ms]))
            .map_err(|error| Failed::of(error, op.id))?;
        Ok(())
    }
}
