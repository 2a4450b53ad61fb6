//! `[minions.lag]`: when code that holds a thread is named, and when no more events are taken because of it.

use std::time::Duration;

use serde::Deserialize;

use minions_core::GruBuilder;
use minions_core::config::{KeyPath, Problem, Settings, duration};
use minions_core::guard::LagBounds;

use super::Options;

/// What `[minions.lag]` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Lag {
    /// How long code may hold its thread before it is named in the log; 500 ms unless set.
    #[serde(with = "duration")]
    pub name_after: Duration,
    /// How long a task that is ready may wait for a thread before no more events are taken; 1 s unless set.
    #[serde(with = "duration")]
    pub close_at: Duration,
    /// Events are taken again when none waits for so long; 250 ms unless set.
    #[serde(with = "duration")]
    pub open_at: Duration,
    /// And has not for this time; 2 s unless set.
    #[serde(with = "duration")]
    pub cooldown: Duration,
}

impl Lag {
    /// Gives the bounds to `builder`, unless they are wrong: then they are [`problems`](Self::problems), which say more of
    /// them than the builder could.
    pub(crate) fn apply(&self, builder: GruBuilder) -> GruBuilder {
        let bounds = LagBounds::from(self);
        if bounds.check().is_empty() { builder.lag(bounds) } else { builder }
    }

    /// Which numbers are wrong, and where in `settings` they are written.
    pub(crate) fn problems(&self, settings: &Settings) -> Vec<Problem> {
        let section = settings.section(Options::SECTION).and_then(|section| section.get("lag")?.as_table());
        let place = |problem: Problem| {
            let key = problem.key.to_string();
            // What nobody set is only wrong beside what somebody did.
            let beside = if key == "open_at" { "close_at" } else { &key };
            let written = [&*key, beside].into_iter().find_map(|key| Some((key, section?.get(key)?)));
            let path = |key: &str| KeyPath::root().key("lag").key(key);
            match written {
                Some((key, value)) => problem.of(Options::SECTION, path(key)).at(value.origin().clone()),
                None => problem.of(Options::SECTION, path(&key)),
            }
        };
        LagBounds::from(self).check().into_iter().map(place).collect()
    }

    /// What its keys say, as they are written.
    pub(crate) fn values(&self) -> [(&'static str, serde_json::Value); 4] {
        let written = |time| duration::format(time).into();
        [
            ("name_after", written(self.name_after)),
            ("close_at", written(self.close_at)),
            ("open_at", written(self.open_at)),
            ("cooldown", written(self.cooldown)),
        ]
    }
}

impl Default for Lag {
    fn default() -> Self {
        let LagBounds { name_after, close_at, open_at, cooldown, .. } = LagBounds::default();
        Self { name_after, close_at, open_at, cooldown }
    }
}

impl From<&Lag> for LagBounds {
    fn from(lag: &Lag) -> Self {
        Self::default().name_after(lag.name_after).between(lag.open_at, lag.close_at, lag.cooldown)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problems(lag: &serde_json::Value) -> Vec<String> {
        let settings = Settings::from_json(json!({"minions": {"lag": lag}})).unwrap();
        let lag = Options::decode(&settings).unwrap().value.lag;
        lag.problems(&settings).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn wrong_bounds_are_named_where_they_are_written() {
        assert_eq!(
            problems(&json!({"name_after": "0s", "open_at": "2s"})),
            [
                "code: [minions] lag.name_after: name_after is 0, so every step would be named; it is above 0",
                "code: [minions] lag.open_at: open_at is 2s, more than close_at, which is 1s; it is at most as long",
            ]
        );
        assert_eq!(
            problems(&json!({"close_at": "100ms"})),
            [
                "code: [minions] lag.close_at: open_at is 250ms, more than close_at, which is 100ms; it is at most as long"
            ]
        );
        assert_eq!(problems(&json!({"close_at": "100ms", "open_at": "100ms", "cooldown": "0s"})), [""; 0]);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let settings = json!({"minions": {"lag": {"nam_after": "1s", "close_at": 3, "open_at": "-1s", "cooldown": "99999999999999d"}}});
        let problems = Options::decode(&Settings::from_json(settings).unwrap()).unwrap_err();
        let said: Vec<_> = problems.iter().map(ToString::to_string).collect();
        for words in [
            "[minions] lag: unknown key `nam_after`; did you mean `name_after`?",
            "[minions] lag.close_at: expected a duration such as \"30s\", found integer 3",
            "[minions] lag.open_at: `-1s` is not",
            "[minions] lag.cooldown: `99999999999999d` is too long",
        ] {
            assert!(said.iter().any(|said| said.contains(words)), "{words} in {said:#?}");
        }
    }
}
