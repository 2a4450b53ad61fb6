//! JSON.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use minions_core::config::{Data, Problem, Table, Value};

use super::Source;
use super::position::Lines;

pub(super) fn parse(source: Source<'_>) -> Result<Table, Vec<Problem>> {
    let whole: &RawValue = serde_json::from_str(source.text).map_err(|error| vec![malformed(source, &error)])?;
    let mut reader = Reader { source, lines: Lines::new(source.text), problems: Vec::new() };
    let value = reader.value(whole);
    if reader.problems.is_empty() { source.root(&value) } else { Err(reader.problems) }
}

fn malformed(source: Source<'_>, error: &serde_json::Error) -> Problem {
    let (line, column) = (error.line().max(1), error.column().max(1));
    let words = error.to_string();
    // The place stands in front of the problem already.
    let words = words.split(" at line ").next().unwrap_or_default();
    source.malformed((line, column), words)
}

/// Reads raw pieces of the text, and knows where they stand because they borrow from it.
struct Reader<'a> {
    source: Source<'a>,
    lines: Lines<'a>,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn value(&mut self, raw: &'a RawValue) -> Value {
        let text = raw.get();
        // A borrowed piece starts inside the text, so the distance is its offset.
        let offset = (text.as_ptr() as usize).saturating_sub(self.source.text.as_ptr() as usize);
        let origin = self.source.origin(self.lines.position(offset));
        let read = match text.as_bytes().first() {
            Some(b'{') => serde_json::from_str(text).map(|Entries(entries)| Data::Table(self.table(entries))),
            Some(b'[') => serde_json::from_str(text)
                .map(|items: Vec<&RawValue>| Data::List(items.into_iter().map(|item| self.value(item)).collect())),
            _ => serde_json::from_str(text).map(|json| Value::from_json(json, origin.clone()).data().clone()),
        };
        let data = read.unwrap_or_else(|error| {
            // The whole text was well-formed, so this is a number that fits no type.
            self.problems.push(malformed(self.source, &error).at(origin.clone()));
            Data::Null
        });
        Value::new(data, origin)
    }

    fn table(&mut self, entries: Vec<(String, &'a RawValue)>) -> Table {
        let mut table = Table::new();
        for (key, raw) in entries {
            let value = self.value(raw);
            let origin = value.origin().clone();
            if table.insert(key.as_str(), value).is_some() {
                self.problems.push(Problem::new(format!("`{key}` is given twice")).at(origin));
            }
        }
        table
    }
}

/// The entries of an object in the order of the text, duplicates included.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<'de>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(Object)
    }
}
