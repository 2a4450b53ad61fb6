//! What is special about a workflow: rest, signal, lane, quarantine, failures.
//!
//! It lies beside the rows, so that they have no index and nothing is looked at for the many about which there is
//! nothing to say. The mark in the head of a row says whether there is anything.

use rusqlite::{OptionalExtension as _, params};

use minions_core::store::{StepFailure, StoreError};
use minions_core::workflow::WorkflowId;

use crate::head::Mark;
use crate::value::{self, RUNNING};

use super::row::Row;
use super::{Failed, Statements};

/// A row of `minions_special`; the default is what a workflow has that has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Special {
    pub(super) status: i64,
    pub(super) wake_ms: Option<i64>,
    pub(super) signal: Option<String>,
    pub(super) lane: Option<String>,
    pub(super) failures: Option<String>,
}

impl Special {
    pub(super) fn mark(&self) -> Mark {
        if self.wake_ms.is_some() || self.signal.is_some() {
            Mark::Waits
        } else if self.status != RUNNING || self.lane.is_some() || self.failures.is_some() {
            Mark::Special
        } else {
            Mark::Plain
        }
    }

    /// Appends a failure.
    pub(super) fn add(&mut self, id: WorkflowId, failure: Option<&StepFailure>) -> Result<(), Failed> {
        let Some(failure) = failure else { return Ok(()) };
        let mut failures = value::failures(self.failures.as_deref());
        failures.push(failure.clone());
        failures.drain(..failures.len().saturating_sub(StepFailure::KEPT));
        let text = value::failures_text(&failures).map_err(|error| {
            let what = format!("the failure of workflow {id} cannot be written as JSON");
            Failed::Refused(StoreError::rejected(what).with_source(error))
        })?;
        self.failures = Some(text);
        Ok(())
    }
}

impl Statements<'_> {
    /// What is special about the workflow of `row`.
    pub(super) fn special(&self, id: WorkflowId, row: &Row) -> Result<Special, Failed> {
        if row.head.mark() == Mark::Plain {
            return Ok(Special::default());
        }
        let read = || {
            self.rare("SELECT status, wake_ms, signal, lane, failures FROM minions_special WHERE key = ?1")?
                .query_row([id.key()], |row| {
                    Ok(Special {
                        status: row.get(0)?,
                        wake_ms: row.get(1)?,
                        signal: row.get(2)?,
                        lane: row.get(3)?,
                        failures: row.get(4)?,
                    })
                })
                .optional()
        };
        read().map(Option::unwrap_or_default).map_err(|error| Failed::of(error, id))
    }

    /// Stores what is special about the workflow of `row` from now on. The mark in its head is for the caller to store.
    pub(super) fn set_special(&self, id: WorkflowId, row: &mut Row, special: &Special) -> Result<(), Failed> {
        let mark = special.mark();
        let set = || {
            if mark != Mark::Plain {
                self.keep_special(id, special)
            } else if row.head.mark() != Mark::Plain {
                self.forget_special(id)
            } else {
                Ok(())
            }
        };
        set().map_err(|error| Failed::of(error, id))?;
        row.head.set_mark(mark);
        Ok(())
    }

    /// Stores what is special about a workflow whose row is there.
    pub(super) fn keep_special(&self, id: WorkflowId, special: &Special) -> rusqlite::Result<()> {
        let Special { status, wake_ms, signal, lane, failures } = special;
        self.rare(
            "INSERT INTO minions_special (key, orchestration, status, wake_ms, signal, lane, failures) \
             SELECT key, orchestration, ?2, ?3, ?4, ?5, ?6 FROM workflow WHERE key = ?1 \
             ON CONFLICT DO UPDATE SET status = ?2, wake_ms = ?3, signal = ?4, failures = ?6",
        )?
        .execute(params![id.key(), status, wake_ms, signal, lane, failures])
        .map(drop)
    }

    pub(super) fn forget_special(&self, id: WorkflowId) -> rusqlite::Result<()> {
        self.rare("DELETE FROM minions_special WHERE key = ?1")?.execute([id.key()]).map(drop)
    }
}
