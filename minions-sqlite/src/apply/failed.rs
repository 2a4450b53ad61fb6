//! Why an operation was not applied.

use rusqlite::ErrorCode;

use minions_core::store::StoreError;
use minions_core::workflow::WorkflowId;

/// Why an operation was not applied, and what that means for the transaction.
#[derive(Debug)]
pub(crate) enum Failed {
    /// It cannot be applied, and has changed nothing.
    Refused(StoreError),
    /// It cannot be applied, and may have been half done.
    Poisonous(StoreError),
    /// It cannot be applied, and the whole transaction is rolled back already.
    Undone(StoreError),
    /// The database does not work, for this operation and for any other.
    Unavailable(StoreError),
}

/// Whether there is no space left, be it for the file or for what lies beside it.
pub(crate) fn is_full(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error();
    code.is_some_and(|error| {
        error.code == ErrorCode::DiskFull || error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE
    })
}

impl Failed {
    pub(crate) fn refused(what: String) -> Self {
        Self::Refused(StoreError::rejected(what))
    }

    /// Tells an error of this operation from one of the database.
    pub(crate) fn of(error: rusqlite::Error, id: WorkflowId) -> Self {
        Self::naming(error, || format!("the database refuses workflow {id}"))
    }

    /// The same for an operation on something else; `what` says on what.
    pub(crate) fn naming(error: rusqlite::Error, what: impl FnOnce() -> String) -> Self {
        match error.sqlite_error_code() {
            Some(
                ErrorCode::ConstraintViolation
                | ErrorCode::TypeMismatch
                | ErrorCode::TooBig
                | ErrorCode::ParameterOutOfRange,
            ) => Self::Poisonous(StoreError::rejected(what()).with_source(error)),
            _ => Self::unavailable(error),
        }
    }

    /// The same failure of an operation that has changed something before.
    pub(crate) fn half_done(self) -> Self {
        match self {
            Self::Refused(error) => Self::Poisonous(error),
            failed => failed,
        }
    }

    pub(crate) fn into_error(self) -> StoreError {
        match self {
            Self::Refused(error) | Self::Poisonous(error) | Self::Undone(error) | Self::Unavailable(error) => error,
        }
    }

    pub(crate) fn unavailable(error: rusqlite::Error) -> Self {
        let what = match error.sqlite_error_code() {
            _ if is_full(&error) => "the disk of the state database is full; free some space",
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                "another program holds the state database; close it"
            }
            Some(ErrorCode::ReadOnly) => "the state database is read-only; make it writable for this user",
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                "the state database is damaged; restore it from a backup"
            }
            _ => "the state database cannot be written",
        };
        Self::Unavailable(StoreError::unavailable(what).with_source(error))
    }
}
