//! Signals: kept until a step that waited for their name has seen them.

use rusqlite::params;

use minions_core::store::{Applied, Signal};
use minions_core::workflow::WorkflowId;

use crate::value;

use super::{Failed, Statements};

impl Statements<'_> {
    pub(super) fn signal(&mut self, op: &Signal) -> Result<Applied, Failed> {
        let failed = |error| Failed::of(error, op.id);
        let row = self.stored(op.id)?;
        let key = op.id.key();
        let kept = self
            .rare("INSERT INTO minions_signal (key, name, payload) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")
            .and_then(|mut insert| insert.execute(params![key, op.name, value::encoded(&op.payload)]))
            .map_err(failed)?;
        if kept == 0 {
            return Ok(Applied::Duplicate);
        }
        self.may_have.signals = true;
        // One that is awake, or in quarantine, finds it when it comes to it.
        let mut special = self.special(op.id, &row)?;
        if special.wake_ms.is_some() && special.signal.as_ref() == Some(&op.name) {
            special.wake_ms = Some(op.at_ms);
            self.keep_special(op.id, &special).map_err(failed)?;
        }
        Ok(Applied::Done)
    }

    pub(super) fn has_signal(&self, id: WorkflowId, name: &str) -> rusqlite::Result<bool> {
        Ok(self.may_have.signals
            && self
                .rare("SELECT 1 FROM minions_signal WHERE key = ?1 AND name = ?2")?
                .exists(params![id.key(), name])?)
    }

    pub(super) fn forget_signal(&self, id: WorkflowId, name: &str) -> rusqlite::Result<()> {
        if self.may_have.signals {
            self.rare("DELETE FROM minions_signal WHERE key = ?1 AND name = ?2")?.execute(params![id.key(), name])?;
        }
        Ok(())
    }
}
