//! Sizes as people write them: `512KB`, `10MB`, `1GiB`, or a number of bytes.

use std::fmt;

use serde::Deserializer;
use serde::de::{self, Visitor};

const UNITS: [(&str, u64); 7] = [
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// The number of bytes that a text such as `10MB` says.
pub(super) fn parse(text: &str) -> Result<u64, String> {
    let trimmed = text.trim();
    let (number, unit) = trimmed.split_at(trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len()));
    let unit = if unit.is_empty() { "B" } else { unit.trim_start() };
    let length = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).map(|(_, length)| length);
    let (Some(length), false) = (length, number.is_empty()) else {
        return Err(format!("`{text}` is not a size; write a whole number and B, KB, MB, GB, KiB, MiB or GiB"));
    };
    let bytes = number.parse().ok().and_then(|number: u64| number.checked_mul(*length));
    bytes.ok_or_else(|| format!("`{text}` is too large"))
}

/// Deserialises a size from such a text or from a number of bytes.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    struct Size;

    impl Visitor<'_> for Size {
        type Value = u64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a size such as \"10MB\"")
        }

        fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<u64, E> {
            Ok(bytes)
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
            parse(text).map_err(E::custom)
        }
    }

    deserializer.deserialize_any(Size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [("0", 0), ("7B", 7), ("10MB", 10_000_000), ("10 MiB", 10 << 20), ("2gb", 2_000_000_000)] {
            assert_eq!(parse(text), Ok(bytes));
        }
        for text in ["", "MB", "1.5MB", "10 parsecs", "-1"] {
            assert!(parse(text).unwrap_err().contains("is not a size; write"), "{text}");
        }
        assert!(parse("99999999999999GiB").unwrap_err().contains("too large"));
    }
}
