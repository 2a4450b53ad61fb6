//! The state directory: what a program leaves behind between two runs.

use std::fs::DirBuilder;
use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minions_core::Result;
use minions_core::component::{Assembly, Inject, Need};

/// The state directory of the running program, for a component that keeps files of its own there.
///
/// It is an absolute path, it exists, and only its owner may enter it. The names in it that start with `state.db` or
/// `control.`, and `logs`, belong to the runtime.
///
/// ```
/// use minions_app::StateDir;
///
/// fn database(state: &StateDir) -> std::path::PathBuf {
///     state.join("archive.db")
/// }
/// # let _ = database(&StateDir::from(std::env::temp_dir()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateDir(Arc<Path>);

impl From<PathBuf> for StateDir {
    /// For tests, and for programs that build components by hand.
    fn from(path: PathBuf) -> Self {
        Self(path.into())
    }
}

impl Deref for StateDir {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl AsRef<Path> for StateDir {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Inject for StateDir {
    const NEED: Need = Need::provided::<Self>();

    fn inject(cx: &Assembly) -> Result<Self> {
        let given = cx.provided::<Self>().map(|state| (*state).clone());
        given.ok_or_else(|| format!("`{}` needs a state directory, which nobody provides", cx.component()).into())
    }
}

/// The state directory as the person named it, which is how messages name it.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) dir: PathBuf,
}

impl State {
    pub(crate) fn database(&self) -> PathBuf {
        self.dir.join("state.db")
    }

    pub(crate) fn log_file(&self) -> PathBuf {
        self.dir.join("logs").join("minions.log")
    }

    /// Makes sure that it is there; one that exists keeps its mode.
    pub(crate) fn create(&self) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.dir)
    }

    pub(crate) fn to_injected(&self) -> io::Result<StateDir> {
        Ok(std::path::absolute(&self.dir)?.into())
    }
}
