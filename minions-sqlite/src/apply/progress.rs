//! From one step to the next: checkpoints, and attempts that are put off.

use rusqlite::params;

use minions_core::store::{Admit, Advance, Begin, Defer, StepFailure, StoreError, Work};
use minions_core::workflow::WorkflowId;

use crate::tx::Outcome;
use crate::value;

use super::{Failed, Row, Statements, Turn, before};

/// The checkpoint of a workflow that is awake and has nothing special about it. No column of an index is in it, so that no
/// index is looked at.
pub(super) const ADVANCE: &str = "UPDATE workflow SET step = ?4, steps_hash = ?5, version = ?6, seq = ?7, attempt = ?8, \
     context = ?9, updated_ms = ?10, revision = ?3 + 1 \
     WHERE key = ?1 AND id = ?2 AND revision = ?3 AND wake_ms IS NULL AND signal IS NULL";

impl Statements<'_> {
    pub(super) fn advance(&mut self, op: &Advance) -> Result<(), Failed> {
        let plain = op.wait.is_none() && op.failure.is_none() && op.event.is_none() && op.consumed.is_none();
        if !(plain && self.advance_plain(op).map_err(|error| Failed::of(error, op.id))?) {
            match self.turn(op.id, op.revision)? {
                Turn::Past => return Ok(()),
                Turn::Now(row) => self.advance_any(op, &row)?,
            }
        }
        self.ask(&op.emits, &op.work)
    }

    /// Whether the row was as most of them are.
    fn advance_plain(&mut self, op: &Advance) -> rusqlite::Result<bool> {
        let (key, id) = (op.id.key(), op.id.as_bytes());
        let (hash, context) = (op.steps_hash.cast_signed(), value::encoded(&op.context));
        let revision = before(op.revision);
        self.advance
            .execute(params![key, id, revision, op.step, hash, op.version, op.seq, op.attempt, context, op.at_ms])
            .map(|changed| changed == 1)
    }

    fn advance_any(&mut self, op: &Advance, row: &Row) -> Result<(), Failed> {
        let failed = |error| Failed::of(error, op.id);
        let failures = added(op.id, row, op.failure.as_ref())?;
        if let Some(consumed) = &op.consumed {
            self.forget_signal(op.id, consumed).map_err(failed)?;
        }
        let awaited = op.wait.as_ref().and_then(|wait| wait.signal.as_deref());
        let signal = if op.stays { row.signal.as_deref() } else { awaited };
        let mut wake_ms = op.wait.as_ref().map(|wait| wait.until_ms);
        if let Some(signal) = signal.filter(|_| !op.stays)
            && self.has_signal(op.id, signal).map_err(failed)?
        {
            wake_ms = Some(op.at_ms);
        }
        let (hash, context) = (op.steps_hash.cast_signed(), value::encoded(&op.context));
        self.rare(
            "UPDATE workflow SET step = ?2, steps_hash = ?3, version = ?4, seq = ?5, attempt = ?6, revision = ?7, \
             context = ?8, updated_ms = ?9, wake_ms = ?10, signal = ?11, failures = ?12 WHERE key = ?1",
        )
        .and_then(|mut update| {
            update.execute(params![
                op.id.key(),
                op.step,
                hash,
                op.version,
                op.seq,
                op.attempt,
                op.revision,
                context,
                op.at_ms,
                wake_ms,
                signal,
                failures
            ])
        })
        .map_err(failed)?;
        op.event.as_ref().map_or(Ok(()), |event| self.replace_event(op.id, event))
    }

    pub(super) fn begin(&mut self, op: &Begin) -> Result<(), Failed> {
        let Turn::Now(row) = self.turn(op.id, op.revision)? else { return Ok(()) };
        if row.status != value::WAITING {
            return Err(Failed::refused(format!("workflow {} does not wait for its turn", op.id)));
        }
        self.rare("UPDATE workflow SET status = 0, revision = ?2, updated_ms = ?3, wake_ms = NULL WHERE key = ?1")
            .and_then(|mut update| update.execute(params![op.id.key(), op.revision, op.at_ms]))
            .map_err(|error| Failed::of(error, op.id))?;
        Ok(())
    }

    pub(super) fn defer(&mut self, op: &Defer) -> Result<(), Failed> {
        let Turn::Now(row) = self.turn(op.id, op.revision)? else { return Ok(()) };
        let failures = added(op.id, &row, op.failure.as_ref())?;
        self.rare(
            "UPDATE workflow SET attempt = ?2, revision = ?3, updated_ms = ?4, wake_ms = ?5, failures = ?6 WHERE key = ?1",
        )
        .and_then(|mut update| {
            update.execute(params![op.id.key(), op.attempt, op.revision, op.at_ms, op.wake_ms, failures])
        })
        .map_err(|error| Failed::of(error, op.id))?;
        Ok(())
    }

    /// Does what a step asked for, after its row was changed.
    pub(super) fn ask(&mut self, emits: &[Admit], work: &[Work]) -> Result<(), Failed> {
        for emit in emits {
            self.admit(emit).map_err(Failed::half_done)?;
        }
        for work in work {
            match self.effects.run(work) {
                Outcome::Done => {}
                Outcome::Failed(error) => return Err(Failed::Poisonous(error)),
                Outcome::Undone(error) => return Err(Failed::Undone(error)),
                Outcome::Unavailable(error) => return Err(Failed::Unavailable(error)),
            }
        }
        Ok(())
    }
}

/// The failures of `row` with one more, as the column holds them.
pub(super) fn added(id: WorkflowId, row: &Row, failure: Option<&StepFailure>) -> Result<Option<String>, Failed> {
    let Some(failure) = failure else { return Ok(row.failures.clone()) };
    let mut failures = value::failures(row.failures.as_deref());
    failures.push(failure.clone());
    failures.drain(..failures.len().saturating_sub(StepFailure::KEPT));
    value::failures_text(&failures).map(Some).map_err(|error| {
        let what = format!("the failure of workflow {id} cannot be written as JSON");
        Failed::Refused(StoreError::rejected(what).with_source(error))
    })
}
