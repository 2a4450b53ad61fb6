//! YAML.

use saphyr::{LoadableYamlNode as _, MarkedYamlOwned, Marker, ScalarOwned, YamlDataOwned};

use minions_core::config::{Data, Origin, Problem, Table, Value};

use super::Source;

pub(super) fn parse(source: Source<'_>) -> Result<Table, Vec<Problem>> {
    let documents = MarkedYamlOwned::load_from_str(source.text)
        .map_err(|error| vec![source.malformed(position(*error.marker()), error.info())])?;
    let root = match documents.as_slice() {
        [] => return Ok(Table::new()),
        [root] => root,
        [_, second, ..] => {
            let origin = source.origin(position(second.span.start));
            return Err(vec![Problem::new("a configuration file holds one document, found a second one").at(origin)]);
        }
    };
    let mut reader = Reader { source, problems: Vec::new() };
    let value = reader.value(root, source.origin(position(root.span.start)));
    match value.data() {
        _ if !reader.problems.is_empty() => Err(reader.problems),
        // A file of comments alone is an empty configuration.
        Data::Null => Ok(Table::new()),
        _ => source.root(&value),
    }
}

fn position(marker: Marker) -> (usize, usize) {
    (marker.line().max(1), marker.col() + 1)
}

/// Converts what the parser read.
struct Reader<'a> {
    source: Source<'a>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn value(&mut self, node: &MarkedYamlOwned, origin: Origin) -> Value {
        let data = match &node.data {
            YamlDataOwned::Value(scalar) => match scalar {
                ScalarOwned::Null => Data::Null,
                ScalarOwned::Boolean(value) => Data::Bool(*value),
                ScalarOwned::Integer(value) => Data::Integer((*value).into()),
                ScalarOwned::FloatingPoint(value) => Data::Float(value.into_inner()),
                ScalarOwned::String(text) => Data::String(text.clone()),
            },
            YamlDataOwned::Sequence(items) => {
                let place = |item: &MarkedYamlOwned| self.source.origin(position(item.span.start));
                let items: Vec<_> = items.iter().map(|item| (item, place(item))).collect();
                Data::List(items.into_iter().map(|(item, origin)| self.value(item, origin)).collect())
            }
            YamlDataOwned::Mapping(entries) => {
                let mut table = Table::new();
                for (key, value) in entries {
                    // As in the other formats, the place of an entry is that of its key.
                    let origin = self.source.origin(position(key.span.start));
                    if let Some(name) = self.key(key, &origin) {
                        let value = self.value(value, origin.clone());
                        if table.insert(name.as_str(), value).is_some() {
                            self.problems.push(Problem::new(format!("`{name}` is given twice")).at(origin));
                        }
                    }
                }
                Data::Table(table)
            }
            // This is how the parser spells an empty document.
            YamlDataOwned::BadValue if node.span.is_empty() => Data::Null,
            YamlDataOwned::Tagged(tag, _) => {
                let what = format!("the tag `{}{}` means nothing here", tag.handle, tag.suffix);
                self.refuse(what, &origin)
            }
            YamlDataOwned::BadValue | YamlDataOwned::Representation(..) | YamlDataOwned::Alias(_) => {
                self.refuse("the value does not fit its tag".to_owned(), &origin)
            }
        };
        Value::new(data, origin)
    }

    /// The name that a key stands for; `80: x` is as good as `"80": x`.
    fn key(&mut self, key: &MarkedYamlOwned, origin: &Origin) -> Option<String> {
        match &key.data {
            YamlDataOwned::Value(ScalarOwned::String(text)) => Some(text.clone()),
            YamlDataOwned::Value(ScalarOwned::Integer(value)) => Some(value.to_string()),
            YamlDataOwned::Value(ScalarOwned::Boolean(value)) => Some(value.to_string()),
            _ => {
                self.refuse("a key must be a string".to_owned(), origin);
                None
            }
        }
    }

    fn refuse(&mut self, what: String, origin: &Origin) -> Data {
        self.problems.push(Problem::new(what).at(origin.clone()));
        Data::Null
    }
}
