//! Which paths belong to the watched tree.
//!
//! Regular files below the root; not hidden ones, not those that a `.gitignore` inside the root leaves out, nothing behind
//! a symbolic link, and nothing of the state directory. The scan and the steps ask the same code, so they agree.

use std::collections::BTreeMap;
use std::fs::{self, FileType};
use std::io;
use std::ops::Bound;
#[cfg(any(test, not(target_os = "linux")))]
use std::path::Component;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use parking_lot::RwLock;

use super::name;

/// The rules of one tree.
#[derive(Debug)]
pub struct Bounds {
    root: PathBuf,
    /// The state directory, wherever it is.
    state: PathBuf,
    ignores: RwLock<Ignores>,
}

/// What a path is to the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A regular file that belongs to it.
    File,
    /// A directory that belongs to it, or the root.
    Directory,
    /// Nothing that belongs to it, or nothing at all.
    Outside,
}

/// The `.gitignore` files that were read, by their directory; nothing for a directory without one.
#[derive(Debug, Default)]
struct Ignores {
    known: BTreeMap<String, Option<Arc<Gitignore>>>,
    /// Counts what was forgotten, so that a file read before that is not remembered after it.
    forgotten: u64,
}

/// Bounds the memory for `.gitignore` files: a few megabytes.
const MOST_KNOWN: usize = 65_536;

impl Bounds {
    /// The tree at `root`, without what lies in `state`.
    ///
    /// # Errors
    ///
    /// When there is no directory at `root`, or it is the state directory.
    pub fn new(root: &Path, state: &Path) -> io::Result<Self> {
        let root = fs::canonicalize(root)?;
        if !root.is_dir() {
            return Err(io::Error::from(io::ErrorKind::NotADirectory));
        }
        // What does not exist yet cannot be a link.
        let state = fs::canonicalize(state).or_else(|_| std::path::absolute(state))?;
        if state == root {
            return Err(io::Error::other("it is the state directory of this program"));
        }
        Ok(Self { root, state, ignores: RwLock::default() })
    }

    /// Where `path` lies on this machine.
    #[must_use]
    pub fn absolute(&self, path: &str) -> PathBuf {
        let mut absolute = self.root.clone();
        absolute.extend(path.split('/').filter(|part| !part.is_empty()).map(name::from_text));
        absolute
    }

    /// The path of something below the root, or of the root itself, which is the empty one.
    #[cfg(any(test, not(target_os = "linux")))]
    #[must_use]
    pub fn relative(&self, absolute: &Path) -> Option<String> {
        let mut path = String::new();
        for part in absolute.strip_prefix(&self.root).ok()?.components() {
            let Component::Normal(part) = part else { return None };
            path = join(&path, &name::to_text(part));
        }
        Some(path)
    }

    /// What `path` is.
    ///
    /// # Errors
    ///
    /// When the file system does not say, for lack of permission for example.
    pub fn place(&self, path: &str) -> io::Result<Place> {
        if path.is_empty() {
            return Ok(if self.root.is_dir() { Place::Directory } else { Place::Outside });
        }
        let mut place = Place::Directory;
        for part in ancestors(path).chain([path]) {
            if place != Place::Directory {
                return Ok(Place::Outside);
            }
            place = match fs::symlink_metadata(self.absolute(part)) {
                Ok(metadata) => self.place_of(part, metadata.file_type()),
                Err(error) if is_gone(&error) => Place::Outside,
                Err(error) => return Err(error),
            };
        }
        Ok(place)
    }

    /// What an entry of a directory of the tree is.
    pub fn place_of(&self, path: &str, kind: FileType) -> Place {
        let is_directory = kind.is_dir();
        if !(is_directory || kind.is_file()) || is_hidden(path) {
            return Place::Outside;
        }
        let absolute = self.absolute(path);
        if absolute == self.state || self.is_ignored(path, &absolute, is_directory) {
            return Place::Outside;
        }
        if is_directory { Place::Directory } else { Place::File }
    }

    /// Whether a change at `path` can be of interest, as far as its name tells.
    #[must_use]
    pub fn may_matter(&self, path: &str) -> bool {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        let hidden = directory.split('/').chain([name]).any(is_hidden);
        (!hidden || (name == GITIGNORE && !directory.split('/').any(is_hidden)))
            && !self.absolute(path).starts_with(&self.state)
    }

    /// Reads the `.gitignore` files at and below `directory` again when they are next needed.
    pub fn forget(&self, directory: &str) {
        let mut ignores = self.ignores.write();
        ignores.forgotten += 1;
        if directory.is_empty() {
            ignores.known.clear();
            return;
        }
        let from = (Bound::Included(directory.to_owned()), Bound::Unbounded);
        let below = ignores.known.range(from).map(|(known, _)| known).take_while(|known| known.starts_with(directory));
        let below: Vec<_> = below.filter(|known| is_within(known, directory)).cloned().collect();
        for known in below {
            ignores.known.remove(&known);
        }
    }

    /// As git has it: the nearest `.gitignore` that has a say decides, and the last line of it that matches.
    fn is_ignored(&self, path: &str, absolute: &Path, is_directory: bool) -> bool {
        let directories = [""].into_iter().chain(ancestors(path)).collect::<Vec<_>>();
        for directory in directories.into_iter().rev() {
            let Some(ignore) = self.gitignore(directory) else { continue };
            match ignore.matched(absolute, is_directory) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => {}
            }
        }
        false
    }

    fn gitignore(&self, directory: &str) -> Option<Arc<Gitignore>> {
        let forgotten = {
            let ignores = self.ignores.read();
            if let Some(known) = ignores.known.get(directory) {
                return known.clone();
            }
            ignores.forgotten
        };
        let read = read_gitignore(&self.absolute(directory)).map(Arc::new);
        let mut ignores = self.ignores.write();
        if ignores.forgotten == forgotten {
            if ignores.known.len() >= MOST_KNOWN {
                ignores.known.clear();
            }
            ignores.known.insert(directory.to_owned(), read.clone());
        }
        read
    }
}

/// The file that says what to leave out.
pub const GITIGNORE: &str = ".gitignore";

/// `name` inside `directory`, which may be the root.
#[must_use]
pub fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

/// Whether an error says that there is nothing at the path.
#[must_use]
pub fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The text of a single name.
#[must_use]
pub fn text_of(name: &std::ffi::OsStr) -> String {
    name::to_text(name)
}

/// The directories above `path`, outermost first, without the root.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

/// Whether `path` is `directory` or lies below it.
#[must_use]
pub fn is_within(path: &str, directory: &str) -> bool {
    directory.is_empty() || path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_hidden(path: &str) -> bool {
    path.rsplit('/').next().unwrap_or(path).starts_with('.')
}

fn read_gitignore(directory: &Path) -> Option<Gitignore> {
    let path = directory.join(GITIGNORE);
    // Neither a link nor a pipe: git does not read those either, and a pipe would never end.
    fs::symlink_metadata(&path).ok().filter(fs::Metadata::is_file)?;
    let mut builder = GitignoreBuilder::new(directory);
    if let Some(error) = builder.add(&path) {
        tracing::warn!(path = %path.display(), %error, "some lines have no effect");
    }
    builder.build().ok()
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir_all, write};

    use super::*;

    fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Bounds) {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("root");
        create_dir_all(&root).unwrap();
        for (path, content) in files {
            let path = root.join(path);
            create_dir_all(path.parent().unwrap()).unwrap();
            write(path, content).unwrap();
        }
        let bounds = Bounds::new(&root, &root.join("state")).unwrap();
        (directory, bounds)
    }

    fn files<'a>(bounds: &Bounds, paths: &[&'a str]) -> Vec<&'a str> {
        paths.iter().copied().filter(|path| bounds.place(path).unwrap() == Place::File).collect()
    }

    #[test]
    fn what_is_hidden_or_ours_or_no_regular_file_is_outside() {
        let (_directory, bounds) = tree(&[
            ("a.txt", ""),
            (".hidden", ""),
            (".git/config", ""),
            ("x/.hidden/y", ""),
            ("state/watchtower.db", ""),
            ("states/a", ""),
            ("sub/state/a", ""),
        ]);
        let paths =
            ["a.txt", ".hidden", ".git/config", "x/.hidden/y", "state/watchtower.db", "states/a", "sub/state/a"];
        assert_eq!(files(&bounds, &paths), ["a.txt", "states/a", "sub/state/a"]);
        assert_eq!(bounds.place("").unwrap(), Place::Directory);
        assert_eq!(bounds.place("x").unwrap(), Place::Directory);
        assert_eq!(bounds.place("nothing/here").unwrap(), Place::Outside);
        assert_eq!(bounds.place("a.txt/b").unwrap(), Place::Outside);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        use std::os::unix::fs::symlink;

        let (_directory, bounds) = tree(&[("real/a", "")]);
        symlink(bounds.absolute("real"), bounds.absolute("link")).unwrap();
        symlink(bounds.absolute("real/a"), bounds.absolute("file")).unwrap();
        assert_eq!(files(&bounds, &["real/a", "link/a", "file"]), ["real/a"]);
        assert_eq!(bounds.place("link").unwrap(), Place::Outside);
    }

    #[test]
    fn the_nearest_gitignore_decides_and_an_ignored_directory_stays_so() {
        let (_directory, bounds) = tree(&[
            (".gitignore", "*.log\n/build/\n!.keep\n"),
            ("a.log", ""),
            ("build/a", ""),
            ("sub/build/a", ""),
            ("build/.gitignore", "!a\n"),
            ("sub/.gitignore", "!important.log\nlocal\n"),
            ("sub/important.log", ""),
            ("sub/other.log", ""),
            ("sub/deep/local", ""),
            ("local", ""),
            (".keep", ""),
        ]);
        let paths = [
            "a.log",
            "build/a",
            "sub/build/a",
            "sub/important.log",
            "sub/other.log",
            "sub/deep/local",
            "local",
            ".keep",
        ];
        assert_eq!(files(&bounds, &paths), ["sub/build/a", "sub/important.log", "local"]);
    }

    #[test]
    fn a_changed_gitignore_counts_once_the_old_one_is_forgotten() {
        let (_directory, bounds) = tree(&[("d/a", ""), ("d-e/a", "")]);
        assert_eq!(files(&bounds, &["d/a", "d-e/a"]), ["d/a", "d-e/a"]);
        write(bounds.absolute("d/.gitignore"), "a").unwrap();
        write(bounds.absolute("d-e/.gitignore"), "a").unwrap();
        bounds.forget("d");
        assert_eq!(files(&bounds, &["d/a", "d-e/a"]), ["d-e/a"]);
        bounds.forget("");
        assert!(files(&bounds, &["d/a", "d-e/a"]).is_empty());
    }

    #[test]
    fn only_names_that_can_matter_wake_the_scan() {
        let (_directory, bounds) = tree(&[]);
        for path in ["a", "x/y", ".gitignore", "x/.gitignore"] {
            assert!(bounds.may_matter(path), "{path}");
        }
        for path in [".a", "x/.y", ".git/.gitignore", ".git/x", "state", "state/watchtower.db-wal"] {
            assert!(!bounds.may_matter(path), "{path}");
        }
    }

    #[test]
    fn paths_go_there_and_back() {
        let (_directory, bounds) = tree(&[]);
        for path in ["", "a", "a/b c/ü", "caf\u{f7e9}/x"] {
            assert_eq!(bounds.relative(&bounds.absolute(path)).as_deref(), Some(path));
        }
        assert_eq!(bounds.relative(Path::new("/elsewhere")), None);
    }

    #[test]
    fn a_root_that_cannot_be_watched_is_refused() {
        let (directory, _) = tree(&[("file", "")]);
        let (root, state) = (directory.path().join("root"), directory.path().join("state"));
        assert!(Bounds::new(&directory.path().join("missing"), &state).is_err());
        assert!(Bounds::new(&root.join("file"), &state).is_err());
        assert!(Bounds::new(&root, &root).unwrap_err().to_string().contains("state directory"));
    }
}
