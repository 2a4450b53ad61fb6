//! Admission: cursor, key and workflows of one event.

use rusqlite::{OptionalExtension as _, params};

use minions_core::store::{Admit, Applied, CursorMove, Dedupe, NewWorkflow, StoreError};
use minions_core::workflow::WorkflowId;

use crate::head::{self, Head, Kind, Mark, VERSION};
use crate::value;

use super::special::Special;
use super::{Failed, Statements, row};

/// A longer event is kept beside the row, because changing a row rewrites all of it.
const INLINE_EVENT: usize = 1024;

pub(super) const INSERT: &str = "INSERT INTO workflow (key, orchestration, created_ms, checkpoint, event) \
     VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";

impl Statements<'_> {
    pub(super) fn admit(&mut self, op: &Admit) -> Result<Applied, Failed> {
        if let Some(cursor) = &op.cursor
            && !self.advance_cursor(cursor)?
        {
            return Ok(Applied::Done);
        }
        let moved = op.cursor.is_some();
        let half_done = |failed: Failed| if moved { failed.half_done() } else { failed };
        if let Some((dedupe, first)) = op.dedupe.as_ref().zip(op.create.first())
            && !self.take_key(dedupe, first.id, op.at_ms).map_err(half_done)?
        {
            return Ok(Applied::Duplicate);
        }
        op.create.iter().try_for_each(|new| self.create(op, new))?;
        Ok(Applied::Done)
    }

    /// Moves the cursor if it is the turn of this event; answers whether the event was not applied before.
    fn advance_cursor(&self, to: &CursorMove) -> Result<bool, Failed> {
        let CursorMove { source, partition, count, .. } = to;
        let failed =
            |error| Failed::naming(error, || format!("the database refuses event {count} of `{source}` {partition:?}"));
        let too_far = |_| Failed::refused(format!("event {count} of `{source}` has a number beyond all numbers"));
        let number = i64::try_from(*count).map_err(too_far)?;
        let position = value::encoded(&to.position);
        let moved = self
            .rare(
                "UPDATE minions_cursor SET count = ?3, position = ?4 \
                 WHERE source = ?1 AND partition = ?2 AND count = ?3 - 1",
            )
            .and_then(|mut update| update.execute(params![source, partition, number, position]));
        if moved.map_err(failed)? == 1 {
            return Ok(true);
        }
        let stored: Option<i64> = self
            .rare("SELECT count FROM minions_cursor WHERE source = ?1 AND partition = ?2")
            .and_then(|mut select| select.query_row(params![source, partition], |row| row.get(0)).optional())
            .map_err(failed)?;
        let applied = stored.unwrap_or(0);
        if number <= applied {
            return Ok(false);
        }
        if number > applied + 1 {
            return Err(Failed::Refused(StoreError::unavailable(format!(
                "event {count} of `{source}` {partition:?} waits for event {}, which is not stored yet",
                applied + 1
            ))));
        }
        self.rare("INSERT INTO minions_cursor (source, partition, count, position) VALUES (?1, ?2, ?3, ?4)")
            .and_then(|mut insert| insert.execute(params![source, partition, number, position]))
            .map_err(failed)?;
        Ok(true)
    }

    /// Remembers the key; answers whether it is not that of another event within its time.
    fn take_key(&self, dedupe: &Dedupe, first: WorkflowId, at_ms: i64) -> Result<bool, Failed> {
        let Dedupe { scope, key, until_ms, .. } = dedupe;
        // One statement for the usual case, which is a new key, or one that is past its time, or this event again.
        self.rare(
            "INSERT INTO minions_dedupe (scope, key, until_ms, id) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT DO UPDATE SET until_ms = excluded.until_ms, id = excluded.id \
             WHERE until_ms <= ?5 OR id = excluded.id",
        )
        .and_then(|mut insert| insert.execute(params![scope, key, until_ms, first.as_bytes(), at_ms]))
        .map(|changed| changed == 1)
        .map_err(|error| Failed::of(error, first))
    }

    fn create(&mut self, op: &Admit, new: &NewWorkflow) -> Result<(), Failed> {
        row::short(new.id, &new.step)?;
        if self.insert(op, new).map_err(|error| Failed::of(error, new.id))? || self.row(new.id)?.is_some() {
            return Ok(());
        }
        // Its siblings may be stored already.
        Err(Failed::Poisonous(StoreError::rejected(format!(
            "workflow {} has the key of another workflow, which is stored",
            new.id
        ))))
    }

    /// Whether the workflow was not there yet.
    fn insert(&mut self, op: &Admit, new: &NewWorkflow) -> rusqlite::Result<bool> {
        let orchestration = self.name(&new.orchestration)?;
        let key = new.id.key();
        let special = Special {
            status: if new.waits { value::WAITING } else { value::RUNNING },
            wake_ms: new.wake_ms,
            lane: new.lane.as_deref().map(str::to_owned),
            ..Special::default()
        };
        let mut head = Head::new(new.id);
        head.set_mark(special.mark());
        head.set_count(VERSION, new.version);
        head.set_steps_hash(new.steps_hash);
        head.set_updated_ms(op.at_ms);
        let kind = Kind::of(&new.context);
        head.write(&new.step, &new.context, kind, &mut self.value);
        self.value.resize(head::roomy(self.value.len()), b' ');
        let inline = (op.event.len() <= INLINE_EVENT).then(|| value::encoded(&op.event));
        let is_long = inline.is_none();
        let checkpoint = row::stored(&self.value, kind);
        let inserted = self.insert.execute(params![key, orchestration, op.at_ms, checkpoint, inline])? == 1;
        if inserted && special.mark() != Mark::Plain {
            self.keep_special(new.id, &special)?;
        }
        if inserted && is_long {
            self.insert_large_event(key, &op.event)?;
        }
        Ok(inserted)
    }

    fn insert_large_event(&mut self, key: i64, event: &[u8]) -> rusqlite::Result<()> {
        self.may_have.large_events = true;
        self.rare("INSERT OR REPLACE INTO large_event (key, event) VALUES (?1, ?2)")?
            .execute(params![key, value::encoded(event)])
            .map(drop)
    }

    /// Replaces the event of a workflow.
    pub(super) fn replace_event(&mut self, id: WorkflowId, event: &[u8]) -> Result<(), Failed> {
        let inline = (event.len() <= INLINE_EVENT).then(|| value::encoded(event));
        let is_long = inline.is_none();
        let mut replace = || {
            self.rare("UPDATE workflow SET event = ?2 WHERE key = ?1")?.execute(params![id.key(), inline])?;
            if is_long { self.insert_large_event(id.key(), event) } else { self.delete_large_event(id) }
        };
        replace().map_err(|error| Failed::of(error, id))
    }
}
