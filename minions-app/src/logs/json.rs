//! One JSON object a line: `time`, `level`, `target`, `message`, then the fields of the enclosing spans from the
//! outermost inwards, then the event's own; an inner field replaces an outer one of the same name.

use std::fmt::Write as _;

use jiff::Timestamp;
use tracing::Metadata;

use super::fields::{Fields, Shape};

/// Writes the line of one event, its line feed included.
pub(super) fn write_line(line: &mut String, clock: &mut Clock, metadata: &Metadata<'_>, fields: &Fields) {
    line.push_str("{\"time\":\"");
    clock.write(line, Timestamp::now());
    line.push_str("\",\"level\":\"");
    line.push_str(metadata.level().as_str());
    line.push_str("\",\"target\":");
    write_text(line, metadata.target());
    line.push_str(",\"message\":");
    write_text(line, fields.message());

    let mut error = None;
    let mut has_chain = false;
    for (at, field) in fields.winners(0) {
        line.push(',');
        write_text(line, unreserved(field.name));
        line.push(':');
        match field.shape {
            Shape::Literal => line.push_str(field.text),
            Shape::Text | Shape::Error | Shape::Cause => write_text(line, field.text),
        }
        has_chain |= field.name == CHAIN;
        if field.shape == Shape::Error {
            error = Some(at);
        }
    }
    // Of several errors the innermost one is explained, and a field of the user's with that name stays as it is.
    if let Some(at) = error
        && !has_chain
    {
        line.push_str(",\"");
        line.push_str(CHAIN);
        line.push_str("\":");
        let mut separator = '[';
        for link in fields.chain(at) {
            line.push(separator);
            write_text(line, link);
            separator = ',';
        }
        line.push(']');
    }
    line.push_str("}\n");
}

const CHAIN: &str = "error_chain";

/// A user's field must not shadow what every line has, so it gets an underscore.
fn unreserved(name: &'static str) -> &'static str {
    match name {
        "time" => "time_",
        "level" => "level_",
        "target" => "target_",
        "message" => "message_",
        other => other,
    }
}

/// Writes a JSON string.
fn write_text(line: &mut String, text: &str) {
    line.push('"');
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c < ' ' || c == '"' || c == '\\') {
        line.push_str(&rest[..at]);
        // What was found is one byte long in UTF-8.
        let escaped = rest.as_bytes()[at];
        match escaped {
            b'"' => line.push_str("\\\""),
            b'\\' => line.push_str("\\\\"),
            b'\n' => line.push_str("\\n"),
            b'\r' => line.push_str("\\r"),
            b'\t' => line.push_str("\\t"),
            control => {
                // Writing into a string cannot fail.
                let _ = write!(line, "\\u{control:04x}");
            }
        }
        rest = &rest[at + 1..];
    }
    line.push_str(rest);
    line.push('"');
}

/// Writes RFC 3339 times in UTC with microseconds, keeping the part that changes once a second.
#[derive(Debug, Default)]
pub(super) struct Clock {
    second: Option<i64>,
    text: String,
}

impl Clock {
    fn write(&mut self, line: &mut String, now: Timestamp) {
        // Rounded down, so that the fraction below is never negative, not even before 1970.
        let nanoseconds = now.as_nanosecond();
        let second = nanoseconds.div_euclid(1_000_000_000) as i64;
        let micros = nanoseconds.rem_euclid(1_000_000_000) / 1_000;
        if self.second != Some(second) {
            self.second = Some(second);
            self.text.clear();
            let whole = Timestamp::from_second(second).unwrap_or(now);
            let _ = write!(self.text, "{}", whole.strftime("%Y-%m-%dT%H:%M:%S"));
        }
        line.push_str(&self.text);
        let _ = write!(line, ".{micros:06}Z");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_survive_a_json_reader_whatever_they_hold() {
        for text in
            ["", "plain", "quote \" and \\ backslash", "\n\r\t\u{0}\u{1f}\u{7f}", "ünïcødé 🦀", "\u{2028}", "\""]
        {
            let mut line = String::new();
            write_text(&mut line, text);
            assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text, "{line}");
            assert!(!line.contains('\n'));
        }
    }

    #[test]
    fn the_kept_second_never_shows_in_another_second() {
        let mut clock = Clock::default();
        for (nanoseconds, expected) in [
            (1_500_000_000_i128, "1970-01-01T00:00:01.500000Z"),
            (1_999_999_999, "1970-01-01T00:00:01.999999Z"),
            (2_000_000_000, "1970-01-01T00:00:02.000000Z"),
            (1_000_001_000, "1970-01-01T00:00:01.000001Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
        ] {
            let mut line = String::new();
            clock.write(&mut line, Timestamp::from_nanosecond(nanoseconds).unwrap());
            assert_eq!(line, expected);
        }
    }
}
