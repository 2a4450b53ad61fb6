//! The socket in the state directory: whose it is, who may reach it, and how long it may be called.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// What it is called in the state directory.
const NAME: &str = "control.sock";

/// Where it is made before it gets that name.
const WORKSHOP: &str = "control.new";

/// The longest path of a socket that every system takes, in bytes.
const LONGEST_PATH: usize = 103;

/// A socket that listens; it is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Socket {
    dir: Dir,
    /// Who may talk to it: the user that owns it.
    pub(super) owner: u32,
}

/// Another program listens at the socket of this state directory, or why there cannot be a socket.
#[derive(Debug)]
pub(super) enum Unbound {
    Taken,
    Failed(io::Error),
}

impl Socket {
    /// Listens in the state directory `dir`; what a dead process has left behind is replaced.
    ///
    /// Whoever holds the lock on the directory itself owns the socket. It is not the store's lock, because a program may
    /// have no store, and because the store is closed before the socket is.
    pub(super) fn bind(dir: &Path) -> Result<(Self, UnixListener), Unbound> {
        let dir = Dir::open(dir)?;
        dir.handle.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => Unbound::Taken,
            fs::TryLockError::Error(error) => Unbound::Failed(error),
        })?;
        let socket = dir.path.join(NAME);
        let workshop = dir.path.join(WORKSHOP);
        clear(&workshop)?;
        // A socket is born with the mode that the umask leaves. Made in a directory that is the owner's alone and moved
        // out when it has its own mode, it can at no moment be reached by anybody else.
        DirBuilder::new().mode(0o700).create(&workshop)?;
        let made = dir.address(&workshop.join(NAME)).and_then(|(_open, address)| UnixListener::bind(address));
        let made = made.and_then(|listener| {
            let made = workshop.join(NAME);
            fs::set_permissions(&made, Permissions::from_mode(0o600))?;
            let owner = fs::symlink_metadata(&made)?.uid();
            // Nobody ever sees the directory without a socket in between.
            fs::rename(&made, &socket)?;
            Ok((owner, listener))
        });
        let cleared = clear(&workshop);
        let (owner, listener) = made?;
        cleared?;
        Ok((Self { dir, owner }, listener))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // While the lock is held, so that it is certainly not the socket of the next process.
        let _ = fs::remove_file(self.dir.path.join(NAME));
        // A child of the program that was being started just now has a copy of the handle, and the lock with it.
        let _ = self.dir.handle.unlock();
    }
}

/// Calls the program whose state is in `dir`.
pub(super) fn connect(dir: &Path) -> io::Result<UnixStream> {
    let dir = Dir::open(dir)?;
    let (_open, address) = dir.address(&dir.path.join(NAME))?;
    UnixStream::connect(address)
}

impl From<io::Error> for Unbound {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

/// The state directory, held open.
#[derive(Debug)]
struct Dir {
    path: PathBuf,
    handle: File,
}

impl Dir {
    fn open(path: &Path) -> io::Result<Self> {
        // The program may change its current directory.
        let path = std::path::absolute(path)?;
        let handle = File::open(&path)?;
        Ok(Self { path, handle })
    }

    /// A name of the socket at `path` that fits into an address, and what has to stay open meanwhile.
    fn address(&self, path: &Path) -> io::Result<(Option<File>, PathBuf)> {
        if path.as_os_str().len() <= LONGEST_PATH {
            return Ok((None, path.to_owned()));
        }
        let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(too_long(path.as_os_str()));
        };
        // Linux has a short name for everything that is open.
        if !cfg!(target_os = "linux") {
            return Err(too_long(path.as_os_str()));
        }
        let dir = File::open(dir)?;
        let short = Path::new("/proc/self/fd").join(dir.as_raw_fd().to_string()).join(name);
        Ok((Some(dir), short))
    }
}

fn too_long(path: &OsStr) -> io::Error {
    let length = path.as_bytes().len();
    io::Error::new(
        io::ErrorKind::InvalidFilename,
        format!("its path has {length} bytes, of at most {LONGEST_PATH}; choose a shorter one with --state"),
    )
}

/// Removes the workshop of a process that was killed in it.
fn clear(workshop: &Path) -> io::Result<()> {
    let gone = |result: io::Result<()>| match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    };
    gone(fs::remove_file(workshop.join(NAME)))?;
    gone(fs::remove_dir(workshop))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn talk(dir: &Path, listener: &UnixListener) {
        let mut caller = connect(dir).unwrap();
        let (mut called, _) = listener.accept().unwrap();
        caller.write_all(b"x").unwrap();
        let mut heard = [0];
        called.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"x");
    }

    #[test]
    fn it_is_the_owners_alone_and_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (socket, listener) = Socket::bind(dir.path()).unwrap();
        let metadata = fs::symlink_metadata(dir.path().join(NAME)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        assert_eq!(socket.owner, metadata.uid());
        talk(dir.path(), &listener);
        assert_eq!(names(dir.path()), [NAME]);
        drop((socket, listener));
        assert!(names(dir.path()).is_empty());
    }

    #[test]
    fn the_socket_of_the_dead_is_replaced_and_that_of_the_living_is_not() {
        let dir = tempfile::tempdir().unwrap();
        // As a killed process leaves them: a socket that nobody listens at, and a half-made one.
        drop(UnixListener::bind(dir.path().join(NAME)).unwrap());
        fs::create_dir(dir.path().join(WORKSHOP)).unwrap();
        drop(UnixListener::bind(dir.path().join(WORKSHOP).join(NAME)).unwrap());
        assert_eq!(connect(dir.path()).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        let (socket, listener) = Socket::bind(dir.path()).unwrap();
        talk(dir.path(), &listener);
        assert!(matches!(Socket::bind(dir.path()), Err(Unbound::Taken)));
        talk(dir.path(), &listener);
        drop(socket);
        assert!(names(dir.path()).is_empty());
        assert!(Socket::bind(dir.path()).is_ok());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_long_path_is_called_by_a_short_name() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("long".repeat(40));
        fs::create_dir(&dir).unwrap();
        let (socket, listener) = Socket::bind(&dir).unwrap();
        talk(&dir, &listener);
        assert_eq!(names(&dir), [NAME]);
        drop(socket);
        assert!(names(&dir).is_empty());
    }

    #[test]
    fn what_is_in_the_way_is_an_error_and_stays() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(NAME)).unwrap();
        assert!(matches!(Socket::bind(dir.path()), Err(Unbound::Failed(_))));
        assert_eq!(names(dir.path()), [NAME]);
        assert_eq!(connect(place_without(dir.path())).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    fn place_without(dir: &Path) -> &Path {
        fs::remove_dir(dir.join(NAME)).unwrap();
        dir
    }
}
