//! Where a value of the configuration came from.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Where a value was written; cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// A line of a file.
    File {
        /// The file, as a person would name it.
        path: Arc<Path>,
        /// The line, counted from 1.
        line: usize,
        /// The column in characters, counted from 1.
        column: usize,
    },
    /// The environment variable of this name.
    Env(Arc<str>),
    /// A `--set` argument; only the key path is kept, because the value may be a secret.
    Set(Arc<str>),
    /// The program itself; the text says which part of it.
    Code(&'static str),
}

impl Origin {
    /// Whether the value was given for one run, by the environment or the command line.
    ///
    /// Such values stay on top when a file is laid over settings that were merged already.
    #[must_use]
    pub fn is_for_this_run(&self) -> bool {
        matches!(self, Self::Env(_) | Self::Set(_))
    }

    /// The file, if the value was written in one.
    #[must_use]
    pub fn file(&self) -> Option<&Arc<Path>> {
        match self {
            Self::File { path, .. } => Some(path),
            _ => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line, .. } => write!(f, "{}:{line}", path.display()),
            Self::Env(name) => f.write_str(name),
            Self::Set(path) => write!(f, "--set {path}"),
            Self::Code(part) => f.write_str(part),
        }
    }
}
