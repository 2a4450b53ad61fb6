//! The deserialiser that makes values up.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde::de::{Deserializer, Visitor};

use crate::config::{KeyPath, made_up};

use super::access::{Entries, Items, Variant};
use super::failure::Failure;
use super::plan::{Fact, Form, Plan};

/// One try.
pub(super) struct Run<'a> {
    plan: &'a Plan,
    seen: RefCell<Seen>,
}

/// What a type asked for during one try.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) choices: Vec<Choice>,
    /// Places that may be empty.
    pub(super) optional: BTreeSet<KeyPath>,
    /// Places where anything was asked for.
    pub(super) anything: BTreeSet<KeyPath>,
    /// Tables whose keys are not told, in the order in which they were asked for.
    pub(super) tables: Vec<KeyPath>,
    /// The texts that know their place.
    pub(super) texts: BTreeMap<String, KeyPath>,
    /// The key that was handed out last.
    pub(super) last_key: Option<KeyPath>,
}

/// An enum at a place, and what was taken of it.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub(super) place: KeyPath,
    pub(super) of: Enum,
    pub(super) taken: usize,
}

/// An enum, by what is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Enum {
    name: &'static str,
    pub(super) variants: &'static [&'static str],
}

impl<'a> Run<'a> {
    pub(super) fn of(plan: &'a Plan) -> Self {
        Self { plan, seen: RefCell::default() }
    }

    pub(super) fn seen(&self) -> Seen {
        self.seen.borrow().clone()
    }
}

/// Makes up the value at one place.
#[derive(Clone)]
pub(super) struct Maker<'a> {
    run: &'a Run<'a>,
    place: KeyPath,
    /// How many values the places around it have refused: each refusal changes what is inside, too.
    refused: usize,
    /// The structs and enums that it lies in.
    inside: Rc<Vec<Enum>>,
}

/// A type may lie in itself so often; what would lie deeper is left out.
const NESTED: usize = 1;

impl<'a> Maker<'a> {
    pub(super) fn root(run: &'a Run<'a>) -> Self {
        Self { run, place: KeyPath::root(), refused: 0, inside: Rc::default() }
    }

    pub(super) fn key(&self, key: &str) -> Self {
        self.at(self.place.key(key))
    }

    pub(super) fn index(&self, index: usize) -> Self {
        self.at(self.place.index(index))
    }

    fn at(&self, place: KeyPath) -> Self {
        Self { run: self.run, place, refused: self.attempt(), inside: self.inside.clone() }
    }

    /// The same place inside the type `of`.
    fn within(&self, of: Enum) -> Self {
        let mut inside = Vec::clone(&self.inside);
        inside.push(of);
        Self { inside: Rc::new(inside), ..self.clone() }
    }

    fn nested(&self, of: Enum) -> usize {
        self.inside.iter().filter(|around| **around == of).count()
    }

    pub(super) fn fact(&self) -> Option<&'a Fact> {
        self.run.plan.facts.get(&self.place)
    }

    fn attempt(&self) -> usize {
        self.refused + self.fact().map_or(0, |fact| fact.attempt)
    }

    pub(super) fn is_omitted(&self) -> bool {
        self.fact().is_some_and(|fact| fact.omit)
    }

    pub(super) fn note(&self, note: impl FnOnce(&mut Seen, &KeyPath)) {
        note(&mut self.run.seen.borrow_mut(), &self.place);
    }

    /// Gives a failure this place unless it has one.
    pub(super) fn placed<V>(&self, read: impl FnOnce() -> Result<V, Failure>) -> Result<V, Failure> {
        read().map_err(|failure| failure.at(&self.place))
    }

    fn bare(&self) -> bool {
        self.run.plan.bare
    }

    fn is_empty(&self) -> bool {
        self.note(|seen, place| {
            seen.optional.insert(place.clone());
        });
        self.bare() || self.fact().is_some_and(|fact| fact.empty)
    }

    fn extreme(&self) -> bool {
        !self.bare() && !self.run.plan.tame && self.attempt() == 0
    }

    /// A small number; each refusal makes it another one.
    fn small(&self) -> u64 {
        let first = !self.bare() && !self.run.plan.tame;
        (self.attempt() - usize::from(first && self.attempt() > 0)) as u64
    }

    pub(super) fn text(&self) -> &'static str {
        match self.fact().and_then(|fact| fact.known) {
            Some(known) => self.one_of(known),
            None => made_up::text(self.attempt() + usize::from(!self.bare())),
        }
    }

    /// One of the texts that a type has named, as if they were variants.
    fn one_of(&self, known: &'static [&'static str]) -> &'static str {
        known[self.choose(Enum { name: "", variants: known })]
    }

    fn choose(&self, of: Enum) -> usize {
        let fact = self.fact();
        let taken = fact.and_then(|fact| fact.variant).unwrap_or_else(|| self.nested(of)) % of.variants.len();
        self.note(|seen, place| {
            if !seen.choices.iter().any(|choice| choice.place == *place) {
                seen.choices.push(Choice { place: place.clone(), of, taken });
            }
        });
        taken
    }

    fn integer<'de, V: Visitor<'de>>(&self, extreme: i128, visitor: V) -> Result<V::Value, Failure> {
        self.placed(|| match (self.extreme(), i64::try_from(extreme)) {
            (true, Ok(number)) if number < 0 => visitor.visit_i64(number),
            (true, _) => visitor.visit_u64(u64::try_from(extreme).unwrap_or(u64::MAX)),
            (false, _) => visitor.visit_u64(self.small()),
        })
    }

    fn float<'de, V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value, Failure> {
        let first = usize::from(!self.bare());
        self.placed(|| visitor.visit_f64([0.0, 0.5, 1.0, 2.0][(self.attempt() + first) % 4]))
    }

    fn list<'de, V: Visitor<'de>>(&self, length: usize, visitor: V) -> Result<V::Value, Failure> {
        self.placed(|| visitor.visit_seq(Items::of(self.clone(), length)))
    }

    /// A table whose keys nobody tells.
    fn table<'de, V: Visitor<'de>>(&self, extra: bool, visitor: V) -> Result<V::Value, Failure> {
        self.note(|seen, place| seen.tables.push(place.clone()));
        let known = self.fact().map_or(&[][..], |fact| &fact.keys[..]);
        self.placed(|| visitor.visit_map(Entries::of(self, known, extra)))
    }
}

macro_rules! integers {
    ($($method:ident: $extreme:expr;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            self.integer($extreme, visitor)
        }
    )*};
}

macro_rules! same {
    ($($to:ident: $($method:ident)*;)*) => {$($(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            self.$to(visitor)
        }
    )*)*};
}

impl<'de> Deserializer<'de> for Maker<'_> {
    type Error = Failure;

    // A number that is as great as its type allows fits into no smaller one, and a negative one into none without a sign.
    integers! {
        deserialize_i8: i128::from(i8::MIN);
        deserialize_i16: i128::from(i16::MIN);
        deserialize_i32: i128::from(i32::MIN);
        deserialize_i64: i128::from(i64::MIN);
        deserialize_i128: i128::from(i64::MIN);
        deserialize_u8: i128::from(u8::MAX);
        deserialize_u16: i128::from(u16::MAX);
        deserialize_u32: i128::from(u32::MAX);
        deserialize_u64: i128::from(u64::MAX);
        deserialize_u128: i128::from(u64::MAX);
    }

    same! {
        deserialize_str: deserialize_string deserialize_char deserialize_identifier;
        deserialize_f64: deserialize_f32;
        deserialize_bytes: deserialize_byte_buf;
        deserialize_unit: deserialize_ignored_any;
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.placed(|| visitor.visit_bool(self.attempt().is_multiple_of(2) != self.bare()))
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.float(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.placed(|| visitor.visit_str(self.text()))
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        if self.attempt() == 0 { self.placed(|| visitor.visit_bytes(b"a")) } else { self.deserialize_str(visitor) }
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.note(|seen, place| {
            seen.anything.insert(place.clone());
        });
        if let Some(known) = self.fact().and_then(|fact| fact.known) {
            return self.placed(|| visitor.visit_str(self.one_of(known)));
        }
        match self.fact().and_then(|fact| fact.form).unwrap_or(Form::Known) {
            Form::Known => {
                let text = format!("any {}", self.place);
                self.note(|seen, place| {
                    seen.texts.insert(text.clone(), place.clone());
                });
                self.placed(|| visitor.visit_str(&text))
            }
            Form::Text(attempt) => self.placed(|| visitor.visit_str(made_up::text(attempt))),
            Form::Map => self.table(false, visitor),
            Form::Seq => self.list(usize::from(!self.bare()), visitor),
            Form::Integer => self.placed(|| visitor.visit_u64(1)),
            Form::Float => self.placed(|| visitor.visit_f64(0.5)),
            Form::Bool => self.placed(|| visitor.visit_bool(true)),
            Form::Null => self.placed(|| visitor.visit_unit()),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let empty = self.is_empty();
        self.placed(|| if empty { visitor.visit_none() } else { visitor.visit_some(self.clone()) })
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.placed(|| visitor.visit_unit())
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Failure> {
        self.placed(|| visitor.visit_newtype_struct(self.clone()))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let none = self.fact().is_some_and(|fact| fact.empty);
        // One that must not be empty says so only by refusing.
        let length = if self.is_empty() && !none { self.attempt().min(1) } else { usize::from(!none) };
        self.list(length, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Failure> {
        self.list(length, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.list(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let extra = !self.is_empty();
        self.table(extra, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let of = Enum { name, variants: fields };
        self.placed(|| {
            if self.nested(of) > NESTED {
                return Err(Failure::endless());
            }
            visitor.visit_map(Entries::of(&self.within(of), fields, false))
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let of = Enum { name, variants };
        self.placed(|| {
            // Each variant has had its turn inside itself, and none of them led out.
            if variants.is_empty() || self.nested(of) > variants.len() {
                return Err(Failure::endless());
            }
            let variant = variants[self.choose(of)];
            visitor.visit_enum(Variant::of(variant, self.within(of).key(variant)))
        })
    }
}
