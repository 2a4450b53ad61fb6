//! Gives back to the disk what the file holds without needing it.

use std::path::Path;

use rusqlite::Connection;

/// What is free in the file is worth a copy of the rest from this many bytes on.
const WORTH: i64 = 16 << 20;

/// A copy of so many bytes takes no time that anybody would notice at a start.
const QUICK: i64 = 64 << 20;

/// Makes the file small again after a flood: where most of it is free, and what is left is copied in no time.
///
/// Otherwise the free pages stay in the file, and are the first that are written to. It is one transaction, so a process
/// that is killed meanwhile leaves the file as it was.
pub(crate) fn at_start(connection: &Connection, path: &Path) {
    match shrink(connection) {
        Ok(0) => {}
        Ok(bytes) => tracing::info!(bytes, "the state `{}` gives back what it did not need any more", path.display()),
        // It is only larger than it has to be.
        Err(error) => tracing::warn!(%error, "the state `{}` cannot be made smaller", path.display()),
    }
}

/// How many bytes were given back.
fn shrink(connection: &Connection) -> rusqlite::Result<i64> {
    let get = |what: &str| connection.query_row(&format!("PRAGMA {what}"), [], |row| row.get::<_, i64>(0));
    let page = get("page_size")?;
    let (all, free) = (get("page_count")? * page, get("freelist_count")? * page);
    if free < WORTH || free < all / 2 || all - free > QUICK {
        return Ok(0);
    }
    connection.execute_batch("VACUUM")?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(all - get("page_count")? * page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::tests::{admit_one, count, database, ids, session_of};

    fn fill(connection: &Connection, megabytes: i64) {
        connection
            .execute_batch(&format!(
                "CREATE TABLE IF NOT EXISTS ballast (x); \
                 WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < {megabytes}) \
                 INSERT INTO ballast SELECT zeroblob(1 << 20) FROM n"
            ))
            .unwrap();
    }

    #[test]
    fn what_is_mostly_free_is_given_back_and_what_is_stored_stays() {
        let connection = database();
        let ids = ids(9);
        let stored: Vec<_> = ids.iter().map(|&id| admit_one(id)).collect();
        assert!(session_of(&connection).commit(&stored).iter().all(Result::is_ok));
        fill(&connection, 40);
        assert_eq!(shrink(&connection).unwrap(), 0, "nothing is free");
        connection.execute_batch("DELETE FROM ballast").unwrap();
        assert!(shrink(&connection).unwrap() >= 40 << 20);
        assert_eq!(count(&connection, "workflow"), 9);
        assert_eq!(shrink(&connection).unwrap(), 0, "there is no more");
    }

    #[test]
    fn a_little_that_is_free_or_much_that_is_not_is_left_alone() {
        let connection = database();
        fill(&connection, 8);
        connection.execute_batch("DELETE FROM ballast").unwrap();
        assert_eq!(shrink(&connection).unwrap(), 0, "8 MiB are nothing");
        fill(&connection, 40);
        connection.execute_batch("DELETE FROM ballast WHERE rowid % 5 < 2").unwrap();
        assert_eq!(shrink(&connection).unwrap(), 0, "most of it is needed");
    }
}
