//! The deserialiser over one value.

use serde::de::{Deserializer, Visitor};

use crate::config::decode::access::{Choice, Entries, Items};
use crate::config::decode::fail::{self, Failure, Wrong};
use crate::config::decode::{Patch, Run, made_up};
use crate::config::{Data, KeyPath, Origin, Value, secret};

/// Deserialises the value at one place.
#[derive(Clone)]
pub(super) struct Decoder<'a> {
    pub(super) run: &'a Run<'a>,
    pub(super) path: KeyPath,
    pub(super) input: Input<'a>,
    pub(super) secret: bool,
}

/// What there is at a place.
#[derive(Clone, Copy)]
pub(super) enum Input<'a> {
    /// A configured value.
    Given(&'a Value),
    /// Nothing: the whole section is absent.
    Absent,
    /// Whatever is asked; the number counts the attempts.
    MadeUp(usize),
}

/// Made-up values stop here: a type that still wants more contains itself.
const DEEPEST: usize = 64;

impl<'a> Decoder<'a> {
    pub(super) fn root(run: &'a Run<'a>, input: Input<'a>) -> Self {
        Self { run, path: KeyPath::root(), input: Self::patched(run, &KeyPath::root(), input), secret: false }
    }

    /// The decoder of a place inside this one.
    pub(super) fn child(&self, path: KeyPath, input: Input<'a>) -> Self {
        Self { run: self.run, input: Self::patched(self.run, &path, input), path, secret: self.secret }
    }

    fn patched(run: &Run<'_>, path: &KeyPath, input: Input<'a>) -> Input<'a> {
        match run.patch(path) {
            Some(Patch::MadeUp(attempt)) => Input::MadeUp(attempt),
            Some(Patch::Stuck | Patch::Omit) => Input::MadeUp(0),
            None => input,
        }
    }

    /// Runs user code that reads this place, and gives its failure and its secrets their place.
    pub(super) fn placed<V>(&self, read: impl FnOnce() -> Result<V, Failure>) -> Result<V, Failure> {
        let secrets = secret::unplaced();
        let result = read();
        if secret::unplaced() != secrets {
            secret::placed(secrets);
            self.note_secret();
        }
        result.map_err(|failure| failure.place(&self.path, self.origin(), self.secret))
    }

    pub(super) fn origin(&self) -> Option<&'a Origin> {
        match self.input {
            Input::Given(value) => Some(value.origin()),
            Input::Absent | Input::MadeUp(_) => None,
        }
    }

    fn note_secret(&self) {
        self.run.notes.borrow_mut().keys.secrets.insert(self.path.clone());
    }

    /// Keeps what type was asked for at a place that had to be made up, for the report about what is missing.
    fn note_expected(&self, words: impl FnOnce() -> String) {
        if self.run.patch(&self.path).is_some() {
            self.run.notes.borrow_mut().expected.entry(self.path.clone()).or_insert_with(words);
        }
    }

    /// Hands out a value as what it is.
    fn visit_given<'de, V: Visitor<'de>>(&self, value: &'a Value, visitor: V) -> Result<V::Value, Failure> {
        match value.data() {
            Data::Null => visitor.visit_unit(),
            Data::Bool(value) => visitor.visit_bool(*value),
            Data::Integer(value) => match (u64::try_from(*value), i64::try_from(*value)) {
                (Ok(value), _) => visitor.visit_u64(value),
                (_, Ok(value)) => visitor.visit_i64(value),
                _ => visitor.visit_i128(*value),
            },
            Data::Float(value) => visitor.visit_f64(*value),
            Data::String(value) => visitor.visit_str(value),
            Data::List(values) => visitor.visit_seq(Items::of(self.clone(), values)),
            Data::Table(table) => visitor.visit_map(Entries::of(self, Some(table), None)),
        }
    }

    /// Reads a value that is neither list nor table; `make_up` supplies one where needed.
    fn scalar<'de, V: Visitor<'de>>(
        &self,
        visitor: V,
        make_up: impl FnOnce(usize, V) -> Result<V::Value, Failure>,
    ) -> Result<V::Value, Failure> {
        self.placed(|| match self.input {
            Input::Given(value) => self.visit_given(value, visitor),
            Input::Absent => Err(missing()),
            Input::MadeUp(attempt) => {
                self.note_expected(|| fail::describe(&visitor));
                make_up(attempt, visitor)
            }
        })
    }

    fn text<'de, V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value, Failure> {
        if let Input::Given(value) = self.input
            && let Some(text) = value.as_text()
        {
            return self.placed(|| visitor.visit_str(text));
        }
        self.scalar(visitor, |attempt, visitor| visitor.visit_str(made_up::text(attempt)))
    }

    /// Reads a list; `length` is that of a tuple.
    fn list<'de, V: Visitor<'de>>(&self, length: Option<usize>, visitor: V) -> Result<V::Value, Failure> {
        self.placed(|| match self.input {
            Input::Given(value) => match value.data() {
                Data::List(values) => {
                    let read = visitor.visit_seq(Items::of(self.clone(), values))?;
                    match length {
                        Some(length) if values.len() > length => {
                            let (expected, found) = (fail::list_of(length), format!("{} of them", values.len()));
                            Err(Failure::Loose(Wrong::Value { expected, kind: found.clone(), found }))
                        }
                        _ => Ok(read),
                    }
                }
                _ => Err(Failure::Loose(Wrong::kind(&visitor, value.kind()))),
            },
            Input::Absent => Err(missing()),
            Input::MadeUp(attempt) => {
                self.note_expected(|| fail::describe(&visitor));
                let length = length.unwrap_or_else(|| attempt.min(1));
                visitor.visit_seq(Items::made_up(self.clone(), length))
            }
        })
    }

    /// Reads a table; `fields` are the keys of a struct.
    fn table<'de, V: Visitor<'de>>(
        &self,
        fields: Option<&'static [&'static str]>,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.placed(|| {
            let table = match self.input {
                Input::Given(value) => match value.data() {
                    Data::Table(table) => Some(table),
                    // `http:` with nothing below it is how YAML spells an empty section.
                    Data::Null if self.path.is_root() => None,
                    // Some types take a table or a switch; those that do not say so themselves.
                    Data::Bool(on) => return visitor.visit_bool(*on),
                    _ => return Err(Failure::Loose(Wrong::kind(&visitor, value.kind()))),
                },
                Input::Absent => None,
                Input::MadeUp(_) => {
                    self.note_expected(|| "a table".to_owned());
                    None
                }
            };
            visitor.visit_map(Entries::of(self, table, fields))
        })
    }
}

/// The failure of a section that is absent and needed as a whole.
fn missing() -> Failure {
    Failure::Loose(Wrong::Missing { field: None, expected: None })
}

macro_rules! scalars {
    ($($method:ident: $visit:ident($make_up:expr);)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            self.scalar(visitor, |attempt, visitor| visitor.$visit($make_up(attempt)))
        }
    )*};
}

macro_rules! texts {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            self.text(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Decoder<'_> {
    type Error = Failure;

    scalars! {
        deserialize_bool: visit_bool(|attempt| attempt % 2 == 1);
        deserialize_i8: visit_u64(made_up::integer);
        deserialize_i16: visit_u64(made_up::integer);
        deserialize_i32: visit_u64(made_up::integer);
        deserialize_i64: visit_u64(made_up::integer);
        deserialize_i128: visit_u64(made_up::integer);
        deserialize_u8: visit_u64(made_up::integer);
        deserialize_u16: visit_u64(made_up::integer);
        deserialize_u32: visit_u64(made_up::integer);
        deserialize_u64: visit_u64(made_up::integer);
        deserialize_u128: visit_u64(made_up::integer);
        deserialize_f32: visit_f64(made_up::float);
        deserialize_f64: visit_f64(made_up::float);
    }

    texts! { deserialize_str deserialize_string deserialize_char deserialize_identifier
    deserialize_bytes deserialize_byte_buf }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.placed(|| match self.input {
            Input::Given(value) => self.visit_given(value, visitor),
            Input::Absent => visitor.visit_map(Entries::of(&self, None, None)),
            Input::MadeUp(attempt) => made_up::anything(attempt, visitor),
        })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.input {
            Input::Given(value) if *value.data() != Data::Null => self.placed(|| visitor.visit_some(self.clone())),
            _ => self.placed(|| visitor.visit_none()),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.placed(|| match self.input {
            Input::Given(value) => match value.data() {
                // Read as a struct without fields, so that each key in it is reported.
                Data::Table(table) => {
                    Entries::of(&self, Some(table), Some(&[]));
                    visitor.visit_unit()
                }
                _ => self.visit_given(value, visitor),
            },
            Input::Absent | Input::MadeUp(_) => visitor.visit_unit(),
        })
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(mut self, name: &str, visitor: V) -> Result<V::Value, Failure> {
        if name == secret::MARKER {
            self.note_secret();
            self.secret = true;
            self.placed(|| visitor.visit_some(self.clone()))
        } else {
            self.placed(|| visitor.visit_newtype_struct(self.clone()))
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.list(None, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Failure> {
        self.list(Some(length), visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.list(Some(length), visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.table(None, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.table(Some(fields), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.placed(|| {
            let choice = match self.input {
                Input::Given(value) => match (value.data(), value.as_text()) {
                    (Data::Table(table), _) if table.len() == 1 => {
                        table.iter().next().map(|(name, content)| (name, Some(Input::Given(content))))
                    }
                    (Data::Table(_), _) => None,
                    (_, text) => text.map(|name| (name, None)),
                }
                .ok_or_else(|| {
                    let (expected, kind) = (fail::one_of(variants), value.kind().to_owned());
                    Failure::Loose(Wrong::Value { expected, found: kind.clone(), kind })
                })?,
                Input::Absent => return Err(missing()),
                Input::MadeUp(attempt) => {
                    self.note_expected(|| fail::one_of(variants));
                    let depth = self.path.segments().len();
                    if variants.is_empty() || depth > DEEPEST {
                        return Err(made_up::too_deep(&visitor));
                    }
                    // The depth leads out of variants that contain their own enum.
                    (variants[(depth + attempt) % variants.len()], Some(Input::MadeUp(0)))
                }
            };
            visitor.visit_enum(Choice::of(self.clone(), choice.0, choice.1))
        })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }
}
