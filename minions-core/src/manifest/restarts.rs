//! What is said about the restart of components.

use crate::component::Entry;
use crate::config::suggest;
use crate::gru::GruBuilder;
use crate::supervise::RestartPolicy;

use super::Problem;

/// Judges the policies that the components of `entries` declare.
pub(super) fn declared(entries: &[Entry]) -> Vec<Problem> {
    let policies = entries.iter().filter_map(|entry| Some((entry, entry.restart.as_ref()?)));
    let problems =
        policies.map(|(entry, policy)| judged(policy, Some(entry), &format!("of the {} `{}`", entry.kind, entry.name)));
    problems.flatten().collect()
}

/// Judges the policies that `builder` was given for a program of the components `entries`.
pub(super) fn given(entries: &[Entry], builder: &GruBuilder) -> Vec<Problem> {
    let mut problems = judged(&builder.restart, None, "of the program");
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
