//! Who is who: no two types share a name or an id.

use std::collections::HashMap;

use crate::component::Entry;

use super::Problem;

/// Judges the names and ids of `entries`, one for each type.
pub(super) fn check(entries: &[Entry]) -> Vec<Problem> {
    let mut names: HashMap<&str, &Entry> = HashMap::new();
    let mut ids: HashMap<&str, &Entry> = HashMap::new();
    let mut problems = Vec::new();
    for entry in entries {
        let path = entry.type_path;
        let mut wrong = |message| problems.push(Problem::Wiring { location: Some(entry.location), message });
        if entry.name.is_empty() || entry.name == "minions" {
            wrong(format!(
                "`{path}` cannot be named `{}`; that section belongs to the runtime; write `name = \"..\"`",
                entry.name
            ));
        }
        for (what, word) in [("name", entry.name), ("id", entry.id)] {
            // They stand in ids such as `sitemap/auditor@eu`, in labels and in paths.
            if word.contains(|char: char| char.is_whitespace() || "/@\"\\".contains(char)) {
                wrong(format!(
                    "the {what} `{word}` of `{path}` has a blank, a quote, a slash or an `@`; write it without"
                ));
            }
            if entry.id == entry.name {
                break;
            }
        }
        if let Some(owner) = names.get(entry.name) {
            wrong(format!(
                "`{}` and `{path}` are both named `{}`; give one of them another name, `name = \"..\"`",
                owner.type_path, entry.name
            ));
        }
        // Equal ids that are only equal names are cured with those.
        if let Some(owner) = ids.get(entry.id)
            && !(owner.id == owner.name && entry.id == entry.name)
        {
            wrong(format!(
                "`{}` and `{path}` both have the id `{}`, so their stored work could not be told apart; give the newer \
                 one another id, `id = \"..\"`",
                owner.type_path, entry.id
            ));
        }
        names.entry(entry.name).or_insert(entry);
        ids.entry(entry.id).or_insert(entry);
    }
    problems
}
