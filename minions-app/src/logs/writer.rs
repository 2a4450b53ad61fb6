//! The one door to the terminal, so that something that draws there can step aside while a line is written.

use std::io::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parking_lot::RwLock;

type Writer = Arc<dyn Fn(&str) + Send + Sync>;

static WRITER: RwLock<Option<Writer>> = RwLock::new(None);

/// Sends every line meant for the terminal through `writer` from now on, process-wide.
///
/// A progress bar uses it to suspend itself around each line. `writer` gets whole lines with their line feed, from any
/// thread and from several at once; it must not log, as that would call it again. If it panics, the line goes to
/// standard error instead. [`reset_terminal_writer`] undoes it.
///
/// # Examples
///
/// ```
/// minions_app::logs::set_terminal_writer(|lines| {
///     // bar.suspend(|| eprint!("{lines}"))
///     # let _ = lines;
/// });
/// # minions_app::logs::reset_terminal_writer();
/// ```
pub fn set_terminal_writer(writer: impl Fn(&str) + Send + Sync + 'static) {
    *WRITER.write() = Some(Arc::new(writer));
}

/// Sends lines straight to standard error again; a line being written by another thread may still reach the old writer.
pub fn reset_terminal_writer() {
    *WRITER.write() = None;
}

/// Writes whole lines to the terminal and never fails: a closed standard error must not take the process with it.
pub(crate) fn write(lines: &str) {
    // Cloned, so that a slow writer does not stop another thread from replacing it.
    let writer = WRITER.read().clone();
    let written = writer.is_some_and(|writer| {
        catch_unwind(AssertUnwindSafe(|| {
            writer(lines);
        }))
        .is_ok()
    });
    if !written {
        let _ = io::stderr().lock().write_all(lines.as_bytes());
    }
}
