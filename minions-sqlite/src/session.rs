//! Batches as transactions, and what happens when one operation spoils it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use minions_core::store::{Op, StoreError};
use rusqlite::{Connection, Statement};

use crate::apply::{Failed, Statements};

/// The writer's connection with everything prepared.
#[derive(Debug)]
pub(crate) struct Session<'c> {
    connection: &'c Connection,
    begin: Statement<'c>,
    commit: Statement<'c>,
    statements: Statements<'c>,
}

type Results = Vec<Result<(), StoreError>>;

impl<'c> Session<'c> {
    pub(crate) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
            statements: Statements::prepare(connection)?,
        })
    }

    /// Makes `batch` durable: one result per operation, in order.
    ///
    /// Savepoints cost a third of the rate, so they are used only once an operation has turned out to be poisonous.
    pub(crate) fn commit(&mut self, batch: &[Op]) -> Results {
        let mut results = self.transaction(|session| batch.iter().map(|op| session.plain(op)).collect());
        if let Err(Failed::Poisonous(_)) = results {
            results = self.transaction(|session| batch.iter().map(|op| session.isolated(op)).collect());
        }
        results.unwrap_or_else(|failed| vec![Err(failed.into_error()); batch.len()])
    }

    /// Applies `op`; fails when the whole transaction has to be rolled back for it.
    fn plain(&mut self, op: &Op) -> Result<Result<(), StoreError>, Failed> {
        match self.statements.apply(op) {
            Ok(()) => Ok(Ok(())),
            Err(Failed::Rejected(error)) => Ok(Err(error)),
            Err(failed) => Err(failed),
        }
    }

    /// Applies `op` under its own savepoint, so that nothing of it remains if it is rejected.
    ///
    /// A user's work that joins the commit belongs here, between the savepoint and the operation: it gets
    /// `self.connection`, and its error rejects the operation together with everything it has written.
    fn isolated(&mut self, op: &Op) -> Result<Result<(), StoreError>, Failed> {
        let connection = self.connection;
        let execute = |sql| connection.execute_batch(sql).map_err(Failed::unavailable);
        execute("SAVEPOINT operation")?;
        match self.statements.apply(op) {
            Ok(()) => {
                execute("RELEASE operation")?;
                Ok(Ok(()))
            }
            Err(Failed::Rejected(error) | Failed::Poisonous(error)) => {
                execute("ROLLBACK TO operation; RELEASE operation")?;
                self.statements.rolled_back();
                Ok(Err(error))
            }
            Err(failed @ Failed::Unavailable(_)) => Err(failed),
        }
    }

    /// Runs `work` in a transaction, which is rolled back unless everything succeeds.
    fn transaction<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, Failed>) -> Result<T, Failed> {
        self.begin.execute([]).map_err(Failed::unavailable)?;
        // Unwind safe: whatever `work` has left half done is rolled back or forgotten below.
        let result = catch_unwind(AssertUnwindSafe(|| work(self))).unwrap_or_else(|panic| Err(panicked(&*panic)));
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

fn panicked(panic: &(dyn Any + Send)) -> Failed {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("no message");
    tracing::error!(panic = text, "the writer of the state database panicked, the batch is rolled back");
    Failed::Unavailable(StoreError::unavailable(format!("the writer of the state database panicked: {text}")))
}
