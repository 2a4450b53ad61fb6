//! The owner lock: one process at a time, and nobody waits for the dead.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::process;

use minions_core::store::StoreError;

use crate::open::with_suffix;

const SUFFIX: &str = ".lock";

/// The exclusive right to a database, for as long as the value lives.
///
/// It is a lock of the operating system on a file beside the database, so it ends with the process however that ends.
/// The file stays: removing it would let two processes lock two files of the same name. Its content is the owner's
/// process id, and nothing when there is no owner.
#[derive(Debug)]
pub(crate) struct OwnerLock {
    file: File,
}

impl OwnerLock {
    /// Takes the lock of the database at `path`.
    pub(crate) fn take(path: &Path) -> Result<Self, StoreError> {
        let beside = with_suffix(path, SUFFIX);
        let cannot = |what: &str, error: io::Error| {
            let beside = beside.display();
            let what = match error.kind() {
                io::ErrorKind::StorageFull => format!("the disk of the lock `{beside}` is full; free some space"),
                _ => format!("cannot {what} the lock `{beside}`"),
            };
            StoreError::unavailable(what).with_source(error)
        };
        let mut file = open(&beside).map_err(|error| cannot("create", error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(owned(path, &mut file)),
            Err(TryLockError::Error(error)) => return Err(cannot("take", error)),
        }
        if let Some(pid) = read_pid(&mut file) {
            tracing::info!(path = %path.display(), pid, "process {pid} has ended without closing its state, taking over");
        }
        write_pid(&mut file).map_err(|error| cannot("write", error))?;
        Ok(Self { file })
    }
}

/// Whether the files at the paths of a database and its lock are still those that were opened.
///
/// Looked at before every batch: what goes into a file that was removed is gone with the process, however durable the
/// commit, and a lock that was removed no longer keeps a second process out. Where the system does not tell one file
/// from another it is not possible to remove an open one either.
#[derive(Debug)]
pub(crate) struct Place {
    #[cfg(unix)]
    files: [(std::path::PathBuf, (u64, u64)); 2],
}

impl Place {
    /// Remembers the files of the database at `path`, which is open and locked.
    #[cfg(unix)]
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let file = |path: std::path::PathBuf| identity(&path).map(|identity| (path, identity));
        Ok(Self { files: [file(path.to_owned())?, file(with_suffix(path, SUFFIX))?] })
    }

    #[cfg(not(unix))]
    pub(crate) fn of(_: &Path) -> io::Result<Self> {
        Ok(Self {})
    }

    /// Says which file is gone.
    #[cfg(unix)]
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        for (path, known) in &self.files {
            if identity(path).ok() != Some(*known) {
                return Err(StoreError::unavailable(format!(
                    "`{}` was removed or replaced while it was in use; put it back, or stop this process and start it \
                     again",
                    path.display()
                )));
            }
        }
        Ok(())
    }

    #[cfg(not(unix))]
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;

    std::fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()))
}

impl Drop for OwnerLock {
    fn drop(&mut self) {
        // Only a courtesy to whoever reads the file.
        let _ = self.file.set_len(0);
        // Closing the file would do, were it not for a child process that is just being started: until it runs its own
        // program it has a copy of the handle, and the lock with it.
        let _ = self.file.unlock();
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn owned(path: &Path, file: &mut File) -> StoreError {
    let path = path.display();
    StoreError::owned(match read_pid(file) {
        Some(pid) if pid == process::id() => {
            format!("the state `{path}` is in use by this process (pid {pid}) already; close the other store first")
        }
        Some(pid) => format!("the state `{path}` is in use by process {pid}; stop it, or use another state directory"),
        // The owner is just about to write it.
        None => format!("the state `{path}` is in use by another process; stop it, or use another state directory"),
    })
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_pid(file: &mut File) -> io::Result<()> {
    use std::io::Seek as _;

    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", process::id())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_lock_is_exclusive_until_it_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        let lock = OwnerLock::take(&path).unwrap();
        let error = OwnerLock::take(&path).unwrap_err();
        assert!(error.is_owned());
        let (text, pid) = (error.to_string(), process::id().to_string());
        assert!(text.contains(&pid) && text.contains("state.db"), "{text}");
        assert_eq!(fs::read_to_string(with_suffix(&path, SUFFIX)).unwrap().trim(), pid);
        drop(lock);
        assert_eq!(fs::read_to_string(with_suffix(&path, SUFFIX)).unwrap(), "");
        OwnerLock::take(&path).unwrap();
    }

    #[test]
    fn a_longer_pid_from_before_leaves_no_digits() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.db");
        fs::write(with_suffix(&path, SUFFIX), "4294967295 and more\n").unwrap();
        let _lock = OwnerLock::take(&path).unwrap();
        assert_eq!(fs::read_to_string(with_suffix(&path, SUFFIX)).unwrap(), format!("{}\n", process::id()));
    }
}
