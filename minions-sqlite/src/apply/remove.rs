//! The end of a workflow: by itself, or by an operator.

use rusqlite::params;

use minions_core::store::{Discard, Ended, Resolve};
use minions_core::workflow::WorkflowId;

use crate::value;

use super::{Failed, Statements, before};

/// Removes a workflow that is as it is expected to be.
pub(super) const DELETE: &str = "DELETE FROM workflow WHERE key = ?1 AND id = ?2 AND revision = ?3";

impl Statements<'_> {
    pub(super) fn resolve(&mut self, op: &Resolve) -> Result<(), Failed> {
        let failed = |error| Failed::of(error, op.id);
        let before = before(op.revision);
        let deleted = self.delete.execute(params![op.id.key(), op.id.as_bytes(), before]).map_err(failed)?;
        if deleted == 0 {
            // A missing row is no error: the operation was repeated.
            let Some(row) = self.row(op.id)? else { return Ok(()) };
            let (at, revision) = (row.revision, op.revision);
            return Err(Failed::refused(if at > before {
                format!("workflow {} is at revision {at} and has gone beyond its end at {revision}", op.id)
            } else {
                format!("workflow {} is at revision {at}, not before {revision}", op.id)
            }));
        }
        self.delete_belongings(op.id).map_err(failed)?;
        self.ask(&op.emits, &op.work)?;
        op.history.as_ref().map_or(Ok(()), |ended| self.remember(ended))
    }

    pub(super) fn discard(&mut self, op: &Discard) -> Result<(), Failed> {
        let failed = |error| Failed::of(error, op.id);
        let id = params![op.id.key(), op.id.as_bytes()];
        let delete = self.rare("DELETE FROM workflow WHERE key = ?1 AND id = ?2");
        if delete.and_then(|mut delete| delete.execute(id)).map_err(failed)? == 0 {
            return Err(super::missing(op.id));
        }
        self.delete_belongings(op.id).map_err(failed)
    }

    /// Removes what belongs to a workflow whose row is gone.
    fn delete_belongings(&self, id: WorkflowId) -> rusqlite::Result<()> {
        let delete = |there: bool, sql| if there { self.rare(sql)?.execute([id.key()]).map(drop) } else { Ok(()) };
        self.delete_large_event(id)?;
        delete(self.may_have.signals, "DELETE FROM minions_signal WHERE key = ?1")?;
        delete(self.may_have.suspects, "DELETE FROM minions_suspect WHERE key = ?1")
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
