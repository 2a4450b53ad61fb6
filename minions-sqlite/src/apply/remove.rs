//! The end of a workflow: by itself, or by an operator.

use rusqlite::params;

use minions_core::store::{Discard, Ended, Resolve};
use minions_core::workflow::WorkflowId;

use crate::head::{Mark, REVISION};
use crate::value;

use super::row::{Row, damaged};
use super::{Failed, Statements};

/// Removes a workflow whose row was looked at.
pub(super) const DELETE: &str = "DELETE FROM workflow WHERE key = ?1";

impl Statements<'_> {
    pub(super) fn resolve(&mut self, op: &Resolve) -> Result<(), Failed> {
        // A missing row is no error: the operation was repeated.
        let Some(row) = self.row(op.id)? else { return Ok(()) };
        let at = row.head.count(REVISION).map_err(|damage| damaged(op.id, &damage))?;
        let revision = op.revision;
        if at >= revision {
            let what = format!("workflow {} is at revision {at} and has gone beyond its end at {revision}", op.id);
            return Err(Failed::refused(what));
        }
        if at + 1 < revision {
            return Err(Failed::refused(format!("workflow {} is at revision {at}, not before {revision}", op.id)));
        }
        self.delete(op.id, &row)?;
        self.ask(&op.emits, &op.work)?;
        op.history.as_ref().map_or(Ok(()), |ended| self.remember(ended))
    }

    pub(super) fn discard(&mut self, op: &Discard) -> Result<(), Failed> {
        let row = self.stored(op.id)?;
        self.delete(op.id, &row)
    }

    /// Removes a row with everything that belongs to its workflow.
    fn delete(&mut self, id: WorkflowId, row: &Row) -> Result<(), Failed> {
        let key = id.key();
        let mut delete = || {
            self.delete.execute([key])?;
            if row.head.mark() != Mark::Plain {
                self.forget_special(id)?;
            }
            self.delete_large_event(id)?;
            let delete = |there: bool, sql| if there { self.rare(sql)?.execute([key]).map(drop) } else { Ok(()) };
            delete(self.may_have.signals, "DELETE FROM minions_signal WHERE key = ?1")?;
            delete(self.may_have.suspects, "DELETE FROM minions_suspect WHERE key = ?1")
        };
        delete().map_err(|error| Failed::of(error, id))
    }

    pub(super) fn delete_large_event(&self, id: WorkflowId) -> rusqlite::Result<()> {
        if self.may_have.large_events {
            self.rare("DELETE FROM large_event WHERE key = ?1")?.execute([id.key()])?;
        }
        Ok(())
    }

    fn remember(&mut self, ended: &Ended) -> Result<(), Failed> {
        let failures = (!ended.failures.is_empty()).then(|| value::failures_text(&ended.failures)).transpose();
        let failures = failures.map_err(|error| {
            Failed::refused(format!("the failures of workflow {} cannot be written as JSON: {error}", ended.id))
                .half_done()
        })?;
        let failed = |error| Failed::of(error, ended.id);
        let orchestration = self.name(&ended.orchestration).map_err(failed)?;
        let insert = || {
            self.rare(
                "INSERT INTO minions_ended (id, orchestration, outcome, step, seq, revision, created_ms, ended_ms, \
                 failures) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                ended.id.as_bytes(),
                orchestration,
                ended.outcome.as_str(),
                ended.step,
                ended.seq,
                ended.revision,
                ended.created_ms,
                ended.ended_ms,
                failures
            ])
        };
        insert().map(drop).map_err(failed)
    }
}
