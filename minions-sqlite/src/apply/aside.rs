//! Quarantine, and what an operator does about it.

use minions_core::store::{Amend, Quarantine, Requeue};
use minions_core::workflow::WorkflowId;

use crate::head::{ATTEMPT, REVISION, SEQ};
use crate::value;

use super::row::{Row, Turn, damaged};
use super::special::Special;
use super::{Failed, Statements};

impl Statements<'_> {
    pub(super) fn quarantine(&mut self, op: &Quarantine) -> Result<(), Failed> {
        let row = self.stored(op.id)?;
        if row.head.count(REVISION).is_err() {
            return self.quarantine_damaged(op, row);
        }
        let Turn::Now(mut row) = self.turn(op.id, op.revision)? else { return Ok(()) };
        self.set_aside(op, &mut row)?;
        row.head.set_count(REVISION, op.revision);
        row.head.set_count(ATTEMPT, op.failure.attempt);
        row.head.set_updated_ms(op.at_ms);
        self.save_head(op.id, &row)
    }

    /// Sets a workflow aside whose row does not say at which revision it is. All else in it stays as it is, for whoever can
    /// make something of it.
    fn quarantine_damaged(&mut self, op: &Quarantine, mut row: Row) -> Result<(), Failed> {
        if self.special(op.id, &row)?.status == value::QUARANTINED {
            return Ok(());
        }
        self.set_aside(op, &mut row)?;
        self.save_head(op.id, &row)
    }

    fn set_aside(&self, op: &Quarantine, row: &mut Row) -> Result<(), Failed> {
        let mut special = self.special(op.id, row)?;
        special.add(op.id, Some(&op.failure))?;
        (special.status, special.wake_ms) = (value::QUARANTINED, None);
        self.set_special(op.id, row, &special)
    }

    pub(super) fn requeue(&mut self, op: &Requeue) -> Result<(), Failed> {
        let (mut row, mut special) = self.quarantined(op.id)?;
        let read = |damage: String| damaged(op.id, &damage);
        let revision = row.head.count(REVISION).map_err(read)?.saturating_add(1);
        let going = match &op.step {
            Some(step) => {
                let seq = row.head.count(SEQ).map_err(read)?.saturating_add(1);
                row.head.set_count(SEQ, seq);
                Some((step, self.body(op.id, &row)?.1))
            }
            None => None,
        };
        special.status = if op.waits { value::WAITING } else { value::RUNNING };
        special.wake_ms = (!op.waits).then_some(op.at_ms);
        self.set_special(op.id, &mut row, &special)?;
        row.head.set_count(REVISION, revision);
        row.head.set_count(ATTEMPT, 0);
        row.head.set_updated_ms(op.at_ms);
        match going {
            Some((step, context)) => self.save(op.id, &mut row, step, &context),
            None => self.save_head(op.id, &row),
        }
    }

    pub(super) fn amend(&mut self, op: &Amend) -> Result<(), Failed> {
        let (mut row, _) = self.quarantined(op.id)?;
        let (step, _) = self.body(op.id, &row)?;
        row.head.set_updated_ms(op.at_ms);
        self.save(op.id, &mut row, &step, &op.context)
    }

    fn quarantined(&mut self, id: WorkflowId) -> Result<(Row, Special), Failed> {
        let row = self.stored(id)?;
        let special = self.special(id, &row)?;
        if special.status == value::QUARANTINED {
            Ok((row, special))
        } else {
            Err(Failed::refused(format!("workflow {id} is not quarantined")))
        }
    }
}
