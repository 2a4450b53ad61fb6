//! What is said about the limits of methods.

use crate::component::Entry;
use crate::config::suggest;
use crate::gru::GruBuilder;

use super::Problem;

/// Judges the limits that the components of `entries` declare, which the macros have judged before, but not everybody uses them.
pub(super) fn declared(entries: &[Entry]) -> Vec<Problem> {
    let limits = entries.iter().flat_map(|entry| entry.limits.iter().map(move |info| (entry, info)));
    let problems = limits.flat_map(|(entry, info)| {
        info.limit.check().into_iter().map(|problem| Problem::Wiring {
            location: Some(entry.location),
            message: format!("the limit of `{}.{}` is wrong: {problem}", entry.name, info.method),
        })
    });
    problems.collect()
}

/// Judges the numbers that `builder` was given for limits of a program of the components `entries`.
pub(super) fn given(entries: &[Entry], builder: &GruBuilder) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut resources: Vec<_> = entries.iter().filter(|entry| entry.is_limited()).map(|entry| entry.name).collect();
    resources.sort_unstable();
    let none = || "there is none at all; `#[limit(..)]` on a method of a resource makes one".to_owned();
    for ((resource, method), settings) in builder.limits.configured() {
        let problem = |message: String| Problem::Limit { resource: resource.clone(), method: method.clone(), message };
        let Some(entry) = entries.iter().find(|entry| entry.is_limited() && entry.name == resource) else {
            let hint = suggest::hint(&resource, &resources).unwrap_or_else(none);
            problems.push(problem(format!("there is no resource `{resource}` with a limit; {hint}")));
            continue;
        };
        let Some(info) = entry.limits.iter().find(|info| info.method == method) else {
            let methods: Vec<_> = entry.limits.iter().map(|info| info.method).collect();
            let hint = suggest::hint(&method, &methods).unwrap_or_else(none);
            problems.push(problem(format!("the resource `{resource}` has no limited method `{method}`; {hint}")));
            continue;
        };
        let wrong = settings.over(info.limit).err().unwrap_or_default();
        problems.extend(
            wrong.into_iter().map(|wrong| problem(format!("the limit of `{resource}.{method}` is wrong: {wrong}"))),
        );
    }
    problems
}
