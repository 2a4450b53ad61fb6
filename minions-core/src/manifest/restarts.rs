//! What is said about the restart of components.

use crate::component::Entry;
use crate::config::suggest;
use crate::gru::GruBuilder;
use crate::supervise::RestartPolicy;

use super::Problem;

/// Judges every policy that a component of `entries` declares or that `builder` was given.
pub(super) fn check(entries: &[Entry], builder: &GruBuilder) -> Vec<Problem> {
    let mut problems = judged(&builder.restart, None, "of the program");
    for entry in entries {
        if let Some(policy) = &entry.restart {
            problems.extend(judged(policy, Some(entry), &format!("of the {} `{}`", entry.kind, entry.name)));
        }
    }
    let mut names: Vec<_> = entries.iter().map(|entry| entry.name).collect();
    names.sort_unstable();
    let mut given: Vec<_> = builder.restarts.iter().collect();
    given.sort_unstable_by_key(|(name, _)| *name);
    for (name, policy) in given {
        if !names.contains(&name.as_str()) {
            let hint = suggest::hint(name, &names).unwrap_or_else(|| "there is none at all".to_owned());
            problems.push(Problem::NoSuchComponent { name: name.clone(), hint });
        }
        problems.extend(judged(policy, None, &format!("that `restart_of` gives to `{name}`")));
    }
    problems
}

fn judged(policy: &RestartPolicy, entry: Option<&Entry>, whose: &str) -> Vec<Problem> {
    let wiring = |problem| Problem::Wiring {
        location: entry.map(|entry| entry.location),
        message: format!("the restart policy {whose} is wrong: {problem}"),
    };
    policy.check().into_iter().map(wiring).collect()
}
