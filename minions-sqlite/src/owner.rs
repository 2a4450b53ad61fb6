//! Whose the file is, as the file itself says: the epoch, and how the owners before have ended.
//!
//! The lock beside the file keeps two owners apart as long as nobody removes it. The epoch does so in any case: every
//! owner counts it up, and compares it in every transaction.

use rusqlite::{Connection, OptionalExtension as _, Statement};

use minions_core::store::{Opened, StoreError};
use minions_core::workflow::WorkflowId;

/// What the file says of its owners.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    /// How often the file has been opened, this time included.
    pub(crate) epoch: i64,
    /// How many owners in a row have not closed it, up to now.
    deaths: u32,
    /// What the file said of deaths, and of the last end, before this opening.
    before: (i64, i64),
    /// The workflow that ran alone when the last one died.
    alone: Option<WorkflowId>,
}

/// Reads the present epoch.
pub(crate) const EPOCH: &str = "SELECT value FROM meta WHERE name = 'epoch'";

/// Counts an opening, inside the transaction that is open.
pub(crate) fn begin(connection: &Connection) -> rusqlite::Result<Owner> {
    let epoch = "UPDATE meta SET value = value + 1 WHERE name = 'epoch' RETURNING value";
    let epoch = connection.query_row(epoch, [], |row| row.get(0))?;
    let get = |name| {
        let value = connection.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get::<_, i64>(0));
        value.optional().map(Option::unwrap_or_default)
    };
    let before = (get("deaths")?, get("clean")?);
    let deaths = before.0 + i64::from(before.1 == 0);
    let set = "INSERT OR REPLACE INTO meta (name, value) VALUES ('deaths', ?1), ('clean', 0)";
    connection.execute(set, [deaths])?;
    let alone: Option<[u8; 16]> =
        connection.query_row("SELECT value FROM meta WHERE name = 'alone'", [], |row| row.get(0)).optional()?;
    let deaths = u32::try_from(deaths).unwrap_or(u32::MAX);
    Ok(Owner { epoch, deaths, before, alone: alone.map(WorkflowId::from_bytes) })
}

impl Owner {
    pub(crate) fn opened(&self, last_id: Option<WorkflowId>) -> Opened {
        Opened::new(last_id, self.epoch.cast_unsigned()).after_deaths(self.deaths, self.alone)
    }

    /// Says who the owner is if it is not this one any more; `epoch` is the statement [`EPOCH`].
    pub(crate) fn check(&self, epoch: &mut Statement<'_>) -> rusqlite::Result<Result<(), StoreError>> {
        let now: i64 = epoch.query_row([], |row| row.get(0))?;
        Ok(if now == self.epoch { Ok(()) } else { Err(self.lost(now)) })
    }

    fn lost(&self, now: i64) -> StoreError {
        let then = self.epoch;
        StoreError::owned(format!(
            "the state database was taken over by another process: it has been opened {now} times, and this process was \
             number {then}, whose lock must have been removed; stop this process, it cannot write any more"
        ))
    }

    /// Leaves the file as one who only had a look: how the owners before have ended stays as it was.
    pub(crate) fn leave(&self, connection: &Connection) -> rusqlite::Result<()> {
        let set = "INSERT OR REPLACE INTO meta (name, value) VALUES ('deaths', ?1), ('clean', ?2)";
        connection.execute(set, [self.before.0, self.before.1]).map(drop)
    }

    /// Says that the owner has ended in order; what is written then is only good in one transaction with a check.
    pub(crate) fn end(connection: &Connection) -> rusqlite::Result<()> {
        connection.execute_batch(
            "UPDATE meta SET value = iif(name = 'clean', 1, 0) WHERE name IN ('clean', 'deaths');
             DELETE FROM meta WHERE name = 'alone';
             DELETE FROM minions_suspect;",
        )
    }
}
