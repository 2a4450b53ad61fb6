//! TOML, the format of choice.

use ::toml::Spanned;
use ::toml::de::{DeArray, DeTable, DeValue};

use minions_core::config::{Data, Origin, Problem, Table, Value};

use super::Source;
use super::position::Lines;

pub(super) fn parse(source: Source<'_>) -> Result<Table, Vec<Problem>> {
    let lines = Lines::new(source.text);
    let place = |byte| source.origin(lines.position(byte));
    let document = DeTable::parse(source.text).map_err(|error| {
        let position = lines.position(error.span().map_or(0, |span| span.start));
        vec![source.malformed(position, error.message())]
    })?;
    let mut problems = Vec::new();
    let table = Reader { place: &place, problems: &mut problems }.table(document.get_ref());
    if problems.is_empty() { Ok(table) } else { Err(problems) }
}

/// A single value written as TOML, or nothing if the text is not TOML.
pub(in crate::config) fn value(text: &str, origin: &Origin) -> Option<Value> {
    let parsed = DeValue::parse(text).ok()?;
    let place = |_| origin.clone();
    let mut problems = Vec::new();
    let value = Reader { place: &place, problems: &mut problems }.value(parsed.get_ref(), origin.clone());
    problems.is_empty().then_some(value)
}

/// Converts what the parser read, and knows where it stood.
struct Reader<'a> {
    place: &'a dyn Fn(usize) -> Origin,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    fn table(&mut self, table: &DeTable<'_>) -> Table {
        let entries = table.iter().map(|(key, value)| {
            // The place of an entry is that of its key: a table that is opened by `[a.b]` has no other.
            let origin = (self.place)(key.span().start);
            (key.get_ref().to_string(), self.value(value.get_ref(), origin))
        });
        entries.collect()
    }

    fn list(&mut self, list: &DeArray<'_>) -> Vec<Value> {
        list.iter()
            .map(|item: &Spanned<DeValue<'_>>| {
                let origin = (self.place)(item.span().start);
                self.value(item.get_ref(), origin)
            })
            .collect()
    }

    fn value(&mut self, value: &DeValue<'_>, origin: Origin) -> Value {
        let data = match value {
            DeValue::String(text) => Data::String(text.to_string()),
            DeValue::Integer(number) => match i128::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) if i64::try_from(number).is_ok() || u64::try_from(number).is_ok() => Data::Integer(number),
                _ => self.out_of_range(&number.to_string(), &origin),
            },
            DeValue::Float(number) => match number.as_str().parse() {
                Ok(number) => Data::Float(number),
                Err(_) => self.out_of_range(number.as_str(), &origin),
            },
            DeValue::Boolean(value) => Data::Bool(*value),
            DeValue::Datetime(time) => Data::String(time.to_string()),
            DeValue::Array(list) => Data::List(self.list(list)),
            DeValue::Table(table) => Data::Table(self.table(table)),
        };
        Value::new(data, origin)
    }

    fn out_of_range(&mut self, number: &str, origin: &Origin) -> Data {
        self.problems.push(Problem::new(format!("the number {number} is out of range")).at(origin.clone()));
        Data::Null
    }
}
