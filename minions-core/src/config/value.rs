//! Configuration values that know where they came from.

use std::collections::{BTreeMap, btree_map};
use std::fmt;
use std::sync::Arc;

use crate::config::{KeyPath, Origin, Segment};

/// One value of the configuration, with its origin.
///
/// `Debug` prints the kind and the origin, never the content, since any value may turn out to be a secret.
#[derive(Clone, PartialEq)]
pub struct Value {
    data: Data,
    origin: Origin,
    raw: Option<Arc<str>>,
}

/// The content of a [`Value`].
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum Data {
    /// Nothing, as JSON and YAML can say it.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number; readers give what fits `i64` or `u64`.
    Integer(i128),
    /// A number with a fraction.
    Float(f64),
    /// Text; dates and times of TOML arrive as text too.
    String(String),
    /// Values in order.
    List(Vec<Value>),
    /// Values by key.
    Table(Table),
}

/// Values by key, in alphabetical order.
#[derive(Clone, Default, PartialEq)]
pub struct Table(BTreeMap<String, Value>);

/// The origin of values that a program made without saying where.
const CODE: Origin = Origin::Code("code");

impl Value {
    /// A value that came from `origin`.
    #[must_use]
    pub fn new(data: Data, origin: Origin) -> Self {
        Self { data, origin, raw: None }
    }

    /// Keeps the text that the value was read from, so that a text field given `5` gets "5".
    #[must_use]
    pub fn with_raw(mut self, text: impl Into<Arc<str>>) -> Self {
        self.raw = Some(text.into());
        self
    }

    /// The content.
    #[must_use]
    pub fn data(&self) -> &Data {
        &self.data
    }

    /// Where the value came from.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The value as text: its own if it is text, else the text it was read from if that is known.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &self.data {
            Data::String(text) => Some(text),
            _ => self.raw.as_deref(),
        }
    }

    /// The value as a table, if it is one.
    #[must_use]
    pub fn as_table(&self) -> Option<&Table> {
        match &self.data {
            Data::Table(table) => Some(table),
            _ => None,
        }
    }

    /// What kind of value this is, with its article: "a string", "an integer", …
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.data {
            Data::Null => "null",
            Data::Bool(_) => "a boolean",
            Data::Integer(_) => "an integer",
            Data::Float(_) => "a number",
            Data::String(_) => "a string",
            Data::List(_) => "a list",
            Data::Table(_) => "a table",
        }
    }

    /// The content as JSON, for display. It reveals secrets: the caller decides what may be shown.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match &self.data {
            Data::Null => serde_json::Value::Null,
            Data::Bool(value) => (*value).into(),
            Data::Integer(value) => match (i64::try_from(*value), u64::try_from(*value)) {
                (Ok(value), _) => value.into(),
                (_, Ok(value)) => value.into(),
                _ => (*value).to_string().into(),
            },
            // JSON has no infinities and no NaN; their names are the next best thing to show.
            Data::Float(value) if !value.is_finite() => value.to_string().into(),
            Data::Float(value) => (*value).into(),
            Data::String(value) => value.clone().into(),
            Data::List(values) => values.iter().map(Value::to_json).collect(),
            Data::Table(table) => table.iter().map(|(key, value)| (key.to_owned(), value.to_json())).collect(),
        }
    }

    /// A value read from JSON, with one origin for all of it.
    #[must_use]
    pub fn from_json(json: serde_json::Value, origin: Origin) -> Self {
        let data = match json {
            serde_json::Value::Null => Data::Null,
            serde_json::Value::Bool(value) => Data::Bool(value),
            serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(value), _) => Data::Integer(value.into()),
                (_, Some(value)) => Data::Integer(value.into()),
                _ => Data::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            serde_json::Value::String(value) => Data::String(value),
            serde_json::Value::Array(values) => {
                Data::List(values.into_iter().map(|value| Self::from_json(value, origin.clone())).collect())
            }
            serde_json::Value::Object(values) => Data::Table(
                values.into_iter().map(|(key, value)| (key, Self::from_json(value, origin.clone()))).collect(),
            ),
        };
        Self::new(data, origin)
    }
}

impl Table {
    /// An empty table.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A table that holds one value at a path, with as many tables around it as the path needs.
    ///
    /// # Panics
    ///
    /// When the path is empty or has a list position: neither names a key.
    #[must_use]
    pub fn nested(path: &KeyPath, value: Value) -> Self {
        fn around(segments: &[Segment], value: Value) -> Value {
            let Some((first, rest)) = segments.split_first() else {
                return value;
            };
            let Segment::Key(key) = first else { panic!("a list position names no key") };
            let origin = value.origin.clone();
            let table = Table::from_iter([(key.clone(), around(rest, value))]);
            Value::new(Data::Table(table), origin)
        }
        assert!(!path.is_root(), "an empty path names no key");
        match around(path.segments(), value).data {
            Data::Table(table) => table,
            _ => unreachable!("a path with a key was wrapped in a table"),
        }
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// Sets a key, and returns the value it had.
    pub fn insert(&mut self, key: impl Into<String>, value: Value) -> Option<Value> {
        self.0.insert(key.into(), value)
    }

    /// Keys and values, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// The keys, in alphabetical order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Lays `over` on top: tables are merged key by key, anything else is replaced as a whole.
    pub fn merge(&mut self, over: Table) {
        for (key, new) in over.0 {
            match self.0.entry(key) {
                btree_map::Entry::Vacant(entry) => {
                    entry.insert(new);
                }
                btree_map::Entry::Occupied(mut entry) => match (&mut entry.get_mut().data, new.data) {
                    (Data::Table(old), Data::Table(new)) => old.merge(new),
                    (_, data) => {
                        entry.insert(Value { data, origin: new.origin, raw: new.raw });
                    }
                },
            }
        }
    }

    /// The part of the table whose values were given for this run only, see [`Origin::is_for_this_run`].
    #[must_use]
    pub(crate) fn for_this_run(&self) -> Table {
        let mut part = Table::new();
        for (key, value) in self.iter() {
            if value.origin.is_for_this_run() {
                part.insert(key, value.clone());
            } else if let Data::Table(table) = &value.data {
                let table = table.for_this_run();
                if !table.is_empty() {
                    part.insert(key, Value::new(Data::Table(table), value.origin.clone()));
                }
            }
        }
        part
    }
}

impl FromIterator<(String, Value)> for Table {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.data {
            Data::Table(table) => table.fmt(f),
            Data::List(values) => values.fmt(f),
            _ => write!(f, "<{} from {}>", self.kind(), self.origin),
        }
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Value::new(self.clone(), CODE).fmt(f)
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(&self.0).finish()
    }
}

macro_rules! from_code {
    ($($from:ty => $data:expr;)*) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                let data: fn($from) -> Data = $data;
                Value::new(data(value), CODE)
            }
        }
    )*};
}

from_code! {
    bool => Data::Bool;
    i32 => |value| Data::Integer(value.into());
    i64 => |value| Data::Integer(value.into());
    u32 => |value| Data::Integer(value.into());
    u64 => |value| Data::Integer(value.into());
    f64 => Data::Float;
    &str => |value| Data::String(value.to_owned());
    String => Data::String;
    Vec<Value> => Data::List;
    Table => Data::Table;
}

impl From<serde_json::Value> for Value {
    fn from(json: serde_json::Value) -> Self {
        Self::from_json(json, CODE)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn table(json: serde_json::Value) -> Table {
        Value::from(json).as_table().unwrap().clone()
    }

    fn json(table: &Table) -> serde_json::Value {
        Value::from(table.clone()).to_json()
    }

    #[test]
    fn tables_merge_deeply_and_the_rest_is_replaced() {
        let mut under = table(json!({"http": {"agent": "a", "tags": [1, 2], "retry": {"max": 1}}, "x": {"y": 1}}));
        under.merge(table(json!({"http": {"tags": [3], "retry": {"min": 0}}, "x": 5, "new": null})));
        assert_eq!(
            json(&under),
            json!({"http": {"agent": "a", "tags": [3], "retry": {"max": 1, "min": 0}}, "x": 5, "new": null})
        );
    }

    #[test]
    fn a_replaced_value_brings_its_origin_and_raw_text() {
        let mut under = table(json!({"port": 1}));
        let set = Value::new(Data::Integer(2), Origin::Set("port".into())).with_raw("2");
        under.merge(Table::nested(&KeyPath::parse("port").unwrap(), set));
        let port = under.get("port").unwrap();
        assert_eq!((port.origin().to_string(), port.as_text()), ("--set port".to_owned(), Some("2")));
    }

    #[test]
    fn nested_builds_the_tables_around() {
        let path = KeyPath::parse("a.b.c").unwrap();
        assert_eq!(json(&Table::nested(&path, 7_i64.into())), json!({"a": {"b": {"c": 7}}}));
        assert_eq!(json(&Table::nested(&KeyPath::parse("a").unwrap(), true.into())), json!({"a": true}));
    }

    #[test]
    fn json_survives_the_round_trip() {
        let all = json!({"n": null, "b": true, "i": -3, "u": u64::MAX, "f": 1.5, "s": "x", "l": [{"k": 1}]});
        assert_eq!(Value::from(all.clone()).to_json(), all);
    }

    #[test]
    fn debug_hides_the_content() {
        let text = format!("{:?}", Value::from(json!({"token": "hunter2", "pin": [4711]})));
        assert!(text.contains("token") && text.contains("a string from code"), "{text}");
        assert!(!text.contains("hunter2") && !text.contains("4711"), "{text}");
    }
}
