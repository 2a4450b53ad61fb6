//! Where log lines go when the user has not decided otherwise: JSON lines into a size-rotated file, and short lines for
//! a person on standard error.
//!
//! [`install`] is called once, before any component starts. Everything the process logs through `tracing` then carries
//! the fields of its enclosing spans, so a user's `info!` inside a step names its workflow, minion, step and attempt.

use std::env;

use tracing::subscriber::NoSubscriber;
use tracing_subscriber::layer::SubscriberExt as _;

mod error;
mod fields;
mod file;
mod filter;
mod json;
mod layer;
mod options;
mod terminal;
mod writer;

pub use self::error::LogError;
pub use self::options::LogOptions;
pub use self::writer::{reset_terminal_writer, set_terminal_writer};

pub(crate) use self::writer::write as write_terminal;

use self::file::LogFile;
use self::layer::{Output, WithoutStepSpans};
use self::terminal::Terminal;

/// What [`install`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Installed {
    /// Our outputs are the process's subscriber from now on.
    Ours,
    /// The user had installed a subscriber before; it keeps receiving everything and no file was opened.
    Respected,
    /// Both outputs are switched off, so nothing was installed.
    Off,
}

/// Makes the outputs of `options` the process's `tracing` subscriber, unless the user has installed one.
///
/// The environment variable `RUST_LOG` wins over the filter of the options when it is set and not empty. No line is
/// buffered, so there is nothing to flush at the end of the process.
///
/// # Errors
///
/// A filter that cannot be understood, also when the user's subscriber is respected, and a log file that cannot be
/// opened.
///
/// # Examples
///
/// ```
/// use minions_app::logs::{self, Installed, LogOptions};
///
/// let mut options = LogOptions::default();
/// options.terminal = false;
/// assert_eq!(logs::install(&options)?, Installed::Off);
/// # Ok::<(), logs::LogError>(())
/// ```
pub fn install(options: &LogOptions) -> Result<Installed, LogError> {
    let filter = filter::effective(&options.filter, env::var_os("RUST_LOG"))?;
    if options.file.is_none() && !options.terminal {
        return Ok(Installed::Off);
    }
    // Asked first so that a respected subscriber does not leave an empty log file behind.
    if tracing::dispatcher::get_default(|current| !current.is::<NoSubscriber>()) {
        return Ok(Installed::Respected);
    }
    let file = match &options.file {
        Some(path) => Some(LogFile::open(path, options.max_size, options.keep)?),
        None => None,
    };
    let terminal = options.terminal.then(Terminal::on_stderr);
    // One that names spans or their fields wants to see them.
    let looks_at_spans = filter.to_string().contains('[');
    let subscriber = tracing_subscriber::registry()
        .with(filter)
        .with(Output::new(file, terminal))
        .with((!looks_at_spans).then_some(WithoutStepSpans));
    match tracing::subscriber::set_global_default(subscriber) {
        Ok(()) => Ok(Installed::Ours),
        // Another thread was faster than we were since the question above.
        Err(_) => Ok(Installed::Respected),
    }
}

/// Whether [`install`] would understand `filter`.
///
/// # Errors
///
/// That it would not, and why.
pub(crate) fn check_filter(filter: &str) -> Result<(), LogError> {
    filter::effective(filter, None).map(drop)
}

/// Whether [`install`] would understand what the environment variable `RUST_LOG` says now.
///
/// # Errors
///
/// That it would not, and why.
pub(crate) fn check_environment() -> Result<(), LogError> {
    filter::effective("", env::var_os("RUST_LOG")).map(drop)
}
