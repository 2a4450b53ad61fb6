//! From a path to a connection that owns its file.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use minions_core::store::StoreError;

use crate::lock::{OwnerLock, Place};
use crate::owner::Owner;
use crate::{Durability, schema};

/// How long to wait for another program that writes to the file, such as a shell.
pub(crate) const BUSY_FOR: Duration = Duration::from_secs(5);

/// An opened database: the connection that writes, and the right to it.
#[derive(Debug)]
pub(crate) struct Database {
    /// Declared before the lock, because it must be closed before the lock is given up.
    pub(crate) connection: Connection,
    pub(crate) owner: Owner,
    pub(crate) place: Place,
    pub(crate) lock: OwnerLock,
}

/// Opens the database at `path`, which is created with its directory if it is missing.
///
/// A file that cannot be ours is left alone. It is looked at before it is locked, so that no lock appears beside it;
/// and once there may be another owner in this process, only SQLite may open it, because closing any other handle
/// would take that owner's file locks away.
pub(crate) fn open(path: &Path, durability: Durability) -> Result<Database, StoreError> {
    let existing = match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => {
            return Err(StoreError::unavailable(format!(
                "the state `{}` is a directory; name a file, for example `{}`",
                path.display(),
                path.join("state.db").display()
            )));
        }
        Ok(_) => Some(connect(path)?),
        Err(_) => None,
    };
    if existing.is_none() {
        create_directory(path)?;
    }
    let lock = OwnerLock::take(path)?;
    let mut connection = match existing {
        Some(connection) => connection,
        None => {
            create_file(path)?;
            connect(path)?
        }
    };
    configure(&connection, durability).map_err(|error| schema::cannot("prepare", path, error))?;
    let owner = schema::migrate(&mut connection, path)?;
    let place = Place::of(path).map_err(|error| {
        StoreError::unavailable(format!("cannot look at the state `{}`", path.display())).with_source(error)
    })?;
    Ok(Database { connection, owner, place, lock })
}

fn create_directory(path: &Path) -> Result<(), StoreError> {
    let Some(directory) = path.parent() else { return Ok(()) };
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory).map_err(|error| {
        let directory = directory.display();
        StoreError::unavailable(format!("cannot create the state directory `{directory}`")).with_source(error)
    })
}

/// Creates an empty file that only its owner may read; SQLite gives the files it adds the same mode.
fn create_file(path: &Path) -> Result<(), StoreError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(StoreError::unavailable(format!("cannot create the state `{}`", path.display())).with_source(error))
        }
        _ => Ok(()),
    }
}

/// Connects to a file that exists, and makes sure that it is ours and can be written.
fn connect(path: &Path) -> Result<Connection, StoreError> {
    let cannot = |error| schema::cannot("open", path, error);
    // No `SQLITE_OPEN_URI`: a path is a path, whatever it looks like.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(cannot)?;
    connection.busy_timeout(BUSY_FOR).map_err(cannot)?;
    // If we leave again, then without moving what a killed owner has left in the log; an empty log may go.
    let log = fs::metadata(with_suffix(path, "-wal")).is_ok_and(|log| log.len() > 0);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, log).map_err(cannot)?;
    schema::check(&connection, path)?;
    // SQLite falls back to reading without a word.
    if connection.is_readonly("main").map_err(cannot)? {
        return Err(StoreError::unavailable(format!(
            "the state `{}` is read-only; make it writable for this user, or use another state directory",
            path.display()
        )));
    }
    Ok(connection)
}

/// The path of a file that lies beside `path` and is named after it.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn configure(connection: &Connection, durability: Durability) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    // Answered as an error where the file system cannot do it (no shared memory), never ignored.
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| match row.get_ref(0)?.as_str()? {
        "wal" => Ok(()),
        other => Err(rusqlite::Error::InvalidParameterName(format!("journal mode stays `{other}`, but must be `wal`"))),
    })?;
    connection.pragma_update(None, "synchronous", durability.synchronous())?;
    // After a burst the log shrinks back to this.
    connection.pragma_update_and_check(None, "journal_size_limit", 64 << 20, |_| Ok(()))
}
