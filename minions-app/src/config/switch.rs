//! A part that is configured by a table or switched off by `false`.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A part of the program that is on, with its options, or off.
///
/// In a file it is a table of its options, `true` for all defaults, or `false` for off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Switch<T> {
    /// Switched on, with these options.
    On(T),
    /// Switched off.
    Off,
}

/// Options whose keys are known, so that an unknown one can be refused.
pub trait Fields {
    /// The keys of the options, as serde reads them.
    const FIELDS: &'static [&'static str];
}

impl<T> Switch<T> {
    /// The options, unless switched off.
    pub fn as_on(&self) -> Option<&T> {
        match self {
            Self::On(options) => Some(options),
            Self::Off => None,
        }
    }
}

impl<T: Default> Default for Switch<T> {
    fn default() -> Self {
        Self::On(T::default())
    }
}

impl<'de, T: Deserialize<'de> + Default + Fields> Deserialize<'de> for Switch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TableOrBool<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for TableOrBool<T> {
            type Value = Switch<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table, or false to switch it off")
            }

            fn visit_bool<E: de::Error>(self, on: bool) -> Result<Switch<T>, E> {
                Ok(if on { Switch::On(T::default()) } else { Switch::Off })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Switch<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Switch::On)
            }
        }

        // Asked for as a struct, so that the decoder knows the keys.
        deserializer.deserialize_struct("Switch", T::FIELDS, TableOrBool(PhantomData))
    }
}
