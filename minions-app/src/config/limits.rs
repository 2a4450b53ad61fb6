//! `[minions.limits]`: numbers that hold instead of those that limited methods declare.

use std::collections::BTreeMap;

use serde::Deserialize;

use minions_core::GruBuilder;
use minions_core::config::{KeyPath, Problem, Settings};
use minions_core::limit::LimitSettings;

use super::Options;

/// What `[minions.limits.RESOURCE.METHOD]` says, by resource and method.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct Limits(pub BTreeMap<String, BTreeMap<String, LimitSettings>>);

impl Limits {
    /// Gives the numbers to `builder`, which knows whether there are such limits.
    pub(crate) fn apply(&self, builder: GruBuilder) -> GruBuilder {
        let limits = self.0.iter().flat_map(|(resource, methods)| methods.iter().map(move |limit| (resource, limit)));
        limits.fold(builder, |builder, (resource, (method, settings))| {
            builder.limit_of(resource, method, settings.clone())
        })
    }

    /// What the builder says is wrong with a limit, at the place where it is written in `settings`.
    pub(crate) fn problem(resource: &str, method: &str, message: &str, settings: &Settings) -> Option<Problem> {
        let path = KeyPath::root().key("limits").key(resource).key(method);
        let value = settings.get(Options::SECTION)?.as_table()?.get("limits")?;
        let value = value.as_table()?.get(resource)?.as_table()?.get(method)?;
        Some(Problem::new(message).of(Options::SECTION, path).at(value.origin().clone()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn limits_are_read_by_resource_and_method_and_unknown_keys_are_refused() {
        let read = |limit| {
            let settings = json!({"minions": {"limits": {"http": {"get": limit}}}});
            Options::decode(&Settings::from_json(settings).unwrap())
        };
        let options = read(json!({"rate": "10/s", "total": {"concurrency": 4}})).unwrap().value;
        let limit = &options.limits.0["http"]["get"];
        assert_eq!((limit.rate.unwrap().to_string().as_str(), limit.concurrency), ("10/s", None));
        let problems = read(json!({"rat": 3, "rate": "10/day", "max_wait": 3})).unwrap_err();
        let text: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(text.len(), 3, "{text:?}");
        assert!(text.iter().any(|problem| problem.contains("did you mean `rate`?")), "{text:?}");
        assert!(text.iter().any(|problem| problem.contains("`10/day` is not a rate")), "{text:?}");
    }
}
