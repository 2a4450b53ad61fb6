//! Short lines for a person: time, level, where, what.
//!
//! `12:03:44 INFO  hello.watcher fetch  page saved url=…`. The file has every field of every line; here are the
//! event's own ones, where it happened, and nothing that would break the line or steer the terminal.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _};

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use tracing::{Level, Metadata};

use crate::output::colours_are_welcome;

use super::fields::{Fields, Shape};

/// The look of lines on the terminal.
#[derive(Debug)]
pub(super) struct Terminal {
    colour: bool,
}

const DIM: &str = "\u{1b}[2m";
const RED: &str = "\u{1b}[31m";
const RESET: &str = "\u{1b}[0m";

impl Terminal {
    /// Coloured if standard error is a terminal and nobody asked for less.
    pub(super) fn on_stderr() -> Self {
        Self { colour: colours_are_welcome() && io::stderr().is_terminal() }
    }

    /// Writes the line of one event, its line feed included; the event's own fields start at `own`.
    pub(super) fn write_line(
        &self,
        line: &mut String,
        clock: &mut WallClock,
        metadata: &Metadata<'_>,
        fields: &Fields,
        own: usize,
    ) {
        self.paint(line, DIM, |line| clock.write(line, Timestamp::now()));
        line.push(' ');
        let (level, colour) = level(*metadata.level());
        self.paint(line, colour, |line| line.push_str(level));
        line.push(' ');
        self.paint(line, DIM, |line| write_place(line, metadata.target(), fields));
        line.push_str("  ");
        write_plain(line, fields.message());
        self.write_fields(line, fields, own);
        line.push('\n');
    }

    /// Errors come last, because their text has spaces and ends where the line does.
    fn write_fields(&self, line: &mut String, fields: &Fields, own: usize) {
        let is_error = |shape| shape == Shape::Error;
        let placed = fields.get("orchestration").is_some();
        let mut workflow = fields.get("workflow");
        for (_, field) in fields.winners(own) {
            if is_error(field.shape) || (placed && PLACE.contains(&field.name)) {
                continue;
            }
            let text = match field.name {
                "workflow" => workflow.take().map_or(field.text, short_id),
                _ => field.text,
            };
            self.write_name(line, field.name);
            write_value(line, text);
        }
        if let Some(workflow) = workflow {
            self.write_name(line, "workflow");
            write_value(line, short_id(workflow));
        }
        for (at, field) in fields.winners(own) {
            if is_error(field.shape) {
                self.write_name(line, field.name);
                self.paint(line, RED, |line| write_chain(line, fields.chain(at)));
            }
        }
    }

    fn write_name(&self, line: &mut String, name: &str) {
        line.push(' ');
        self.paint(line, DIM, |line| {
            line.push_str(name);
            line.push('=');
        });
    }

    fn paint(&self, line: &mut String, colour: &str, write: impl FnOnce(&mut String)) {
        if self.colour && !colour.is_empty() {
            line.push_str(colour);
            write(line);
            line.push_str(RESET);
        } else {
            write(line);
        }
    }
}

fn level(level: Level) -> (&'static str, &'static str) {
    match level {
        Level::ERROR => ("ERROR", "\u{1b}[1;31m"),
        Level::WARN => ("WARN ", "\u{1b}[33m"),
        Level::INFO => ("INFO ", "\u{1b}[32m"),
        Level::DEBUG => ("DEBUG", "\u{1b}[34m"),
        Level::TRACE => ("TRACE", DIM),
    }
}

/// What [`write_place`] has said or stands for, so that it is not said again behind the message.
const PLACE: [&str; 5] = ["orchestration", "component", "minion", "step", "attempt"];

/// The orchestration or component and the step; code outside of both is known by its module.
fn write_place(line: &mut String, target: &str, fields: &Fields) {
    let own_crate = target.split("::").next().unwrap_or(target);
    match fields.get("orchestration").or(fields.get("component")) {
        Some(place) => write_plain(line, place),
        // Which of our crates speaks is of no use to the person at the terminal.
        None if own_crate.starts_with("minions_") => line.push_str("minions"),
        None => line.push_str(target),
    }
    if let Some(step) = fields.get("step") {
        line.push(' ');
        write_plain(line, step);
    }
    if let Some(attempt) = fields.get("attempt").filter(|attempt| *attempt != "1") {
        line.push_str(" #");
        write_plain(line, attempt);
    }
}

/// The last eight characters: a workflow's id starts with the time, so the first ones are the same for a minute.
fn short_id(id: &str) -> &str {
    let cut = id.char_indices().rev().nth(7).map_or(0, |(at, _)| at);
    &id[cut..]
}

/// What an error says, then its causes, leaving out those that the one before has already quoted.
fn write_chain<'a>(line: &mut String, chain: impl Iterator<Item = &'a str>) {
    let mut before: Option<&str> = None;
    for link in chain {
        match before {
            Some(said) if said.ends_with(link) => continue,
            Some(_) => line.push_str(": "),
            None => {}
        }
        write_plain(line, link);
        before = Some(link);
    }
}

/// A value, quoted if a reader could not tell where it ends.
fn write_value(line: &mut String, text: &str) {
    if text.is_empty() || text.contains([' ', '"', '=']) {
        line.push('"');
        for part in text.split_inclusive('"') {
            let (part, quote) = match part.strip_suffix('"') {
                Some(part) => (part, "\\\""),
                None => (part, ""),
            };
            write_plain(line, part);
            line.push_str(quote);
        }
        line.push('"');
    } else {
        write_plain(line, text);
    }
}

/// Text with its control characters spelt out: a line stays one line, and no logged page can steer the terminal.
fn write_plain(line: &mut String, text: &str) {
    for c in text.chars() {
        if c.is_control() {
            // Writing into a string cannot fail.
            let _ = write!(line, "{}", c.escape_default());
        } else {
            line.push(c);
        }
    }
}

/// Writes the hour, minute and second of the person's time zone, computed once a second.
#[derive(Debug, Default)]
pub(super) struct WallClock {
    second: Option<i64>,
    text: String,
}

impl WallClock {
    fn write(&mut self, line: &mut String, now: Timestamp) {
        if self.second != Some(now.as_second()) {
            self.second = Some(now.as_second());
            self.text.clear();
            let local = Zoned::new(now, TimeZone::system());
            let _ = write!(self.text, "{}", local.strftime("%H:%M:%S"));
        }
        line.push_str(&self.text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> String {
        let mut line = String::new();
        write_value(&mut line, text);
        line
    }

    #[test]
    fn colours_are_given_back_and_left_out_where_nobody_sees_them() {
        let written = |colour| {
            let mut line = String::new();
            Terminal { colour }.paint(&mut line, RED, |line| line.push_str("failed"));
            line
        };
        assert_eq!(written(true), "\u{1b}[31mfailed\u{1b}[0m");
        assert_eq!(written(false), "failed");
    }

    #[test]
    fn values_are_quoted_only_where_a_reader_needs_it() {
        assert_eq!(value("https://example.org/a?b"), "https://example.org/a?b");
        assert_eq!(value("two words"), "\"two words\"");
        assert_eq!(value("say \"hi\""), "\"say \\\"hi\\\"\"");
        assert_eq!(value(""), "\"\"");
    }

    #[test]
    fn logged_text_can_neither_break_the_line_nor_steer_the_terminal() {
        assert_eq!(value("a\nb\u{1b}[31mred\u{7f}"), "a\\nb\\u{1b}[31mred\\u{7f}");
    }

    #[test]
    fn ids_are_shortened_to_the_part_that_differs() {
        assert_eq!(short_id("019aab12-3c4d-7e5f-8a9b-0123456789ab"), "456789ab");
        assert_eq!(short_id("ünïcødé"), "ünïcødé");
        assert_eq!(short_id("päth/ünïcødé"), "/ünïcødé");
    }

    #[test]
    fn a_cause_that_was_quoted_already_is_not_said_twice() {
        let mut line = String::new();
        write_chain(&mut line, ["cannot save: disk full", "disk full", "os error 28"].into_iter());
        assert_eq!(line, "cannot save: disk full: os error 28");
    }
}
