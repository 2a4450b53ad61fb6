//! Bounds that may be `"unlimited"`.

use std::fmt;
use std::num::NonZeroUsize;

use serde::Deserializer;
use serde::de::{self, Visitor};

use super::size;

/// What stands for any number.
pub(crate) const WORD: &str = "unlimited";

/// Reads a count from a text: a number above 0, or the word.
pub(crate) fn parse(text: &str) -> Result<NonZeroUsize, String> {
    if text == WORD {
        return Ok(NonZeroUsize::MAX);
    }
    text.parse().map_err(|_| format!("it is a whole number above 0, or `{WORD}`"))
}

/// Deserialises a count from an integer above 0, or from the word.
pub(super) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NonZeroUsize, D::Error> {
    struct Count;

    impl Visitor<'_> for Count {
        type Value = NonZeroUsize;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an integer above 0, or \"unlimited\"")
        }

        fn visit_u64<E: de::Error>(self, count: u64) -> Result<NonZeroUsize, E> {
            let known = usize::try_from(count).ok().and_then(NonZeroUsize::new);
            known.ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(count), &self))
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<NonZeroUsize, E> {
            (text == WORD)
                .then_some(NonZeroUsize::MAX)
                .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
        }
    }

    deserializer.deserialize_any(Count)
}

/// Deserialises a size, or the word.
pub(super) fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    struct Size;

    impl Visitor<'_> for Size {
        type Value = u64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a size such as \"64MiB\", or \"unlimited\"")
        }

        fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<u64, E> {
            if bytes == 0 { Err(E::custom("nothing fits into 0 bytes")) } else { Ok(bytes) }
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
            if text == WORD {
                return Ok(u64::MAX);
            }
            self.visit_u64(size::parse(text).map_err(E::custom)?)
        }
    }

    deserializer.deserialize_any(Size)
}
