//! How serde walks through made-up lists, tables, keys and variants.

use std::vec;

use serde::de::{self, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::failure::Failure;
use super::maker::Maker;

/// The elements of a list.
pub(super) struct Items<'a> {
    list: Maker<'a>,
    next: usize,
    length: usize,
}

impl<'a> Items<'a> {
    pub(super) fn of(list: Maker<'a>, length: usize) -> Self {
        Self { list, next: 0, length }
    }
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Failure;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Failure> {
        if self.next == self.length {
            return Ok(None);
        }
        let item = self.list.index(self.next);
        self.next += 1;
        item.placed(|| seed.deserialize(item.clone())).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.length - self.next)
    }
}

/// The entries of a table.
pub(super) struct Entries<'a> {
    /// The key, unless the type may say what it wants, and the maker of the value.
    entries: vec::IntoIter<(Option<&'static str>, Maker<'a>)>,
    value: Option<Maker<'a>>,
}

/// Where the entry lies whose key is up to the type.
const ANY_KEY: &str = "*";

impl<'a> Entries<'a> {
    /// Entries with the keys `known`, and with `extra` one whose key is up to the type.
    pub(super) fn of(table: &Maker<'a>, known: &[&'static str], extra: bool) -> Self {
        let known = known.iter().map(|key| (Some(*key), table.key(key)));
        let extra = extra.then(|| (None, table.key(ANY_KEY)));
        let entries: Vec<_> = known.chain(extra).filter(|(_, value)| !value.is_omitted()).collect();
        Self { entries: entries.into_iter(), value: None }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Failure;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Failure> {
        let Some((key, value)) = self.entries.next() else {
            return Ok(None);
        };
        value.note(|seen, place| seen.last_key = Some(place.clone()));
        let read = value.placed(|| seed.deserialize(Key { key, value: value.clone() }));
        self.value = Some(value);
        read.map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Failure> {
        let value = self.value.take().expect("serde asks for a key before its value");
        value.placed(|| seed.deserialize(value.clone()))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// The key of an entry, which is stored as a text.
struct Key<'a> {
    key: Option<&'static str>,
    value: Maker<'a>,
}

macro_rules! made_up_keys {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            match self.key {
                Some(key) => visitor.visit_str(key),
                None => self.value.$method(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Key<'_> {
    type Error = Failure;

    made_up_keys! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_str(self.key.unwrap_or_else(|| self.value.text()))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let key = self.key.or_else(|| variants.first().copied()).unwrap_or_default();
        visitor.visit_enum(de::value::StrDeserializer::new(key))
    }

    forward_to_deserialize_any! {
        i128 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

/// One variant of an enum.
pub(super) struct Variant<'a> {
    name: &'static str,
    content: Maker<'a>,
}

impl<'a> Variant<'a> {
    pub(super) fn of(name: &'static str, content: Maker<'a>) -> Self {
        Self { name, content }
    }
}

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = Failure;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Failure> {
        let variant = seed.deserialize(Key { key: Some(self.name), value: self.content.clone() })?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = Failure;

    fn unit_variant(self) -> Result<(), Failure> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Failure> {
        self.content.placed(|| seed.deserialize(self.content.clone()))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Failure> {
        self.content.deserialize_tuple(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Failure> {
        self.content.deserialize_struct("", fields, visitor)
    }
}
