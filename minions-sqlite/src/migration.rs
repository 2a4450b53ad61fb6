//! The tables of users: each step of theirs runs once.

use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::{Batch, Connection, params};

use minions_core::store::StoreError;

use crate::apply::Failed;
use crate::tx::Guard;

/// Runs what has not run yet of `steps`, inside the transaction that is open.
pub(crate) fn migrate(connection: &Connection, guard: &Guard, name: &str, steps: &[String]) -> Result<(), Failed> {
    let done = done(connection, name).map_err(Failed::unavailable)?;
    if done.len() > steps.len() {
        return Err(Failed::refused(format!(
            "the tables of `{name}` have had {} migrations, but this program knows {}; run the newer program that made \
             them, or use another state directory",
            done.len(),
            steps.len()
        )));
    }
    if let Some(at) = done.iter().zip(steps).position(|(done, step)| done != step) {
        return Err(Failed::refused(format!(
            "migration {} of `{name}` was changed after it has run; put it back as it was, and append another one",
            at + 1
        )));
    }
    for (at, step) in steps.iter().enumerate().skip(done.len()) {
        let number = at + 1;
        run(connection, guard, step).map_err(|why| why.of(number, name))?;
        connection
            .prepare_cached("INSERT INTO minions_migration (name, number, sql) VALUES (?1, ?2, ?3)")
            .and_then(|mut insert| insert.execute(params![name, number as i64, step]))
            .map_err(Failed::unavailable)?;
    }
    Ok(())
}

fn done(connection: &Connection, name: &str) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare_cached("SELECT sql FROM minions_migration WHERE name = ?1 ORDER BY number")?
        .query_map([name], |row| row.get(0))?
        .collect()
}

/// Why a step failed.
enum Why {
    Forbidden(String),
    Refused(rusqlite::Error),
}

impl Why {
    fn of(self, number: usize, name: &str) -> Failed {
        let what = format!("migration {number} of `{name}` failed");
        match self {
            Self::Forbidden(reason) => Failed::refused(format!("{what}: {reason}")),
            Self::Refused(error) => Failed::Refused(StoreError::rejected(what).with_source(error)),
        }
    }
}

fn run(connection: &Connection, guard: &Guard, step: &str) -> Result<(), Why> {
    let _watch = guard.watch();
    let mut statements = Batch::new(connection, step);
    loop {
        let refused = |error| guard.take_reason().map_or(Why::Refused(error), Why::Forbidden);
        let Some(mut statement) = statements.next().map_err(refused)? else { return Ok(()) };
        let mut rows = statement.raw_query();
        while rows.next().map_err(refused)?.is_some() {}
        drop(rows);
        if connection.is_autocommit() {
            return Err(Why::Forbidden("a statement has rolled back the whole transaction".to_owned()));
        }
    }
}
