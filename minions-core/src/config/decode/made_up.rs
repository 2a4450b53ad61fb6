//! Values made up for places whose configured value is missing or wrong.

use serde::de::{Unexpected, Visitor};

use crate::config::decode::fail::Failure;

/// Texts that together satisfy most types which parse one.
const TEXTS: [&str; 26] = [
    "",
    "a",
    "0",
    "1",
    "1s",
    "/",
    "127.0.0.1",
    "127.0.0.1:80",
    "localhost:80",
    "http://localhost/",
    "00000000-0000-0000-0000-000000000001",
    "1970-01-01",
    "1970-01-01T00:00:00Z",
    "00:00:00",
    "info",
    "true",
    "::1",
    "[::1]:80",
    "127.0.0.0/8",
    "1MB",
    "1/s",
    "* * * * *",
    "0 0 0 * * *",
    "1.0.0",
    "UTC",
    "a@example.com",
];

/// How many different values are tried at one place.
pub(crate) const ATTEMPTS: usize = TEXTS.len();

/// A text; each attempt is another one.
pub(crate) fn text(attempt: usize) -> &'static str {
    TEXTS[attempt % TEXTS.len()]
}

/// An integer, 0 first: most types accept it, and those that do not are content with 1.
pub(super) fn integer(attempt: usize) -> u64 {
    attempt as u64
}

/// A number with a fraction.
pub(super) fn float(attempt: usize) -> f64 {
    // Fractions between 0 and 1 are what a jitter or a ratio wants, so they come right after 0.
    [0.0, 0.5, 1.0, 2.0][attempt % 4]
}

/// A value for a visitor that takes several kinds and did not say which it wants.
pub(super) fn anything<'de, V: Visitor<'de>>(attempt: usize, visitor: V) -> Result<V::Value, Failure> {
    match attempt {
        0 => visitor.visit_unit(),
        1 => visitor.visit_bool(false),
        2 => visitor.visit_u64(1),
        3 => visitor.visit_f64(1.0),
        _ => visitor.visit_str(text(attempt - 4)),
    }
}

/// The failure of a made-up value that would contain itself for ever.
pub(super) fn too_deep<'de, V: Visitor<'de>>(visitor: &V) -> Failure {
    serde::de::Error::invalid_type(Unexpected::Other("a value without end"), visitor)
}
