//! What can be set about logs.

use std::path::PathBuf;

/// Where log lines go and which of them.
///
/// The default writes `info` and above to the terminal only; the file is named by whoever knows the state directory.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogOptions {
    /// Directives such as `info` or `info,my_app::fetch=debug`, in the syntax of `tracing`'s environment filter.
    pub filter: String,
    /// The file that receives JSON lines; `None` switches it off.
    pub file: Option<PathBuf>,
    /// Whether short lines for a person go to standard error.
    pub terminal: bool,
    /// Size in bytes at which the file is rotated; a line is never split over two files, and 0 means never.
    pub max_size: u64,
    /// How many rotated files are kept beside the one being written.
    pub keep: usize,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { filter: "info".to_owned(), file: None, terminal: true, max_size: 10 << 20, keep: 5 }
    }
}
