//! Durations as people write them, for `#[serde(with = "minions::config::duration")]`.
//!
//! A whole number and one of the units `ms`, `s`, `m`, `h` and `d`: `200ms`, `30s`, `5m`, `2h`, `1d`.
//!
//! ```
//! # extern crate minions_core as minions;
//! # use std::time::Duration;
//! #[derive(serde::Deserialize)]
//! struct Polling {
//!     #[serde(with = "minions::config::duration")]
//!     every: Duration,
//! }
//! let polling: Polling = serde_json::from_str(r#"{"every": "5m"}"#)?;
//! assert_eq!(polling.every, Duration::from_secs(300));
//! # Ok::<(), serde_json::Error>(())
//! ```

use std::fmt;
use std::time::Duration;

use serde::de::{self, Visitor};
use serde::{Deserializer, Serializer};

/// The units, largest first, with their length in milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Reads a duration such as `200ms`, `30s`, `5m`, `2h` or `1d`.
///
/// # Errors
///
/// A sentence saying what is wrong with the text.
pub fn parse(text: &str) -> Result<Duration, String> {
    let trimmed = text.trim();
    let (number, unit) = trimmed.split_at(trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len()));
    let unit = unit.trim_start();
    if number.is_empty() || unit.starts_with(['.', ',']) {
        return Err(format!("`{text}` is not a whole number and a unit, such as `30s`"));
    }
    if unit.is_empty() {
        return Err(format!("`{text}` has no unit; write ms, s, m, h or d, such as `{number}s`"));
    }
    let Some((_, length)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(format!("`{text}` has the unknown unit `{unit}`; write ms, s, m, h or d"));
    };
    let milliseconds = number.parse().ok().and_then(|number: u64| number.checked_mul(*length));
    milliseconds.map(Duration::from_millis).ok_or_else(|| format!("`{text}` is too long"))
}

/// Writes a duration with the largest unit that keeps it whole; what is below a millisecond is dropped.
#[must_use]
pub fn format(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    if milliseconds == 0 {
        return "0s".to_owned();
    }
    let unit = UNITS.iter().find(|(_, length)| milliseconds.is_multiple_of(u128::from(*length)));
    let (name, length) = unit.unwrap_or(&("ms", 1));
    format!("{}{name}", milliseconds / u128::from(*length))
}

/// Deserialises what [`parse`] reads.
///
/// # Errors
///
/// When the value is not text, or [`parse`] refuses it.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    struct Text;

    impl Visitor<'_> for Text {
        type Value = Duration;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a duration such as \"30s\"")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
            parse(text).map_err(E::custom)
        }
    }

    deserializer.deserialize_str(Text)
}

/// Serialises as [`format()`] writes it.
///
/// # Errors
///
/// Only those of the serialiser.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format(*duration))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read_and_written() {
        for (text, milliseconds) in
            [("200ms", 200), ("30s", 30_000), ("5m", 300_000), ("2h", 7_200_000), ("1d", 86_400_000), ("0s", 0)]
        {
            let duration = Duration::from_millis(milliseconds);
            assert_eq!(parse(text), Ok(duration));
            assert_eq!(format(duration), text);
        }
        assert_eq!(parse(" 90 s "), Ok(Duration::from_secs(90)));
        assert_eq!(format(Duration::from_secs(90)), "90s");
    }

    #[test]
    fn refusals_say_what_to_write() {
        for (text, words) in [
            ("30", "has no unit; write ms, s, m, h or d, such as `30s`"),
            ("30sec", "unknown unit `sec`"),
            ("1.5s", "not a whole number"),
            ("soon", "not a whole number"),
            ("-1s", "not a whole number"),
            ("", "not a whole number"),
            ("18446744073709551615d", "too long"),
            ("99999999999999999999s", "too long"),
        ] {
            let message = parse(text).unwrap_err();
            assert!(message.contains(words), "{text}: {message}");
        }
    }
}
