//! [`StateFile`]: the store's file, for the tables of the program itself.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sqlx::sqlite::SqlitePool;

use minions_core::component::{Assembly, Inject, Need};
use minions_core::store::StoreError;
use minions_core::{Error, Result};

use crate::reader::Reader;
use crate::writer::Writer;

/// How long the end waits for whoever still reads.
const LAST_READERS: Duration = Duration::from_secs(1);

/// The file of the SQLite store, where a program has tables of its own beside those of the runtime.
///
/// A component takes it as a field or as a parameter of `create`. A generated `main` provides it if its store is the
/// SQLite store; whoever builds a program by hand hands [`SqliteStore::state_file`](crate::SqliteStore::state_file) to
/// the builder's `provide`.
///
/// * Tables are made by [`migrate`](Self::migrate).
/// * They are written by steps, [together with their checkpoint](crate::WithCheckpoint).
/// * They are read through [`pool`](Self::pool), by whoever likes.
///
/// Names that begin with `minions_`, and the tables `workflow`, `orchestration`, `large_event` and `meta`, are the
/// runtime's.
///
/// ```
/// use minions_core::Result;
/// use minions_sqlite::StateFile;
/// use sqlx::SqlitePool;
///
/// struct Archive {
///     pool: SqlitePool,
/// }
///
/// impl Archive {
///     async fn create(file: StateFile) -> Result<Self> {
///         let steps = ["CREATE TABLE visit (url TEXT PRIMARY KEY) STRICT", "ALTER TABLE visit ADD COLUMN digest TEXT"];
///         file.migrate("archive", &steps).await?;
///         Ok(Self { pool: file.pool()? })
///     }
///
///     async fn visits(&self) -> Result<i64> {
///         Ok(sqlx::query_scalar("SELECT count(*) FROM visit").fetch_one(&self.pool).await?)
///     }
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<()> {
/// # use minions_core::store::StateStore as _;
/// # let dir = tempfile::tempdir()?;
/// # let store = minions_sqlite::SqliteStore::at(dir.path().join("state.db"));
/// # store.open().await?;
/// # let archive = Archive::create(store.state_file()).await?;
/// # assert_eq!(archive.visits().await?, 0);
/// # drop(archive);
/// # store.close().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct StateFile {
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    running: Mutex<Option<Running>>,
}

/// What there is while the store is open.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) writer: Writer,
    pub(crate) reader: Reader,
    /// Apart from the runtime's own, so that neither waits for the other.
    users: Option<SqlitePool>,
}

impl Running {
    pub(crate) fn new(writer: Writer, reader: Reader) -> Self {
        Self { writer, reader, users: None }
    }

    /// Readers first: the log can be moved into the file only when nobody reads from it.
    pub(crate) async fn close(self) -> Result<(), StoreError> {
        self.reader.close().await;
        if let Some(users) = self.users
            && tokio::time::timeout(LAST_READERS, users.close()).await.is_err()
        {
            tracing::warn!("the state is closed while the program still reads from it");
        }
        self.writer.close().await
    }
}

impl fmt::Debug for StateFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let running = self.shared.running.try_lock();
        let open = running.map(|running| running.is_some());
        f.debug_struct("StateFile").field("path", &self.shared.path).field("open", &open).finish()
    }
}

impl StateFile {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { shared: Arc::new(Shared { path, running: Mutex::default() }) }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Connections that read, opened when they are first needed; what a commit has made durable is seen by the next
    /// query. They end with the store.
    ///
    /// # Errors
    ///
    /// When the store is not open.
    pub fn pool(&self) -> Result<SqlitePool, StoreError> {
        let mut running = self.shared.running.lock();
        let running = running.as_mut().ok_or_else(|| self.not_open())?;
        Ok(running.users.get_or_insert_with(|| running.reader.pool_for_users()).clone())
    }

    /// Brings the tables of `name` to their present version, before anything uses them: runs those of `steps` that have
    /// not run yet, in order, all or none of them.
    ///
    /// A step is one or more SQL statements, which may do what those of a
    /// [`SqliteTx`](crate::SqliteTx) may. How many have run is remembered under `name`, together with their text. So
    /// append a step for every change, and never touch one that was released.
    ///
    /// # Errors
    ///
    /// When a step fails; when one that has run was changed since, or is missing, because the file comes from a newer
    /// program; when the store is not open. Nothing is changed then.
    pub async fn migrate(&self, name: &str, steps: &[&str]) -> Result<(), StoreError> {
        let steps = steps.iter().map(|&step| step.to_owned()).collect();
        let migrated = self.with(|running| running.writer.migrate(name.to_owned(), steps))?;
        migrated.await
    }

    /// Uses what there is while the store is open.
    pub(crate) fn with<T>(&self, use_it: impl FnOnce(&Running) -> T) -> Result<T, StoreError> {
        self.shared.running.lock().as_ref().map(use_it).ok_or_else(|| self.not_open())
    }

    pub(crate) fn open(&self, running: Running) {
        *self.shared.running.lock() = Some(running);
    }

    pub(crate) fn take(&self) -> Option<Running> {
        self.shared.running.lock().take()
    }

    fn not_open(&self) -> StoreError {
        StoreError::unavailable(format!("the state `{}` is not open", self.path().display()))
    }
}

impl Inject for StateFile {
    const NEED: Need = Need::provided::<Self>();

    fn inject(cx: &Assembly) -> Result<Self> {
        let given = cx.provided::<Self>().map(|file| (*file).clone());
        given.ok_or_else(|| {
            Error::from(format!("`{}` needs the file of the SQLite store, which nobody provides", cx.component()))
        })
    }
}
