//! What is there when a process is gone: the database, the journal, the acknowledgements.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::input::{Case, Order, Parcel, lane_of};

/// What was found.
#[derive(Debug, Default)]
pub struct Evidence {
    /// The workflows that are stored, by what they are of.
    pub stored: BTreeMap<Case, Vec<Row>>,
    /// Which workflows have written their row, by the name of the table.
    pub posted: BTreeMap<Case, Vec<String>>,
    pub finished: BTreeMap<Case, Vec<String>>,
    /// Events admitted and position, by the name of the file.
    pub cursors: BTreeMap<String, (i64, i64)>,
    pub keys: BTreeSet<(String, String)>,
    /// How many rows there are in the tables that should be empty at the end.
    pub left: BTreeMap<&'static str, i64>,
    /// What the integrity check of the database says, unless it is content.
    pub damage: Option<String>,
    pub journal: Vec<Entry>,
    pub acknowledged: Vec<u64>,
}

impl Evidence {
    /// Whether a case waits in a lane that is held by a workflow in quarantine.
    pub fn is_held(&self, case: &Case) -> bool {
        let of = |case: &Case, is: fn(&Row) -> bool| self.stored.get(case).is_some_and(|rows| rows.iter().any(is));
        let same = |other: &&Case| other.0 == case.0 && lane_of(other) == lane_of(case);
        of(case, |row| row.waits) && self.stored.keys().filter(same).any(|other| of(other, |row| row.quarantined))
    }
}

/// One stored workflow.
#[derive(Clone, Debug)]
pub struct Row {
    pub workflow: String,
    pub quarantined: bool,
    /// Whether it waits for its turn in its lane.
    pub waits: bool,
    pub step: String,
    pub seq: u32,
    pub attempt: u32,
    pub done: u64,
    pub failures: String,
}

/// One visit that has begun, as the program has written it down.
#[derive(Clone, Debug)]
pub struct Entry {
    pub run: u64,
    pub case: Case,
    pub workflow: String,
    pub seq: u32,
    pub step: String,
    pub done: u64,
    pub attempt: u32,
    pub may_have_run: bool,
}

type Trouble = Box<dyn std::error::Error>;

/// Reads everything that a process has left in `directory`.
///
/// The database is copied first, with its log: what the next process has to recover from stays as it is.
pub fn gather(directory: &Path) -> Result<Evidence, String> {
    let look = directory.join("look");
    let gathered = (|| {
        fs::create_dir_all(&look)?;
        let copy = look.join("state.db");
        let mut evidence = Evidence::default();
        for suffix in ["", "-wal"] {
            let (from, to) = (directory.join(format!("state.db{suffix}")), look.join(format!("state.db{suffix}")));
            let _ = fs::remove_file(&to);
            if from.exists() {
                fs::copy(from, to)?;
            }
        }
        let _ = fs::remove_file(look.join("state.db-shm"));
        // A process that dies very early has made no file yet, or an empty one.
        if copy.metadata().is_ok_and(|file| file.len() > 0) || look.join("state.db-wal").exists() {
            read_database(&copy, &mut evidence)?;
        }
        evidence.journal =
            lines(&directory.join("journal"))?.iter().map(|line| entry(line)).collect::<Result<_, _>>()?;
        let acknowledged = lines(&directory.join("acknowledged"))?;
        evidence.acknowledged = acknowledged.iter().map(|line| line.parse()).collect::<Result<_, _>>()?;
        Ok::<_, Trouble>(evidence)
    })();
    gathered.map_err(|error| format!("what the process has left cannot be read: {error}"))
}

fn read_database(file: &Path, evidence: &mut Evidence) -> Result<(), Trouble> {
    let database =
        Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    let integrity: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    evidence.damage = Some(integrity).filter(|integrity| integrity != "ok");
    let mut tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?;
    let tables: BTreeSet<String> = tables.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    // Nothing at all, or all of it.
    if !tables.contains("workflow") {
        return Ok(());
    }
    let mut workflows = database.prepare(
        "SELECT id, orchestration, status, step, seq, attempt, context, failures, event FROM minions_workflow",
    )?;
    let mut rows = workflows.query([])?;
    while let Some(row) = rows.next()? {
        let orchestration: String = row.get(1)?;
        let label = label(&orchestration, &text(row, 8)?)?;
        let context: serde_json::Value = serde_json::from_str(&text(row, 6)?)?;
        let stored = Row {
            workflow: row.get(0)?,
            quarantined: row.get::<_, String>(2)? == "quarantined",
            waits: row.get::<_, String>(2)? == "waiting",
            step: row.get(3)?,
            seq: row.get(4)?,
            attempt: row.get(5)?,
            done: context["done"].as_u64().ok_or("a context without `done`")?,
            failures: row.get::<_, Option<String>>(7)?.unwrap_or_default(),
        };
        evidence.stored.entry((orchestration, label)).or_default().push(stored);
    }
    for (table, found) in [("posted", &mut evidence.posted), ("finished", &mut evidence.finished)] {
        if !tables.contains(table) {
            continue;
        }
        let mut select = database.prepare(&format!("SELECT orchestration, label, workflow FROM {table}"))?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let workflow: String = row.get(2)?;
            found.entry((row.get(0)?, row.get(1)?)).or_default().push(workflow.replace('-', ""));
        }
    }
    let mut select = database.prepare("SELECT partition, count, position FROM minions_cursor")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        evidence.cursors.insert(row.get(0)?, (row.get(1)?, text(row, 2)?.parse()?));
    }
    let mut select = database.prepare("SELECT scope, key FROM minions_dedupe")?;
    evidence.keys = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    for table in ["workflow", "large_event", "minions_signal", "minions_suspect", "minions_ended"] {
        let count = database.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?;
        evidence.left.insert(table, count);
    }
    Ok(())
}

fn label(orchestration: &str, event: &str) -> Result<String, Trouble> {
    Ok(match orchestration {
        "clerk/courier" => serde_json::from_str::<Parcel>(event)?.label,
        _ => serde_json::from_str::<Order>(event)?.label(),
    })
}

/// What is stored as text or as bytes.
fn text(row: &rusqlite::Row<'_>, column: usize) -> Result<String, Trouble> {
    let value = row.get_ref(column)?;
    Ok(String::from_utf8(value.as_bytes_or_null()?.unwrap_or_default().to_vec())?)
}

fn lines(file: &Path) -> Result<Vec<String>, Trouble> {
    let text = if file.exists() { fs::read_to_string(file)? } else { String::new() };
    Ok(text.lines().map(str::to_owned).collect())
}

fn entry(line: &str) -> Result<Entry, Trouble> {
    let [run, orchestration, label, key, step, done, attempt, may_have_run] = line
        .split(' ')
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| format!("a line of the journal is torn: `{line}`"))?;
    let (workflow, seq) = key.rsplit_once('-').ok_or("a key without a number")?;
    Ok(Entry {
        run: run.parse()?,
        case: (orchestration.to_owned(), label.to_owned()),
        workflow: workflow.replace('-', ""),
        seq: seq.parse()?,
        step: step.to_owned(),
        done: done.parse()?,
        attempt: attempt.parse()?,
        may_have_run: may_have_run.parse()?,
    })
}
