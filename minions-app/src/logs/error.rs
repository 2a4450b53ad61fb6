//! Why logging could not be set up.

use std::io;
use std::path::{Path, PathBuf};

use tracing_subscriber::filter::ParseError;

/// Why [`install`](super::install) refused.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct LogError(#[from] Kind);

#[derive(Debug, thiserror::Error)]
pub(super) enum Kind {
    #[error(
        "cannot understand the log filter `{filter}` of {origin}; write a level such as `info`, or \
         `info,my_app::fetch=debug`"
    )]
    Filter { filter: String, origin: &'static str, source: ParseError },
    #[error(
        "`{word}` in the log filter `{filter}` of {origin} is not a level; use one of `error`, `warn`, `info`, \
         `debug`, `trace`, `off`, or write `{word}=debug` if it is a crate"
    )]
    NotALevel { word: String, filter: String, origin: &'static str },
    #[error("the log filter in {origin} is not valid UTF-8; write a level such as `info`, or unset the variable")]
    NotText { origin: &'static str },
    #[error(
        "cannot open the log file {}; name another file or make its directory writable",
        path.display()
    )]
    File { path: PathBuf, source: io::Error },
}

impl LogError {
    pub(super) fn file(path: &Path, source: io::Error) -> Self {
        Self(Kind::File { path: path.to_owned(), source })
    }

    /// Whether the filter was the reason, as opposed to the file.
    #[must_use]
    pub fn is_filter(&self) -> bool {
        !self.is_file()
    }

    /// Whether the file was the reason, as opposed to the filter.
    #[must_use]
    pub fn is_file(&self) -> bool {
        matches!(self.0, Kind::File { .. })
    }
}
