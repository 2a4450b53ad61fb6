//! From a row of the file to a workflow, whatever has happened to the row.

use std::borrow::Cow;

use sqlx::Row as _;
use sqlx::sqlite::{Sqlite, SqliteRow};

use minions_core::store::StoredWorkflow;
use minions_core::workflow::WorkflowId;

use crate::head::{self, ATTEMPT, Head, REVISION, SEQ, VERSION};
use crate::value;

/// What [`workflow`] reads, of the tables of [`JOINED`].
pub(crate) const COLUMNS: &str = "SELECT w.key, w.checkpoint, o.name, coalesce(s.status, 0), coalesce(w.event, l.event), s.failures, \
     w.created_ms, s.wake_ms, s.signal, g.payload, d.deaths, s.lane";

pub(crate) const JOINED: &str = " LEFT JOIN orchestration o ON o.id = w.orchestration \
     LEFT JOIN large_event l ON w.event IS NULL AND l.key = w.key \
     LEFT JOIN minions_signal g ON g.key = s.key AND g.name = s.signal \
     LEFT JOIN minions_suspect d ON d.key = w.key AND d.revision = CAST(substr(w.checkpoint, 20, 10) AS INTEGER) WHERE ";

/// The name of the next step, which may be no text.
pub(crate) const STEP: &str =
    "CAST(substr(CAST(w.checkpoint AS BLOB), 112, CAST(substr(w.checkpoint, 96, 5) AS INTEGER)) AS TEXT)";

/// Where the event is among [`COLUMNS`].
pub(crate) const EVENT: usize = 4;

/// A row as it is: what is odd about it must not hide it, nor its neighbours. Only without an identity there is nothing to
/// show.
///
/// # Errors
///
/// When not even its key can be read.
pub(crate) fn workflow(row: &SqliteRow) -> Result<StoredWorkflow, sqlx::Error> {
    let mut fields = Fields { row, damage: None };
    let id = identity(row)?.unwrap_or_else(|of_key| {
        fields.damaged("its identity cannot be read".to_owned());
        of_key
    });
    let value = fields.bytes(1, "checkpoint").unwrap_or_default();
    let head = Head::of(value);
    let (step, context) = fields.whole(head.body(value));
    let step = fields.decoded(step, "step");
    let mut workflow = StoredWorkflow::new(id, fields.text(2, "orchestration").unwrap_or_default(), step);
    workflow.context = context.to_vec();
    workflow.seq = fields.whole(head.count(SEQ));
    workflow.attempt = fields.whole(head.count(ATTEMPT));
    workflow.revision = fields.whole(head.count(REVISION));
    workflow.version = fields.whole(head.count(VERSION));
    workflow.steps_hash = fields.whole(head.steps_hash());
    workflow.updated_ms = fields.whole(head.updated_ms());
    workflow.status = value::status(fields.get(3, "status"));
    // A large event that is lost becomes one that nobody can decode, which sets its workflow aside.
    workflow.event = fields.bytes(EVENT, "event").unwrap_or_default().to_vec();
    workflow.failures = value::failures(fields.text(5, "failures").as_deref());
    workflow.created_ms = fields.get(6, "created_ms");
    workflow.wake_ms = fields.get(7, "wake_ms");
    workflow.signal = fields.text(8, "signal");
    workflow.payload = fields.get(9, "payload");
    workflow.deaths =
        fields.get::<Option<i64>>(10, "deaths").map_or(0, |deaths| u32::try_from(deaths).unwrap_or(u32::MAX));
    workflow.lane = fields.text(11, "lane");
    workflow.damage = fields.damage;
    Ok(workflow)
}

/// The fields of a row that may come from a damaged page, or from an edit by hand.
struct Fields<'r> {
    row: &'r SqliteRow,
    /// What is wrong with the first of those that are not what they should be.
    damage: Option<String>,
}

impl<'r> Fields<'r> {
    fn get<T>(&mut self, column: usize, name: &str) -> T
    where
        T: Default + sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite>,
    {
        self.row.try_get(column).unwrap_or_else(|error| {
            self.damaged(format!("its {name} cannot be read: {error}"));
            T::default()
        })
    }

    fn bytes(&mut self, column: usize, name: &str) -> Option<&'r [u8]> {
        self.get(column, name)
    }

    /// What `read` gives, unless that is damaged.
    fn whole<T: Default>(&mut self, read: Result<T, String>) -> T {
        read.unwrap_or_else(|damage| {
            self.damaged(damage);
            T::default()
        })
    }

    fn decoded(&mut self, bytes: &[u8], name: &str) -> String {
        let text = String::from_utf8_lossy(bytes);
        if matches!(text, Cow::Owned(_)) {
            self.damaged(format!("its {name} is no text"));
        }
        text.into_owned()
    }

    fn text(&mut self, column: usize, name: &str) -> Option<String> {
        let bytes = self.bytes(column, name)?;
        Some(self.decoded(bytes, name))
    }

    fn damaged(&mut self, what: String) {
        self.damage.get_or_insert(what);
    }
}

/// The identity that the first column and the beginning of the second are; that of the key alone if the rest is damaged.
///
/// # Errors
///
/// When not even the key can be read.
pub(crate) fn identity(row: &SqliteRow) -> Result<Result<WorkflowId, WorkflowId>, sqlx::Error> {
    let rest = row.try_get::<&[u8], _>(1).unwrap_or_default();
    Ok(head::identity(row.try_get(0)?, rest))
}
