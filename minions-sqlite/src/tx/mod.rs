//! Effects that commit together with a checkpoint: what a step hands over, and the transaction that it gets.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;
use std::time::Instant;

use rusqlite::{Connection, ErrorCode, Statement};

mod effect;
mod error;
mod guard;
mod run;
#[cfg(test)]
mod tests;
mod value;

pub use effect::{WithCheckpoint, work};
pub use error::SqlError;
pub use value::{FromRow, FromValue, Params, ToValue, Value};

pub(crate) use guard::Guard;
pub(crate) use run::{Effects, Outcome};

/// How many statements of users are remembered; what is made anew every time is not worth remembering.
const REMEMBERED: usize = 64;

/// The transaction that a checkpoint is committed in, for work that joins it; see [`WithCheckpoint`].
///
/// It belongs to the tables of the program. The tables of the runtime, transactions, savepoints, temporary tables,
/// pragmas and other databases are out of reach: a statement that asks for one of them fails before it does anything.
///
/// Its methods take SQL and values of the standard library, and name no type of the library that is underneath: that
/// one is bound to the version whose SQLite the whole process shares, and can not be a promise to anybody.
///
/// # Errors
///
/// Every method fails when the database refuses the statement, and once the work has taken too long. Work that fails
/// undoes everything it has done, and the checkpoint with it.
pub struct SqliteTx<'c> {
    connection: &'c Connection,
    statements: Rc<RefCell<HashMap<String, Statement<'c>>>>,
    guard: Guard,
    deadline: Instant,
    /// What is wrong with the database, if anything is: then it is not the work that has failed.
    trouble: Cell<Option<ErrorCode>>,
}

impl fmt::Debug for SqliteTx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteTx").finish_non_exhaustive()
    }
}

impl<'c> SqliteTx<'c> {
    /// Runs one statement and answers how many rows it has changed.
    ///
    /// # Errors
    ///
    /// When the database refuses it.
    pub fn execute(&self, sql: &str, params: impl Params) -> Result<usize, SqlError> {
        self.with(sql, |statement| {
            params.bind(&mut Binder { statement, next: 1 })?;
            all_bound(statement, params.count())?;
            let mut rows = statement.raw_query();
            // One that answers rows, such as `RETURNING`, is run to its end as well.
            while rows.next()?.is_some() {}
            drop(rows);
            Ok(self.connection.changes() as usize)
        })
    }

    /// Runs one statement and answers its first row, if it has any.
    ///
    /// # Errors
    ///
    /// When the database refuses it, or the row is no `T`.
    pub fn query_one<T: FromRow>(&self, sql: &str, params: impl Params) -> Result<Option<T>, SqlError> {
        self.rows(sql, &params, 1).map(|mut rows| rows.pop())
    }

    /// Runs one statement and answers all its rows.
    ///
    /// # Errors
    ///
    /// When the database refuses it, or a row is no `T`.
    pub fn query<T: FromRow>(&self, sql: &str, params: impl Params) -> Result<Vec<T>, SqlError> {
        self.rows(sql, &params, usize::MAX)
    }

    fn rows<T: FromRow>(&self, sql: &str, params: &impl Params, limit: usize) -> Result<Vec<T>, SqlError> {
        self.with(sql, |statement| {
            params.bind(&mut Binder { statement, next: 1 })?;
            all_bound(statement, params.count())?;
            let mut rows = statement.raw_query();
            let mut found = Vec::new();
            while found.len() < limit
                && let Some(row) = rows.next()?
            {
                found.push(T::from_row(row)?);
            }
            Ok(found)
        })
    }

    /// Runs `use_it` with the statement of this text, which is prepared once.
    fn with<T>(
        &self,
        sql: &str,
        use_it: impl FnOnce(&mut Statement<'c>) -> rusqlite::Result<T>,
    ) -> Result<T, SqlError> {
        if self.connection.is_autocommit() {
            // What runs now would be committed by itself.
            return Err(SqlError::new(sql, "the transaction was rolled back by a statement before".into()));
        }
        if self.deadline <= Instant::now() {
            return Err(SqlError::new(sql, "it is too late: every checkpoint waits for this work".into()));
        }
        let sql = sql.trim();
        let remembered = self.statements.borrow_mut().remove(sql);
        let refused = |error: rusqlite::Error| {
            use ErrorCode::{DiskFull, OutOfMemory, ReadOnly, SystemIoFailure};

            let trouble = error.sqlite_error_code();
            if matches!(trouble, Some(DiskFull | OutOfMemory | ReadOnly | SystemIoFailure)) {
                self.trouble.set(trouble);
            }
            match self.guard.take_reason() {
                Some(reason) => SqlError::new(sql, reason.into()),
                None => SqlError::of(sql, error),
            }
        };
        let mut statement = match remembered {
            Some(statement) => statement,
            None => self.connection.prepare(sql).map_err(refused)?,
        };
        let result = use_it(&mut statement).map_err(refused);
        statement.clear_bindings();
        let mut statements = self.statements.borrow_mut();
        if statements.len() >= REMEMBERED {
            statements.clear();
        }
        statements.insert(sql.to_owned(), statement);
        result
    }
}

/// Binds the values of a statement, one after another.
#[derive(Debug)]
#[doc(hidden)]
pub struct Binder<'s, 'c> {
    statement: &'s mut Statement<'c>,
    next: usize,
}

impl Binder<'_, '_> {
    pub(crate) fn push(&mut self, value: &impl ToValue) -> rusqlite::Result<()> {
        if self.next > self.statement.parameter_count() {
            // Told by `all_bound`, with both numbers.
            return Ok(());
        }
        self.statement.raw_bind_parameter(self.next, value.to_value().output())?;
        self.next += 1;
        Ok(())
    }
}

fn all_bound(statement: &Statement<'_>, given: usize) -> rusqlite::Result<()> {
    let expected = statement.parameter_count();
    if given == expected { Ok(()) } else { Err(rusqlite::Error::InvalidParameterCount(given, expected)) }
}
