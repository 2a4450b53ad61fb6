//! The file formats: each turns text into a table whose values know their line.

use std::path::Path;
use std::sync::Arc;

use minions_core::config::{Origin, Problem, Table, Value};

mod json;
mod position;
mod toml;
mod yaml;

pub(super) use self::toml::value as toml_value;

/// The endings of configuration files, in the order in which they are looked for.
pub(super) const ENDINGS: [&str; 4] = ["toml", "json", "yaml", "yml"];

/// Reads the text of a file; `shown` is the path as a person would name it, and its ending says the format.
pub(super) fn parse(text: &str, shown: &Arc<Path>) -> Result<Table, Vec<Problem>> {
    // Editors on some systems put a byte order mark first; no format here wants it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let source = Source { text, shown };
    match shown.extension().and_then(|ending| ending.to_str()) {
        Some("toml") => toml::parse(source),
        Some("json") => json::parse(source),
        Some("yaml" | "yml") => yaml::parse(source),
        _ => Err(vec![
            Problem::new(format!("`{}` has no known format", shown.display()))
                .fix(format!("name it with one of the endings {}", ENDINGS.join(", "))),
        ]),
    }
}

/// A text with the name of its file.
#[derive(Clone, Copy)]
struct Source<'a> {
    text: &'a str,
    shown: &'a Arc<Path>,
}

impl Source<'_> {
    /// The origin of what stands at a line and a column, both counted from 1.
    fn origin(self, (line, column): (usize, usize)) -> Origin {
        Origin::File { path: Arc::clone(self.shown), line, column }
    }

    /// The problem of a text that breaks the rules of its format, in the parser's words.
    fn malformed(self, (line, column): (usize, usize), words: &str) -> Problem {
        let words = words.trim().replace('\n', ", ");
        Problem::new(format!("column {column}: {words}")).at(self.origin((line, column)))
    }

    /// The table that the whole file must be.
    fn root(self, value: &Value) -> Result<Table, Vec<Problem>> {
        value.as_table().cloned().ok_or_else(|| {
            let what = format!("expected a table of sections, found {}", value.kind());
            vec![Problem::new(what).at(value.origin().clone())]
        })
    }
}
