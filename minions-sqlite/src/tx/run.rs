//! Running work that users handed over: contained, watched and bounded in time.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, Statement, ffi};

use minions_core::Error;
use minions_core::store::{StoreError, Work};

use crate::apply::Failed;
use crate::panics;

use super::effect::{Effect, KIND};
use super::{Guard, SqliteTx};

/// How long work may take before it is named in the log.
const SLOW: Duration = Duration::from_millis(50);

/// How long work may take at all.
const BOUND: Duration = Duration::from_secs(1);

/// How many steps of SQLite's machine pass between two looks at the clock: well below a millisecond.
const OPS: i32 = 1_000;

/// What is needed to run work of users on the writer's connection.
#[derive(Debug)]
pub(crate) struct Effects<'c> {
    connection: &'c Connection,
    pub(crate) guard: Guard,
    statements: Rc<RefCell<HashMap<String, Statement<'c>>>>,
    pub(crate) bound: Duration,
}

/// What work said, and what is wrong with the database, if anything is.
type Ran = (Result<(), Error>, Option<ErrorCode>);

/// What has become of work.
#[derive(Debug)]
pub(crate) enum Outcome {
    Done,
    /// It failed; what it has done is still to be undone.
    Failed(StoreError),
    /// It failed, and the whole transaction is rolled back already.
    Undone(StoreError),
    /// The database does not work, which is nobody's fault here; all of it is to be repeated.
    Unavailable(StoreError),
}

impl<'c> Effects<'c> {
    pub(crate) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self { connection, guard: Guard::install(connection)?, statements: Rc::default(), bound: BOUND })
    }

    /// Runs `work` inside the transaction that is open.
    pub(crate) fn run(&self, work: &Work) -> Outcome {
        let label = work.label();
        let Some(effect) = work.downcast::<Effect>().filter(|_| work.kind() == KIND) else {
            return Outcome::Failed(StoreError::rejected(format!(
                "`{label}` hands over work that only a store of the kind `{}` can do",
                work.kind()
            )));
        };
        let began = Instant::now();
        let (result, trouble) = match self.bounded(began, |tx| (effect.work)(tx)) {
            Ok(ran) => ran,
            Err(error) => return Outcome::Unavailable(Failed::unavailable(error).into_error()),
        };
        let took = began.elapsed();
        let in_time = took < self.bound;
        if took >= SLOW {
            let milliseconds = took.as_millis();
            tracing::warn!(
                work = label,
                milliseconds,
                "`{label}` kept every checkpoint waiting for {milliseconds} ms with what it handed over"
            );
        }
        // Also when the work has not told.
        let is_gone = self.connection.is_autocommit();
        let failed = match result {
            Ok(()) if !is_gone => return Outcome::Done,
            Ok(()) => Error::from("it rolled back the whole transaction"),
            Err(error) => error,
        };
        if let Some(code) = trouble {
            let error = rusqlite::Error::SqliteFailure(ffi::Error { code, extended_code: 0 }, Some(failed.to_string()));
            return Outcome::Unavailable(Failed::unavailable(error).into_error());
        }
        let failed = StoreError::work_failed(
            if in_time {
                format!("what `{label}` handed over to its checkpoint failed")
            } else {
                let bound = self.bound.as_millis();
                format!("what `{label}` handed over to its checkpoint took longer than {bound} ms and was interrupted")
            },
            failed,
        );
        if is_gone { Outcome::Undone(failed) } else { Outcome::Failed(failed) }
    }

    /// Runs `work` with a transaction that ends the work when it is too late. Answers what the work says, and what is
    /// wrong with the database.
    fn bounded(&self, began: Instant, work: impl FnOnce(&SqliteTx<'c>) -> Result<(), Error>) -> rusqlite::Result<Ran> {
        let deadline = began + self.bound;
        let tx = SqliteTx {
            connection: self.connection,
            statements: self.statements.clone(),
            guard: self.guard.clone(),
            deadline,
            trouble: Cell::new(None),
        };
        self.connection.progress_handler(OPS, Some(move || deadline <= Instant::now()))?;
        let watch = self.guard.watch();
        // Unwind safe: whatever the work has left half done is rolled back, and its statements are reset when dropped.
        let result = catch_unwind(AssertUnwindSafe(|| work(&tx)));
        drop(watch);
        self.connection.progress_handler(0, None::<fn() -> bool>)?;
        let result = result.unwrap_or_else(|panic| Err(Error::from(format!("it panicked: {}", panics::text(&*panic)))));
        Ok((result, tx.trouble.get()))
    }
}
