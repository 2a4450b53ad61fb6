//! What the command line says: answers on standard output, everything else on standard error.

use std::env;
use std::fmt::Display;
use std::io::{self, Write as _};

use crate::logs;

/// The target of events that only the log file needs, because the person at the terminal was told in other words.
pub(crate) const SAID: &str = "minions::said";

/// Writes an answer; a reader that has gone away, as `head` does, is no failure.
pub(crate) fn answer(text: impl Display) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// Writes a line for the person, past any progress bar.
pub(crate) fn say(text: impl Display) {
    logs::write_terminal(&format!("{text}\n"));
}

/// Says why a command failed.
pub(crate) fn complain(text: impl Display) {
    say(format_args!("error: {text}"));
}

/// An answer that scripts read.
pub(crate) fn answer_json(value: &impl serde::Serialize) {
    // Only maps with odd keys and failing user code cannot be written, and our answers have neither.
    match serde_json::to_string_pretty(value) {
        Ok(text) => answer(text),
        Err(error) => complain(format_args!("the answer cannot be written as JSON: {error}")),
    }
}

/// Whether nobody asked for less than colours.
pub(crate) fn colours_are_welcome() -> bool {
    let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || env::var_os("TERM").is_some_and(|value| value == "dumb");
    !refused
}
