//! What a step writes to hand work over.

use std::fmt;
use std::sync::Arc;

use minions_core::Result;
use minions_core::store::Work;
use minions_core::workflow::Workflow;

use super::SqliteTx;

/// The kind of store that can do it.
pub(crate) const KIND: &str = "sqlite";

type Do = dyn Fn(&SqliteTx<'_>) -> Result<()> + Send + Sync;

/// Work of a step for the writer's thread.
pub(crate) struct Effect {
    pub(super) work: Box<Do>,
}

impl fmt::Debug for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Effect").finish_non_exhaustive()
    }
}

/// Effects in the store's own database, exactly once: lets a step hand over work that commits with its checkpoint.
pub trait WithCheckpoint {
    /// Runs `work` in the transaction that makes the checkpoint after this step durable.
    ///
    /// What it writes and the checkpoint are there together or not at all, whatever kills the process. If the step
    /// fails, the work is forgotten. If the work fails or panics, it is undone, the checkpoint with it, and its error is
    /// the step's error; whatever else commits at the same time is not touched.
    ///
    /// It runs on the thread that writes the file, and every checkpoint of the program waits for it: make it short,
    /// prepare in the step what it needs, and use no network. It is synchronous for that reason. A warning is logged when it takes
    /// longer than 50 ms, and after a second it is interrupted, which fails it. It is an `Fn`, because it runs again if
    /// its transaction has to be repeated; of these runs one at most is committed.
    ///
    /// It needs the SQLite store: a step that hands work over to another one is rejected, which quarantines its workflow.
    ///
    /// ```
    /// # use minions_core::Result;
    /// use minions_core::workflow::Workflow;
    /// use minions_sqlite::WithCheckpoint as _;
    ///
    /// async fn record(url: &str, wf: &Workflow) -> Result<()> {
    ///     let url = url.to_owned();
    ///     wf.with_checkpoint(move |tx| {
    ///         tx.execute("INSERT INTO visit (url) VALUES (?1)", [&url])?;
    ///         Ok(())
    ///     });
    ///     Ok(())
    /// }
    /// # let _ = record("https://example.org/", &Workflow::detached());
    /// ```
    fn with_checkpoint(&self, work: impl Fn(&SqliteTx<'_>) -> Result<()> + Send + Sync + 'static);
}

impl WithCheckpoint for Workflow {
    fn with_checkpoint(&self, work: impl Fn(&SqliteTx<'_>) -> Result<()> + Send + Sync + 'static) {
        self.join_checkpoint(self::work(format!("{}.{}", self.minion(), self.step()), work));
    }
}

/// Makes `work` into what an operation of the store carries, for whoever makes operations by hand; messages call it
/// `label`.
///
/// [`WithCheckpoint`] says what becomes of it, and is what a step uses.
pub fn work(label: impl Into<Arc<str>>, work: impl Fn(&SqliteTx<'_>) -> Result<()> + Send + Sync + 'static) -> Work {
    Work::new(KIND, label, Arc::new(Effect { work: Box::new(work) }))
}
