//! Values that are never printed.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};

/// A value of the configuration that is never printed: a password, a token, a key.
///
/// `Debug` and `Display` print `***`, errors about it do not quote it, and it cannot be serialised.
///
/// ```
/// # use minions_core::config::Secret;
/// let token = Secret::from("hunter2".to_owned());
/// assert_eq!(format!("{token} {token:?}"), "*** ***");
/// assert_eq!(token.expose(), "hunter2");
/// ```
#[derive(Clone, Default)]
pub struct Secret<T>(T);

/// The name under which a [`Secret`] asks to be deserialised; the decoder of this module knows it.
pub(crate) const MARKER: &str = "$minions::Secret";

thread_local! {
    /// How many secrets this thread has read through deserialisers that cannot tell where they are.
    ///
    /// Serde buffers flattened and tagged data and hands it out through a deserialiser of its own. The decoder
    /// compares this count before and after, and treats the whole place as secret when it has grown.
    static UNPLACED: Cell<usize> = const { Cell::new(0) };
}

impl<T> Secret<T> {
    /// The value itself: take care where it goes.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<T> fmt::Display for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(MARKER, SecretVisitor(PhantomData))
    }
}

/// The number of secrets read so far on this thread without a known place.
pub(crate) fn unplaced() -> usize {
    UNPLACED.get()
}

/// Forgets the secrets counted since `count` was taken, because their place was found.
pub(crate) fn placed(count: usize) {
    UNPLACED.set(count);
}

struct SecretVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for SecretVisitor<T> {
    type Value = Secret<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret")
    }

    /// Called by our decoder alone, which knows the place and keeps the value out of its errors.
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Secret<T>, D::Error> {
        T::deserialize(deserializer).map(Secret)
    }

    /// Called by every other deserialiser; its errors may quote the value, so their words are dropped.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Secret<T>, D::Error> {
        UNPLACED.set(UNPLACED.get() + 1);
        T::deserialize(deserializer).map(Secret).map_err(|_| de::Error::custom("the value of a secret is not valid"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_deserialisers_read_it_and_do_not_quote_it() {
        let secret: Secret<String> = serde_json::from_str("\"hunter2\"").unwrap();
        assert_eq!(secret.expose(), "hunter2");
        let error = serde_json::from_str::<Secret<u8>>("\"hunter2\"").unwrap_err().to_string();
        assert!(error.contains("secret") && !error.contains("hunter2"), "{error}");
    }
}
