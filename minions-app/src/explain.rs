//! `config`: each value in force and where it came from.

use std::collections::BTreeSet;

use serde::Serialize;

use minions_core::config::{SectionKeys, Settings, Table};
use minions_core::manifest::{Manifest, SectionEntry};

use crate::config::{self, Options, Row, Section};
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
    let mut rows = explained(None, settings, &sections);
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
