//! Batches as transactions, and what happens when one operation spoils it.

use std::any::Any;
use std::borrow::Borrow;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rusqlite::{Connection, Statement};

use minions_core::store::{Applied, Op, StoreError};

use crate::apply::{self, Failed, Statements};
use crate::open::BUSY_FOR;
use crate::owner::{EPOCH, Owner};
use crate::{migration, panics};

/// How many pages the log has at most, more or less, once the disk has been full.
const SHORT_LOG: i64 = 64;

/// The writer's connection with everything prepared.
#[derive(Debug)]
pub(crate) struct Session<'c> {
    connection: &'c Connection,
    owner: Owner,
    begin: Statement<'c>,
    epoch: Statement<'c>,
    commit: Statement<'c>,
    statements: Statements<'c>,
    /// Whether the disk was full when something was written last.
    starves: bool,
}

pub(crate) type Results = Vec<Result<Applied, StoreError>>;

impl<'c> Session<'c> {
    pub(crate) fn new(connection: &'c Connection, owner: Owner) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            owner,
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            epoch: connection.prepare(EPOCH)?,
            commit: connection.prepare("COMMIT")?,
            statements: Statements::prepare(connection)?,
            starves: false,
        })
    }

    /// Makes `batch` durable: one result per operation, in order.
    pub(crate) fn commit(&mut self, batch: &[impl Borrow<Op>]) -> Results {
        let results = self.with_space(|session| session.apply_all(batch));
        results.unwrap_or_else(|error| vec![Err(error); batch.len()])
    }

    /// Runs `write`, and once more if the disk was full and the log can be given back to it.
    ///
    /// What is free then belongs to the file first: a log that grows takes the space without which it cannot be moved into
    /// the file, and then nothing can be written any more, however much of it is no longer needed.
    fn with_space<T>(&mut self, mut write: impl FnMut(&mut Self) -> Result<T, StoreError>) -> Result<T, StoreError> {
        if self.starves {
            self.give_back()?;
        }
        match write(self) {
            Err(error) if is_full(&error) => {
                self.starves = true;
                self.give_back()?;
                write(self).inspect_err(|error| self.starves = is_full(error))
            }
            result => result,
        }
    }

    /// Moves the log into the file, and gives its space back if nobody reads it.
    fn give_back(&mut self) -> Result<(), StoreError> {
        let connection = self.connection;
        let give_back = || {
            // Every time it is full from now on, the log is kept short, so that it is never what fills the disk.
            connection.pragma_update(None, "wal_autocheckpoint", SHORT_LOG)?;
            connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
            connection.busy_timeout(Duration::ZERO)?;
            let truncated = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            connection.busy_timeout(BUSY_FOR)?;
            truncated
        };
        give_back().map_err(|error| Failed::unavailable(error).into_error())?;
        self.starves = false;
        Ok(())
    }

    /// Applies `batch` in one transaction.
    ///
    /// A savepoint costs two more statements for each operation, so only those that run work of users have one, until
    /// an operation has turned out to be poisonous.
    fn apply_all(&mut self, batch: &[impl Borrow<Op>]) -> Result<Results, StoreError> {
        let mut isolated = false;
        // Operations that have rolled back a transaction. Every round finds another one, so there is an end to them.
        let mut undone = HashMap::new();
        loop {
            let mut at = 0;
            let results = self.transaction(|session| {
                let apply = |(index, op)| {
                    at = index;
                    match undone.get(&index) {
                        Some(error) => Ok(Err(StoreError::clone(error))),
                        None if isolated || hands_over_work(op) => session.isolated(op),
                        None => session.plain(op),
                    }
                };
                batch.iter().map(Borrow::borrow).enumerate().map(apply).collect()
            });
            match results {
                Ok(results) => return Ok(results),
                Err(Failed::Poisonous(_)) if !isolated => isolated = true,
                Err(Failed::Undone(error)) => drop(undone.insert(at, error)),
                Err(failed) => return Err(failed.into_error()),
            }
        }
    }

    /// Applies `op`; fails when the whole transaction has to be rolled back for it.
    fn plain(&mut self, op: &Op) -> Result<Result<Applied, StoreError>, Failed> {
        match self.statements.apply(op) {
            Ok(applied) => Ok(Ok(applied)),
            Err(Failed::Refused(error)) => Ok(Err(error)),
            Err(failed) => Err(failed),
        }
    }

    /// Applies `op` under its own savepoint, so that nothing of it remains if it is rejected, nor of what users have
    /// written in it.
    fn isolated(&mut self, op: &Op) -> Result<Result<Applied, StoreError>, Failed> {
        self.statements.rest();
        self.run("SAVEPOINT operation")?;
        let applied = self.statements.apply(op);
        self.statements.rest();
        match applied {
            Ok(applied) => {
                self.run("RELEASE operation")?;
                Ok(Ok(applied))
            }
            Err(Failed::Refused(error) | Failed::Poisonous(error)) => {
                self.run("ROLLBACK TO operation")?;
                self.run("RELEASE operation")?;
                self.statements.rolled_back();
                Ok(Err(error))
            }
            Err(failed) => Err(failed),
        }
    }

    #[cfg(test)]
    pub(crate) fn bound(&mut self, bound: std::time::Duration) {
        self.statements.bound(bound);
    }

    fn run(&self, sql: &str) -> Result<(), Failed> {
        let run = self.statements.rare(sql).and_then(|mut statement| statement.execute([]));
        run.map(drop).map_err(Failed::unavailable)
    }

    /// Says that the owner has ended in order, and forgets what only matters when it has not.
    pub(crate) fn end(&mut self) -> Result<(), StoreError> {
        self.transaction(|session| Owner::end(session.connection).map_err(Failed::unavailable))
            .map_err(Failed::into_error)
    }

    /// Gives the file up as one who only had a look.
    pub(crate) fn leave(&mut self) -> Result<(), StoreError> {
        self.transaction(|session| session.owner.leave(session.connection).map_err(Failed::unavailable))
            .map_err(Failed::into_error)
    }

    /// Brings the tables of users that are called `name` to their present version.
    pub(crate) fn migrate(&mut self, name: &str, steps: &[String]) -> Result<(), StoreError> {
        let migrate =
            |session: &mut Self| migration::migrate(session.connection, session.statements.guard(), name, steps);
        self.transaction(migrate).map_err(Failed::into_error)
    }

    /// Whether the file is still that of this owner; says so also when nothing can be written.
    pub(crate) fn check_owner(&mut self) -> Result<(), StoreError> {
        let checked = self.owner.check(&mut self.epoch);
        checked.unwrap_or_else(|error| Err(Failed::unavailable(error).into_error()))
    }

    /// Runs `work` in a transaction of the owner, which is rolled back unless everything succeeds.
    fn transaction<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, Failed>) -> Result<T, Failed> {
        self.begin.execute([]).map_err(Failed::unavailable)?;
        // Nobody else can become the owner until the transaction has ended.
        let owned = self.check_owner().map_err(Failed::Unavailable);
        // Unwind safe: whatever `work` has left half done is rolled back or forgotten below.
        let work = |()| catch_unwind(AssertUnwindSafe(|| work(self))).unwrap_or_else(|panic| Err(panicked(&*panic)));
        let result = owned.and_then(work);
        self.statements.rest();
        let result = result.and_then(|value| match self.commit.execute([]) {
            Ok(_) => Ok(value),
            Err(error) => Err(Failed::unavailable(error)),
        });
        if result.is_err() {
            self.roll_back();
        }
        result
    }

    fn roll_back(&mut self) {
        self.statements.rolled_back();
        // SQLite has rolled back by itself after some errors, such as a full disk.
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            // The next transaction cannot begin, so its waiters get an error, too: nothing is taken for durable.
            tracing::error!(%error, "a transaction of the state database cannot be rolled back");
        }
    }
}

fn is_full(error: &StoreError) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<rusqlite::Error>());
    source.is_some_and(apply::is_full)
}

fn hands_over_work(op: &Op) -> bool {
    match op {
        Op::Advance(op) => !op.work.is_empty(),
        Op::Resolve(op) => !op.work.is_empty(),
        _ => false,
    }
}

fn panicked(panic: &(dyn Any + Send)) -> Failed {
    let text = panics::text(panic);
    tracing::error!(panic = text, "the writer of the state database panicked, the batch is rolled back");
    Failed::Unavailable(StoreError::unavailable(format!("the writer of the state database panicked: {text}")))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::Path;

    use minions_core::testing::ops::{admit, admit_event, new_workflow, resolve};
    use minions_core::workflow::{WorkflowId, WorkflowIds};

    use super::*;
    use crate::{owner, schema};

    pub(crate) fn database() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection, Path::new("state.db")).unwrap();
        connection
    }

    /// A session of another owner, who takes the file over.
    pub(crate) fn session_of(connection: &Connection) -> Session<'_> {
        Session::new(connection, owner::begin(connection).unwrap()).unwrap()
    }

    pub(crate) fn count(connection: &Connection, table: &str) -> i64 {
        connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    }

    pub(crate) fn ids(count: usize) -> Vec<WorkflowId> {
        let ids = WorkflowIds::after(None);
        (0..count).map(|_| ids.next()).collect()
    }

    pub(crate) fn admit_one(id: WorkflowId) -> Op {
        admit(vec![new_workflow(id)])
    }

    /// Lets the database refuse to store these workflows.
    pub(crate) fn poison(connection: &Connection, ids: &[WorkflowId]) {
        let keys: Vec<_> = ids.iter().map(|id| id.key().to_string()).collect();
        let trigger = "CREATE TEMP TRIGGER poison BEFORE INSERT ON workflow WHEN NEW.key IN";
        let keys = keys.join(", ");
        connection.execute_batch(&format!("{trigger} ({keys}) BEGIN SELECT RAISE(ABORT, 'poison'); END")).unwrap();
    }

    fn admit_long(id: WorkflowId) -> Op {
        admit_event(vec![b'x'; 1 << 20], vec![new_workflow(id)])
    }

    #[test]
    fn an_operation_that_the_database_refuses_fails_alone() {
        let connection = database();
        let ids = ids(100);
        poison(&connection, &ids[42..43]);
        let mut session = session_of(&connection);
        let results = session.commit(&ids.iter().map(|&id| admit_one(id)).collect::<Vec<_>>());
        for (at, result) in results.iter().enumerate() {
            assert_eq!(result.as_ref().is_err_and(StoreError::is_rejected), at == 42, "{at}: {result:?}");
        }
        assert_eq!(count(&connection, "workflow"), 99);
        // The name of the orchestration was first stored by a transaction that was rolled back.
        assert_eq!(count(&connection, "orchestration"), 1);
        assert!(session.commit(&[admit_one(ids[0])])[0].is_ok());
    }

    #[test]
    fn a_name_from_a_savepoint_that_was_rolled_back_is_stored_again() {
        let connection = database();
        let ids = ids(3);
        poison(&connection, &ids[..2]);
        let mut session = session_of(&connection);
        let results = session.commit(&ids.iter().map(|&id| admit_one(id)).collect::<Vec<_>>());
        assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [false, false, true]);
        let dangling = "workflow WHERE orchestration NOT IN (SELECT id FROM orchestration)";
        assert_eq!((count(&connection, "workflow"), count(&connection, dangling)), (1, 0));
    }

    #[test]
    fn a_full_disk_fails_the_batch_and_nothing_else() {
        let connection = database();
        let ids = ids(3);
        let mut session = session_of(&connection);
        assert!(session.commit(&[admit_one(ids[0])])[0].is_ok());
        let pages: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        let limit = |pages: i64| connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()));
        limit(pages + 2).unwrap();
        let batch = [admit_one(ids[1]), admit_long(ids[2])];
        for result in session.commit(&batch) {
            let error = result.unwrap_err();
            assert!(!error.is_rejected() && error.to_string().contains("full"), "{error}");
        }
        assert_eq!(count(&connection, "workflow"), 1);
        limit(i64::from(i32::MAX)).unwrap();
        assert!(session.commit(&batch).iter().all(Result::is_ok));
        assert_eq!(count(&connection, "workflow"), 3);
    }

    #[test]
    fn a_panic_rolls_back_and_the_next_batch_works() {
        let connection = database();
        let ids = ids(2);
        let mut session = session_of(&connection);
        let failed = session.transaction::<()>(|session| {
            session.plain(&admit_one(ids[0]))?.unwrap();
            panic!("out of bananas");
        });
        let error = failed.unwrap_err().into_error();
        assert!(!error.is_rejected() && error.to_string().contains("out of bananas"), "{error}");
        assert_eq!((count(&connection, "workflow"), count(&connection, "orchestration")), (0, 0));
        assert!(session.commit(&[admit_one(ids[1])])[0].is_ok());
    }

    #[test]
    fn a_busy_database_fails_the_batch_as_unavailable() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        let mut connection = Connection::open(&path).unwrap();
        schema::migrate(&mut connection, &path).unwrap();
        connection.busy_timeout(std::time::Duration::ZERO).unwrap();
        let mut session = session_of(&connection);
        let other = Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let id = ids(1)[0];
        let error = session.commit(&[admit_one(id)]).remove(0).unwrap_err();
        assert!(!error.is_rejected() && error.to_string().contains("another program"), "{error}");
        other.execute_batch("ROLLBACK").unwrap();
        assert!(session.commit(&[admit_one(id)])[0].is_ok());
    }

    #[test]
    fn a_large_event_is_written_once_and_goes_with_its_workflow() {
        let connection = database();
        let ids = ids(2);
        let mut session = session_of(&connection);
        let batch: Vec<_> = ids.iter().map(|&id| admit_long(id)).collect();
        assert!(session.commit(&batch).iter().all(Result::is_ok));
        assert_eq!(count(&connection, "large_event"), 2);
        assert!(session.commit(&[resolve(ids[0], 1)])[0].is_ok());
        assert_eq!(count(&connection, "large_event"), 1);
        // Another session has to find out that there are any.
        let mut session = session_of(&connection);
        assert!(session.commit(&[resolve(ids[1], 1)])[0].is_ok());
        assert_eq!(count(&connection, "large_event"), 0);
    }

    #[test]
    fn a_shell_sees_json_as_json() {
        let connection = database();
        let mut session = session_of(&connection);
        assert!(session.commit(&[admit_one(ids(1)[0])])[0].is_ok());
        let row =
            "SELECT json_type(context, '$.digest'), event ->> 'url', typeof(context), length(id) FROM minions_workflow";
        let row: (String, String, String, i64) =
            connection.query_row(row, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).unwrap();
        assert_eq!(row, ("null".to_owned(), "https://example.org/".to_owned(), "text".to_owned(), 32));
    }
}
