//! How values are stored in columns.

use std::str;

use rusqlite::types::{ToSqlOutput, ValueRef};

use minions_core::store::{Outcome, Status, StepFailure};

/// Encoded bytes, as text where they are text, so that a shell shows them and SQLite's JSON functions take them.
///
/// Either way the same bytes come back.
pub(crate) fn encoded(bytes: &[u8]) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(match str::from_utf8(bytes) {
        Ok(_) => ValueRef::Text(bytes),
        Err(_) => ValueRef::Blob(bytes),
    })
}

pub(crate) const RUNNING: i64 = 0;
pub(crate) const QUARANTINED: i64 = 1;
pub(crate) const WAITING: i64 = 2;

/// The column `status` for `status`; none if this version of the store has no value for it.
pub(crate) fn status_code(status: Status) -> Option<i64> {
    match status {
        Status::Running => Some(RUNNING),
        Status::Quarantined => Some(QUARANTINED),
        Status::Waiting => Some(WAITING),
        _ => None,
    }
}

/// What the column `status` means. Nobody knows what an unknown value asks for, so such a row must not run by itself.
pub(crate) fn status(code: i64) -> Status {
    match code {
        RUNNING => Status::Running,
        WAITING => Status::Waiting,
        _ => Status::Quarantined,
    }
}

/// What the column `outcome` means; a word that nobody knows is not taken for a success.
pub(crate) fn outcome(word: &str) -> Outcome {
    let known = [Outcome::Succeeded, Outcome::Aborted];
    known.into_iter().find(|outcome| outcome.as_str() == word).unwrap_or(Outcome::Failed)
}

/// The column `failures` for `failures`.
pub(crate) fn failures_text(failures: &[StepFailure]) -> serde_json::Result<String> {
    serde_json::to_string(failures)
}

/// What the column `failures` holds. A text that is damaged harms nobody but itself: it becomes the only failure.
pub(crate) fn failures(text: Option<&str>) -> Vec<StepFailure> {
    let Some(text) = text else { return Vec::new() };
    serde_json::from_str(text).unwrap_or_else(|error| {
        let error = vec![format!("the stored failures cannot be read: {error}"), text.to_owned()];
        vec![StepFailure::new("", 0, 0, error)]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_failures_are_shown_instead_of_lost() {
        let failures = failures(Some("[{\"step\":"));
        assert_eq!(failures.len(), 1);
        assert_eq!(failures[0].error[1], "[{\"step\":");
        assert!(super::failures(None).is_empty());
    }

    #[test]
    fn an_unknown_status_does_not_run() {
        assert_eq!(status(77), Status::Quarantined);
        for known in [Status::Running, Status::Quarantined, Status::Waiting] {
            assert_eq!(status_code(known).map(status), Some(known));
        }
    }
}
