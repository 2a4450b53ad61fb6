//! How serde walks through lists, tables, keys and variants.

use std::vec;

use serde::de::{self, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde::forward_to_deserialize_any;

use crate::config::decode::Patch;
use crate::config::decode::decoder::{Decoder, Input};
use crate::config::decode::fail::{Failure, Placed, Wrong};
use crate::config::{Data, KeyPath, Segment, Table, Value};

/// The elements of a list.
pub(super) struct Items<'a> {
    list: Decoder<'a>,
    inputs: vec::IntoIter<Input<'a>>,
    index: usize,
}

/// The entries of a table.
pub(super) struct Entries<'a> {
    entries: vec::IntoIter<(String, Decoder<'a>)>,
    value: Option<Decoder<'a>>,
}

/// The variant of an enum, with what belongs to it.
pub(super) struct Choice<'a> {
    at: Decoder<'a>,
    name: String,
    content: Option<Decoder<'a>>,
}

impl<'a> Items<'a> {
    pub(super) fn of(list: Decoder<'a>, values: &'a [Value]) -> Self {
        Self::new(list, values.iter().map(Input::Given).collect())
    }

    pub(super) fn made_up(list: Decoder<'a>, length: usize) -> Self {
        Self::new(list, vec![Input::MadeUp(0); length])
    }

    fn new(list: Decoder<'a>, inputs: Vec<Input<'a>>) -> Self {
        Self { list, inputs: inputs.into_iter(), index: 0 }
    }
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Failure;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Failure> {
        let Some(input) = self.inputs.next() else {
            return Ok(None);
        };
        let item = self.list.child(self.list.path.index(self.index), input);
        self.index += 1;
        item.placed(|| seed.deserialize(item.clone())).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.inputs.len())
    }
}

impl<'a> Entries<'a> {
    /// The entries which the type may see.
    ///
    /// For a struct, those are its fields: any other key is noted as unknown and left out, and fields without an
    /// entry are noted as defaults. Keys that were found missing in an earlier run are added with a made-up value.
    pub(super) fn of(at: &Decoder<'a>, table: Option<&'a Table>, fields: Option<&'static [&'static str]>) -> Self {
        let mut entries = Vec::new();
        for (key, value) in table.into_iter().flat_map(Table::iter) {
            let path = at.path.key(key);
            match fields {
                Some(known) if !known.contains(&key) => {
                    let wrong = Wrong::UnknownKey { key: key.to_owned(), known };
                    let origin = Some(value.origin().clone());
                    let unknown = Placed { path: at.path.clone(), origin, wrong, in_key: false };
                    at.run.notes.borrow_mut().unknown.push(unknown);
                }
                _ if at.run.patch(&path) == Some(Patch::Omit) => {}
                _ => entries.push((key.to_owned(), at.child(path, Input::Given(value)))),
            }
        }
        let is_set = |key: &str| table.is_some_and(|table| table.get(key).is_some());
        for path in at.run.patched_children(&at.path) {
            if let Some(Segment::Key(key)) = path.last()
                && !is_set(key)
                && at.run.patch(path) != Some(Patch::Omit)
            {
                entries.push((key.clone(), at.child(path.clone(), Input::MadeUp(0))));
            }
        }
        for field in fields.unwrap_or_default() {
            if !is_set(field) {
                at.run.notes.borrow_mut().keys.defaults.insert(at.path.key(*field));
            }
        }
        // What cannot be read at all would keep its neighbours from being read.
        entries.sort_by_key(|(_, entry)| at.run.is_stuck(&entry.path));
        Self { entries: entries.into_iter(), value: None }
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Failure;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Failure> {
        let Some((key, entry)) = self.entries.next() else {
            return Ok(None);
        };
        let read = entry.placed(|| seed.deserialize(Key(&key)));
        self.value = Some(entry);
        read.map(Some).map_err(in_key)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Failure> {
        let Some(entry) = self.value.take() else {
            return Err(de::Error::custom("the type asked for a value before its key"));
        };
        entry.placed(|| seed.deserialize(entry.clone()))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

fn in_key(failure: Failure) -> Failure {
    match failure {
        Failure::Placed(placed) => Failure::Placed(Box::new(Placed { in_key: true, ..*placed })),
        loose @ Failure::Loose(_) => loose,
    }
}

/// Deserialises the key of an entry, which is text but may be wanted as a number.
struct Key<'a>(&'a str);

macro_rules! parsed_keys {
    ($($method:ident: $visit:ident;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            match self.0.parse() {
                Ok(value) => visitor.$visit(value),
                Err(_) => visitor.visit_str(self.0),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Key<'_> {
    type Error = Failure;

    parsed_keys! {
        deserialize_bool: visit_bool;
        deserialize_i8: visit_i64;
        deserialize_i16: visit_i64;
        deserialize_i32: visit_i64;
        deserialize_i64: visit_i64;
        deserialize_u8: visit_u64;
        deserialize_u16: visit_u64;
        deserialize_u32: visit_u64;
        deserialize_u64: visit_u64;
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_enum(de::value::StrDeserializer::new(self.0))
    }

    forward_to_deserialize_any! {
        i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

impl<'a> Choice<'a> {
    /// The variant `name` at a place; `content` is what stands under its name, if it is written as a table.
    pub(super) fn of(at: Decoder<'a>, name: &str, content: Option<Input<'a>>) -> Self {
        let path: KeyPath = at.path.key(name);
        let content = content.map(|input| at.child(path, input));
        Self { at, name: name.to_owned(), content }
    }

    /// The decoder of the content, or a failure that says how to write one.
    fn content(self) -> Result<Decoder<'a>, Failure> {
        self.content.ok_or_else(|| {
            let words = format!("`{0}` needs a value: write {{ {0} = … }}", self.name);
            self.at.placed::<()>(|| Err(de::Error::custom(words))).unwrap_err()
        })
    }
}

impl<'de> EnumAccess<'de> for Choice<'_> {
    type Error = Failure;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Failure> {
        let variant = self.at.placed(|| seed.deserialize(Key(&self.name)))?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Choice<'_> {
    type Error = Failure;

    fn unit_variant(self) -> Result<(), Failure> {
        let Some(content) = self.content else {
            return Ok(());
        };
        match content.input {
            Input::Given(value) => match value.data() {
                Data::Null => Ok(()),
                Data::Table(table) if table.is_empty() => Ok(()),
                _ => content.placed(|| {
                    let words = format!("`{0}` takes no value: write just \"{0}\"", self.name);
                    Err(de::Error::custom(words))
                }),
            },
            Input::Absent | Input::MadeUp(_) => Ok(()),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Failure> {
        let content = self.content()?;
        content.placed(|| seed.deserialize(content.clone()))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Failure> {
        self.content()?.deserialize_tuple(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Failure> {
        self.content()?.deserialize_struct("", fields, visitor)
    }
}
