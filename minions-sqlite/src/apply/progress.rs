//! From one step to the next: checkpoints, and attempts that are put off.

use minions_core::store::{Admit, Advance, Begin, Defer, Work};

use crate::head::{ATTEMPT, Mark, REVISION, SEQ, VERSION};
use crate::tx::Outcome;
use crate::value;

use super::row::{Row, Turn};
use super::{Failed, Statements};

impl Statements<'_> {
    pub(super) fn advance(&mut self, op: &Advance) -> Result<(), Failed> {
        let Turn::Now(mut row) = self.turn(op.id, op.revision)? else { return Ok(()) };
        let plain = op.wait.is_none() && op.failure.is_none() && op.consumed.is_none();
        if !plain || row.head.mark() == Mark::Waits {
            self.advance_special(op, &mut row)?;
        }
        row.head.set_count(REVISION, op.revision);
        row.head.set_count(SEQ, op.seq);
        row.head.set_count(ATTEMPT, op.attempt);
        row.head.set_count(VERSION, op.version);
        row.head.set_steps_hash(op.steps_hash);
        row.head.set_updated_ms(op.at_ms);
        self.save(op.id, &mut row, &op.step, &op.context)?;
        op.event.as_ref().map_or(Ok(()), |event| self.replace_event(op.id, event))?;
        self.ask(&op.emits, &op.work)
    }

    /// What a checkpoint means for what is special about its workflow.
    fn advance_special(&self, op: &Advance, row: &mut Row) -> Result<(), Failed> {
        let failed = |error| Failed::of(error, op.id);
        let mut special = self.special(op.id, row)?;
        special.add(op.id, op.failure.as_ref())?;
        if let Some(consumed) = &op.consumed {
            self.forget_signal(op.id, consumed).map_err(failed)?;
        }
        special.wake_ms = op.wait.as_ref().map(|wait| wait.until_ms);
        if !op.stays {
            special.signal = op.wait.as_ref().and_then(|wait| wait.signal.as_deref()).map(str::to_owned);
            if let Some(signal) = &special.signal
                && self.has_signal(op.id, signal).map_err(failed)?
            {
                special.wake_ms = Some(op.at_ms);
            }
        }
        self.set_special(op.id, row, &special)
    }

    pub(super) fn begin(&mut self, op: &Begin) -> Result<(), Failed> {
        let Turn::Now(mut row) = self.turn(op.id, op.revision)? else { return Ok(()) };
        let mut special = self.special(op.id, &row)?;
        if special.status != value::WAITING {
            return Err(Failed::refused(format!("workflow {} does not wait for its turn", op.id)));
        }
        (special.status, special.wake_ms) = (value::RUNNING, None);
        self.set_special(op.id, &mut row, &special)?;
        row.head.set_count(REVISION, op.revision);
        row.head.set_updated_ms(op.at_ms);
        self.save_head(op.id, &row)
    }

    pub(super) fn defer(&mut self, op: &Defer) -> Result<(), Failed> {
        let Turn::Now(mut row) = self.turn(op.id, op.revision)? else { return Ok(()) };
        let mut special = self.special(op.id, &row)?;
        special.add(op.id, op.failure.as_ref())?;
        special.wake_ms = Some(op.wake_ms);
        self.set_special(op.id, &mut row, &special)?;
        row.head.set_count(REVISION, op.revision);
        row.head.set_count(ATTEMPT, op.attempt);
        row.head.set_updated_ms(op.at_ms);
        self.save_head(op.id, &row)
    }

    /// Does what a step asked for, after its row was changed.
    pub(super) fn ask(&mut self, emits: &[Admit], work: &[Work]) -> Result<(), Failed> {
        for emit in emits {
            self.admit(emit).map_err(Failed::half_done)?;
        }
        for work in work {
            // Their statements may do anything to the transaction.
            self.rest();
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
