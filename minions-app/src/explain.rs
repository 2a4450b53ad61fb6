//! `config`: each value in force and where it came from.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use minions_core::config::{KeyPath, SectionKeys, Segment, Settings, Table};
use minions_core::manifest::{Manifest, SectionEntry};

use crate::config::{self, Logs, Memory, Metrics, Options, Restart, Row, Section, Shown};
use crate::output::{answer, answer_json};
use crate::prepare::Prepared;
use crate::text;

/// A row of one of the configurations that the program runs with.
#[derive(Serialize)]
struct Explained {
    /// The identity of an orchestration's own configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<String>,
    #[serde(flatten)]
    row: Row,
}

pub(crate) fn explain(prepared: &Prepared, json: bool) {
    let rows = rows(prepared);
    if json {
        return answer_json(&rows);
    }
    let mut first = true;
    for group in rows.chunk_by(|a, b| a.config == b.config) {
        if !first {
            answer("");
        }
        first = false;
        if let Some(config) = &group[0].config {
            answer(format_args!("# in the configuration `{config}`"));
        }
        let cells: Vec<_> = group
            .iter()
            .map(|Explained { row, .. }| [row.key.clone(), row.value.to_string(), row.origin.clone()])
            .collect();
        answer(text::table(["KEY", "VALUE", "FROM"], &cells));
    }
}

/// The program's configuration, then that of each orchestration which has one of its own.
fn rows(prepared: &Prepared) -> Vec<Explained> {
    let Prepared { manifest, options, settings, .. } = prepared;
    let mut sections = vec![(Options::SECTION, options.keys.clone())];
    sections.extend(of_program(manifest));
    let rows = explained(None, settings, &sections).into_iter();
    let mut rows: Vec<_> = rows.flat_map(|explained| own(explained, &options.value.restart)).collect();
    let configs: BTreeSet<_> = manifest.sections.iter().filter_map(|section| section.config.as_deref()).collect();
    for config in configs {
        for section in manifest.sections.iter().filter(|section| section.config.as_deref() == Some(config)) {
            // Only what its own components read: the rest was explained above.
            let only = only(&section.settings, section.component);
            rows.extend(explained(Some(config), &only, &[(section.component, section.keys.clone())]));
        }
    }
    rows
}

/// The rows for one of the runtime's own that says nothing more than `default`, and any other row as it is.
fn own(mut explained: Explained, restart: &Restart) -> Vec<Explained> {
    let Row { key, value: Shown::Default, .. } = &explained.row else {
        return vec![explained];
    };
    if let Some((value, origin)) = inherited(key, restart) {
        explained.row = Row { key: key.clone(), value: Shown::Value(value), origin };
        return vec![explained];
    }
    match own_default(key) {
        Some(Value::Object(keys)) => {
            let rows = keys.into_iter().map(|(name, value)| Row {
                key: format!("{key}.{name}"),
                value: Shown::Value(value),
                origin: explained.row.origin.clone(),
            });
            rows.map(|row| Explained { config: None, row }).collect()
        }
        value => {
            explained.row.value = value.map_or(Shown::Default, Shown::Value);
            vec![explained]
        }
    }
}

/// What holds for `key` of one component that says something else about its restart, and where that comes from.
fn inherited(key: &str, restart: &Restart) -> Option<(Value, String)> {
    let path = KeyPath::parse(key).ok()?;
    let [Segment::Key(minions), Segment::Key(section), Segment::Key(components), _, Segment::Key(key)] =
        path.segments()
    else {
        return None;
    };
    if [minions, section, components] != ["minions", "restart", "components"] {
        return None;
    }
    let (_, value) = restart.values().into_iter().find(|(known, _)| known == key)?;
    Some((value, format!("minions.restart.{key}")))
}

/// What the runtime's own keys are by default. Those of components are known to their code only.
fn own_default(key: &str) -> Option<Value> {
    let (options, memory) = (Options::default(), Memory::default());
    let (logs, metrics) = (Logs::default(), Metrics::default());
    let restart = options.restart.values();
    let object = |values: &[(&'static str, Value)]| {
        Value::Object(values.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
    };
    Some(match key {
        "minions.store" => "sqlite".into(),
        "minions.durability" => "power".into(),
        "minions.max_in_flight" => options.max_in_flight.get().into(),
        "minions.max_bytes_in_flight" => options.max_bytes_in_flight.into(),
        "minions.shutdown_deadline" => format!("{}s", options.shutdown_deadline.as_secs()).into(),
        "minions.max_blocking" => options.max_blocking.get().into(),
        "minions.restart" => object(&restart),
        "minions.lag" => object(&options.lag.values()),
        "minions.limits" | "minions.restart.components" => Value::Object(serde_json::Map::new()),
        "minions.memory" | "minions.logs" | "minions.metrics" => true.into(),
        "minions.memory.close_at" => memory.close_at.into(),
        "minions.memory.open_at" => memory.open_at.into(),
        "minions.memory.cooldown" => format!("{}s", memory.cooldown.as_secs()).into(),
        "minions.memory.every" => format!("{}ms", memory.every.as_millis()).into(),
        "minions.logs.level" => logs.level.into(),
        "minions.logs.file" => logs.file.into(),
        "minions.logs.terminal" => logs.terminal.into(),
        "minions.logs.max_size" => logs.max_size.into(),
        "minions.logs.keep" => logs.keep.into(),
        "minions.metrics.listen" => metrics.listen.to_string().into(),
        _ => {
            let of =
                |values: &[(&str, Value)], key: &str| Some(values.iter().find(|(known, _)| *known == key)?.1.clone());
            match key.strip_prefix("minions.lag.") {
                Some(key) => of(&options.lag.values(), key)?,
                None => of(&restart, key.strip_prefix("minions.restart.")?)?,
            }
        }
    })
}

fn explained(config: Option<&str>, settings: &Settings, sections: &[(&str, SectionKeys)]) -> Vec<Explained> {
    let sections: Vec<_> = sections.iter().map(|(name, keys)| Section { name, keys: Some(keys) }).collect();
    let rows = config::explain(settings, &sections).into_iter();
    rows.map(|row| Explained { config: config.map(str::to_owned), row }).collect()
}

/// What is known of the sections of the program's own configuration. One that is read only beneath files of
/// orchestrations is known from there: its secrets are the same, its defaults are theirs.
fn of_program(manifest: &Manifest) -> Vec<(&'static str, SectionKeys)> {
    let mut sections: Vec<(&'static str, SectionKeys)> = Vec::new();
    let own = |section: &&SectionEntry| section.config.is_none();
    sections.extend(manifest.sections.iter().filter(own).map(|section| (section.component, section.keys.clone())));
    for section in &manifest.sections {
        match sections.iter_mut().find(|(name, _)| *name == section.component) {
            Some((_, keys)) => keys.secrets.extend(section.keys.secrets.iter().cloned()),
            None => {
                let keys = SectionKeys { secrets: section.keys.secrets.clone(), ..SectionKeys::default() };
                sections.push((section.component, keys));
            }
        }
    }
    sections
}

fn only(settings: &Settings, section: &str) -> Settings {
    let mut table = Table::new();
    if let Some(value) = settings.get(section) {
        table.insert(section, value.clone());
    }
    Settings::from_table(table)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Every key of `[minions]` is shown with its default, and the default that is shown is the one in force.
    #[test]
    fn own_defaults_are_the_ones_in_force() {
        let decode =
            |section: Value| Options::decode(&Settings::from_json(json!({"minions": section})).unwrap()).unwrap();
        let mut shown = json!({});
        for keys in
            [decode(json!({})).keys, decode(json!({"logs": {}, "memory": {}, "metrics": {}, "restart": {}})).keys]
        {
            for path in keys.defaults {
                let value = own_default(&format!("minions.{path}")).unwrap_or_else(|| panic!("{path}"));
                let (parent, key) = path
                    .to_string()
                    .split_once('.')
                    .map_or((None, path.to_string()), |(parent, key)| (Some(parent.to_owned()), key.to_owned()));
                match parent {
                    None => shown[key] = value,
                    Some(parent) if shown[&parent].is_object() => shown[parent][key] = value,
                    Some(parent) => shown[parent] = json!({ key: value }),
                }
            }
        }
        assert_eq!(shown["logs"].as_object().map(|logs| logs.len()), Some(5));
        assert_eq!(shown["restart"].as_object().map(|restart| restart.len()), Some(8));
        assert_eq!(decode(shown).value, Options::default());
    }
}
