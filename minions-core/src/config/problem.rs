//! One thing that is wrong with the configuration.

use std::cmp::Ordering;
use std::error;
use std::fmt::{self, Write as _};

use crate::config::{KeyPath, Origin};

/// One thing that is wrong with the configuration: where, what, and how to mend it.
///
/// Its text is one line, such as
/// ``minions.toml:9: [http]: unknown key `agnt`; did you mean `agent`? (known: agent, token)``.
/// Values of secrets are never part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// Where the offending value was written; nothing for what is missing.
    pub origin: Option<Origin>,
    /// The section, unless the problem lies outside of any.
    pub section: Option<String>,
    /// The place inside the section; empty for the section itself.
    pub key: KeyPath,
    /// What is wrong.
    pub what: String,
    /// The type of value that was expected, if that is known.
    pub expected: Option<String>,
    /// What to do about it, if that is known.
    pub fix: Option<String>,
}

impl Problem {
    /// A problem of which only the words are known yet.
    #[must_use]
    pub fn new(what: impl Into<String>) -> Self {
        Self { origin: None, section: None, key: KeyPath::root(), what: what.into(), expected: None, fix: None }
    }

    /// Says where the offending value was written.
    #[must_use]
    pub fn at(mut self, origin: Origin) -> Self {
        self.origin = Some(origin);
        self
    }

    /// Says which section and which key of it is meant.
    #[must_use]
    pub fn of(mut self, section: impl Into<String>, key: KeyPath) -> Self {
        self.section = Some(section.into());
        self.key = key;
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// Orders problems as a reader meets them: files line by line, then the rest by section and key.
    #[must_use]
    pub fn reading_order(&self, other: &Self) -> Ordering {
        self.rank()
            .cmp(&other.rank())
            .then_with(|| (&self.section, &self.key, &self.what).cmp(&(&other.section, &other.key, &other.what)))
    }

    fn rank(&self) -> (u8, Option<&std::path::Path>, usize, usize) {
        match &self.origin {
            Some(Origin::File { path, line, column }) => (0, Some(path), *line, *column),
            Some(_) => (1, None, 0, 0),
            None => (2, None, 0, 0),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = OneLine(f);
        if let Some(origin) = &self.origin {
            write!(line, "{origin}: ")?;
        }
        match &self.section {
            Some(section) if self.key.is_root() => write!(line, "[{section}]: ")?,
            Some(section) => write!(line, "[{section}] {}: ", self.key)?,
            None => {}
        }
        line.write_str(&self.what)?;
        if let Some(fix) = &self.fix {
            write!(line, "; {fix}")?;
        }
        Ok(())
    }
}

/// Escapes control characters: keys and file names come from anywhere and must not steer the terminal.
struct OneLine<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl fmt::Write for OneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive(char::is_control) {
            let control = part.chars().next_back().filter(|last| last.is_control());
            self.0.write_str(part.strip_suffix(char::is_control).unwrap_or(part))?;
            if let Some(control) = control {
                write!(self.0, "{}", control.escape_default())?;
            }
        }
        Ok(())
    }
}

impl error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(line: usize) -> Origin {
        Origin::File { path: std::path::Path::new("minions.toml").into(), line, column: 1 }
    }

    #[test]
    fn one_readable_line() {
        let key = KeyPath::root().key("agent");
        let wrong = Problem::new("expected a string, found integer 5").at(line(12)).of("http", key);
        assert_eq!(wrong.to_string(), "minions.toml:12: [http] agent: expected a string, found integer 5");
        let unknown = Problem::new("unknown key `agnt`").of("http", KeyPath::root()).fix("did you mean `agent`?");
        assert_eq!(unknown.to_string(), "[http]: unknown key `agnt`; did you mean `agent`?");
    }

    #[test]
    fn control_characters_are_told_and_not_obeyed() {
        let unknown = Problem::new("unknown key `a\u{1b}[2J\nb`").of("ht\rtp", KeyPath::root().key("x\u{7}"));
        assert_eq!(unknown.to_string(), r#"[ht\rtp] "x\u{7}": unknown key `a\u{1b}[2J\nb`"#);
    }

    #[test]
    fn files_come_first_and_line_by_line() {
        let of = |section: &str| Problem::new("x").of(section, KeyPath::root());
        let mut problems = [of("a"), of("b").at(Origin::Env("E".into())), of("c").at(line(10)), of("d").at(line(9))];
        problems.sort_by(Problem::reading_order);
        let order: Vec<_> = problems.iter().map(|problem| problem.section.as_deref().unwrap()).collect();
        assert_eq!(order, ["d", "c", "b", "a"]);
    }
}
