//! The watched tree: which files belong to it, and their content.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use minions::app::StateDir;
use minions::prelude::*;
use tokio::sync::Semaphore;

mod bounds;
mod name;

#[cfg(target_os = "linux")]
pub use bounds::is_within;
pub use bounds::{Bounds, GITIGNORE, Place, is_gone, join, text_of};

/// Reads the files of the tree, a few at a time, on threads that may block.
#[resource]
#[derive(Debug)]
pub struct Tree {
    state: PathBuf,
    bounds: OnceLock<Arc<Bounds>>,
    readers: Arc<Semaphore>,
}

/// What a look at a path found.
#[derive(Debug, PartialEq, Eq)]
pub enum Look<T> {
    /// A file of the tree, and what was read of it.
    File(T),
    /// Nothing that belongs to the tree.
    Nothing,
    /// Something that cannot be read, and why.
    Unreadable(String),
}

#[resource]
impl Tree {
    async fn create(state: StateDir) -> Result<Self> {
        // As many as keep the disk and the processor busy; more would only cost memory.
        let readers = std::thread::available_parallelism().map_or(4, |cores| cores.get() * 2);
        Ok(Self { state: state.to_path_buf(), bounds: OnceLock::new(), readers: Arc::new(Semaphore::new(readers)) })
    }

    /// Says where the tree is; `Scan` does, at its start, before any step runs.
    pub fn open(&self, root: &Path) -> Result<Arc<Bounds>> {
        let bounds = Bounds::new(root, &self.state).map_err(|error| {
            let what = format!("`{}` cannot be watched; set scan.root to a directory", root.display());
            minions::Error::new(error).context(what)
        })?;
        Ok(self.bounds.get_or_init(|| Arc::new(bounds)).clone())
    }

    /// Looks at `path`: judges whether it is a file of the tree and, if so, hands it to `read`.
    ///
    /// A file that goes away meanwhile is nothing special.
    ///
    /// # Errors
    ///
    /// When `read` panics, or the tree is not open.
    pub async fn look<T: Send + 'static>(
        &self,
        path: &str,
        read: impl FnOnce(File) -> io::Result<T> + Send + 'static,
    ) -> Result<Look<T>> {
        let bounds = self.bounds.get().ok_or("the tree is not open yet")?.clone();
        let path = path.to_owned();
        let _reader = self.readers.clone().acquire_owned().await?;
        Ok(tokio::task::spawn_blocking(move || look(&bounds, &path, read)).await?)
    }

    /// Which of `paths` lead to something, be it of the tree or left out of it.
    ///
    /// # Errors
    ///
    /// When the tree is not open.
    pub async fn lead_somewhere(&self, paths: Vec<String>) -> Result<Vec<bool>> {
        let bounds = self.bounds.get().ok_or("the tree is not open yet")?.clone();
        let _reader = self.readers.clone().acquire_owned().await?;
        // What cannot be told is not called broken.
        let exists = move |path: String| bounds.absolute(&path).try_exists().unwrap_or(true);
        Ok(tokio::task::spawn_blocking(|| paths.into_iter().map(exists).collect()).await?)
    }
}

fn look<T>(bounds: &Bounds, path: &str, read: impl FnOnce(File) -> io::Result<T>) -> Look<T> {
    let found = bounds.place(path).and_then(|place| match place {
        Place::File => read(File::open(bounds.absolute(path))?).map(Look::File),
        Place::Directory | Place::Outside => Ok(Look::Nothing),
    });
    found.unwrap_or_else(|error| {
        if is_gone(&error) {
            return Look::Nothing;
        }
        tracing::warn!(path, %error, "the file cannot be read");
        Look::Unreadable(error.to_string())
    })
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Read as _;

    use super::*;

    /// A tree at `root`, for tests of steps.
    pub(crate) fn open(root: &Path) -> Tree {
        let tree = Tree { state: root.join(".state"), bounds: OnceLock::new(), readers: Arc::new(Semaphore::new(2)) };
        tree.open(root).unwrap();
        tree
    }

    #[tokio::test]
    async fn a_look_finds_files_and_says_so_when_there_is_none() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a"), "content").unwrap();
        let tree = open(directory.path());
        let read = |mut file: File| {
            let mut text = String::new();
            file.read_to_string(&mut text).map(|_| text)
        };
        assert_eq!(tree.look("a", read).await.unwrap(), Look::File("content".to_owned()));
        assert_eq!(tree.look("b", read).await.unwrap(), Look::Nothing);
        let vanished = |_: File| Err::<(), _>(io::Error::from(io::ErrorKind::NotFound));
        assert_eq!(tree.look("a", vanished).await.unwrap(), Look::Nothing);
        let refused = |_: File| Err::<(), _>(io::Error::other("broken disk"));
        assert_eq!(tree.look("a", refused).await.unwrap(), Look::Unreadable("broken disk".to_owned()));
        assert_eq!(tree.lead_somewhere(vec!["a".into(), "b".into()]).await.unwrap(), [true, false]);
    }
}
