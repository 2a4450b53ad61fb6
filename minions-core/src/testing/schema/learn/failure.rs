//! Why a type refuses a made-up value.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use crate::config::KeyPath;

/// The error of the maker, with the innermost place at which it is known to have happened.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) place: Option<KeyPath>,
    pub(super) why: Why,
}

#[derive(Debug)]
pub(super) enum Why {
    Missing(&'static str),
    Twice(&'static str),
    Variant {
        found: String,
        known: &'static [&'static str],
    },
    Value {
        found: String,
        expected: String,
    },
    /// A type that contains itself without end.
    Endless,
    Other(String),
}

impl Failure {
    pub(super) fn endless() -> Self {
        Self { place: None, why: Why::Endless }
    }

    pub(super) fn at(mut self, place: &KeyPath) -> Self {
        self.place.get_or_insert_with(|| place.clone());
        self
    }
}

impl From<Why> for Failure {
    fn from(why: Why) -> Self {
        Self { place: None, why }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = self.place.as_ref().filter(|place| !place.is_root()) {
            write!(f, "`{place}`: ")?;
        }
        match &self.why {
            Why::Missing(field) => write!(f, "missing field `{field}`"),
            Why::Twice(field) => write!(f, "field `{field}` twice"),
            Why::Variant { found, .. } => write!(f, "unknown variant `{found}`"),
            Why::Value { found, expected } => write!(f, "expected {expected}, found {found}"),
            Why::Endless => f.write_str("it contains itself without end"),
            Why::Other(words) => f.write_str(words),
        }
    }
}

impl std::error::Error for Failure {}

impl de::Error for Failure {
    fn custom<T: fmt::Display>(words: T) -> Self {
        Why::Other(words.to_string()).into()
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Str(text) => text.to_owned(),
            other => other.to_string(),
        };
        Why::Value { found, expected: expected.to_string() }.into()
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(found: &str, known: &'static [&'static str]) -> Self {
        Why::Variant { found: found.to_owned(), known }.into()
    }

    fn missing_field(field: &'static str) -> Self {
        Why::Missing(field).into()
    }

    fn duplicate_field(field: &'static str) -> Self {
        Why::Twice(field).into()
    }
}
