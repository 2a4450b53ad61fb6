//! Why a statement of a user failed.

use std::error::Error as StdError;
use std::fmt;

use rusqlite::ErrorCode;

type Source = Box<dyn StdError + Send + Sync>;

/// A statement failed; the cause is its [source](StdError::source).
#[derive(Debug)]
pub struct SqlError {
    sql: String,
    is_constraint: bool,
    source: Source,
}

impl SqlError {
    pub(super) fn new(sql: &str, source: Source) -> Self {
        Self { sql: shortened(sql), is_constraint: false, source }
    }

    pub(super) fn of(sql: &str, error: rusqlite::Error) -> Self {
        let is_constraint = error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation);
        Self { is_constraint, ..Self::new(sql, Box::new(error)) }
    }

    /// Whether a constraint of a table is violated, such as a key that exists already.
    #[must_use]
    pub fn is_constraint_violation(&self) -> bool {
        self.is_constraint
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot run `{}`", self.sql)
    }
}

impl StdError for SqlError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}

/// The statement on one line, of a length that a log can bear.
fn shortened(sql: &str) -> String {
    let mut line = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((cut, _)) = line.char_indices().nth(200) {
        line.truncate(cut);
        line.push('…');
    }
    line
}
