//! What is not about one workflow: deaths of processes, and what is past its time.

use rusqlite::{OptionalExtension as _, params};

use minions_core::store::{KeepHistory, Suspect, Tidy};

use super::{Failed, Statements};

impl Statements<'_> {
    pub(super) fn suspect(&mut self, op: &Suspect) -> Result<(), Failed> {
        for (id, revision) in &op.found {
            self.may_have.suspects = true;
            self.rare(
                "INSERT INTO minions_suspect AS known (key, revision, deaths) VALUES (?1, ?2, 1) \
                 ON CONFLICT DO UPDATE SET revision = ?2, deaths = iif(known.revision = ?2, known.deaths + 1, 1)",
            )
            .and_then(|mut upsert| upsert.execute(params![id.key(), revision]))
            .map_err(|error| Failed::of(error, *id))?;
        }
        let alone = match op.alone {
            Some(id) => self
                .rare("INSERT OR REPLACE INTO meta (name, value) VALUES ('alone', ?1)")
                .and_then(|mut replace| replace.execute([id.as_bytes()])),
            None => self.rare("DELETE FROM meta WHERE name = 'alone'").and_then(|mut delete| delete.execute([])),
        };
        alone.map(drop).map_err(Failed::unavailable)
    }

    pub(super) fn tidy(&mut self, op: &Tidy) -> Result<(), Failed> {
        self.rare("DELETE FROM minions_dedupe WHERE until_ms <= ?1")
            .and_then(|mut delete| delete.execute([op.at_ms]))
            .map_err(Failed::unavailable)?;
        op.history.iter().try_for_each(|keep| self.trim(keep)).map_err(Failed::unavailable)
    }

    fn trim(&self, keep: &KeepHistory) -> rusqlite::Result<()> {
        let orchestration: Option<i64> = self
            .rare("SELECT id FROM orchestration WHERE name = ?1")?
            .query_row([&keep.orchestration], |row| row.get(0))
            .optional()?;
        let Some(orchestration) = orchestration else { return Ok(()) };
        self.rare("DELETE FROM minions_ended WHERE orchestration = ?1 AND ended_ms < ?2")?
            .execute(params![orchestration, keep.since_ms])?;
        // The first one too many, in the order in which they are read.
        let beyond: Option<(i64, i64)> = self
            .rare(
                "SELECT ended_ms, number FROM minions_ended WHERE orchestration = ?1 \
                 ORDER BY ended_ms DESC, number DESC LIMIT 1 OFFSET ?2",
            )?
            .query_row(params![orchestration, i64::try_from(keep.last).unwrap_or(i64::MAX)], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        if let Some((ended_ms, number)) = beyond {
            self.rare("DELETE FROM minions_ended WHERE orchestration = ?1 AND (ended_ms, number) <= (?2, ?3)")?
                .execute(params![orchestration, ended_ms, number])?;
        }
        Ok(())
    }
}
