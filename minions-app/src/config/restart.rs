//! `[minions.restart]`: what becomes of components that fail.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use minions_core::GruBuilder;
use minions_core::config::{KeyPath, Problem, Settings, Value, duration};
use minions_core::supervise::{self, RestartPolicy};

use super::Options;

/// What `[minions.restart]` says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Restart {
    /// When components are started again; after failures unless set.
    pub policy: supervise::Restart,
    /// The pause before the first restart; 200 ms unless set.
    #[serde(with = "duration")]
    pub first_delay: Duration,
    /// The longest pause; 30 s unless set.
    #[serde(with = "duration")]
    pub max_delay: Duration,
    /// By what each pause is longer than the one before; 2 unless set.
    pub multiplier: f64,
    /// Which part of a pause may be random; 0.1 unless set.
    pub jitter: f64,
    /// How many restarts in a row are tried; 5 unless set.
    pub limit: u32,
    /// How long a component must run until its failures are forgotten; 10 min unless set.
    #[serde(with = "duration")]
    pub reset: Duration,
    /// What holds for one component by name, whatever it declares itself.
    pub components: BTreeMap<String, ComponentRestart>,
}

/// What `[minions.restart.components.NAME]` says; what it leaves out is as in `[minions.restart]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ComponentRestart {
    /// When it is started again.
    pub policy: Option<supervise::Restart>,
    /// The pause before the first restart.
    #[serde(deserialize_with = "some_duration")]
    pub first_delay: Option<Duration>,
    /// The longest pause.
    #[serde(deserialize_with = "some_duration")]
    pub max_delay: Option<Duration>,
    /// By what each pause is longer than the one before.
    pub multiplier: Option<f64>,
    /// Which part of a pause may be random.
    pub jitter: Option<f64>,
    /// How many restarts in a row are tried.
    pub limit: Option<u32>,
    /// How long it must run until its failures are forgotten.
    #[serde(deserialize_with = "some_duration")]
    pub reset: Option<Duration>,
}

impl Restart {
    /// The policy of components that declare none.
    pub fn to_policy(&self) -> RestartPolicy {
        let policy = RestartPolicy::new(self.policy).backoff(self.first_delay, self.max_delay);
        policy.multiplier(self.multiplier).jitter(self.jitter).limit(self.limit).reset(self.reset)
    }

    /// What holds for the component `name`, if something is said about it.
    #[must_use]
    pub fn of(&self, name: &str) -> Option<Self> {
        self.components.get(name).map(|own| Self {
            policy: own.policy.unwrap_or(self.policy),
            first_delay: own.first_delay.unwrap_or(self.first_delay),
            max_delay: own.max_delay.unwrap_or(self.max_delay),
            multiplier: own.multiplier.unwrap_or(self.multiplier),
            jitter: own.jitter.unwrap_or(self.jitter),
            limit: own.limit.unwrap_or(self.limit),
            reset: own.reset.unwrap_or(self.reset),
            components: BTreeMap::new(),
        })
    }

    /// What its keys say, as they are written; not of components.
    pub(crate) fn values(&self) -> [(&'static str, serde_json::Value); 7] {
        let written = |pause| duration::format(pause).into();
        [
            ("policy", serde_json::json!(self.policy)),
            ("first_delay", written(self.first_delay)),
            ("max_delay", written(self.max_delay)),
            ("multiplier", self.multiplier.into()),
            ("jitter", self.jitter.into()),
            ("limit", self.limit.into()),
            ("reset", written(self.reset)),
        ]
    }

    /// Gives the policies to `builder`, except for wrong ones: those are [`problems`](Self::problems), which say more
    /// of them than the builder could.
    pub(crate) fn apply(&self, builder: GruBuilder) -> GruBuilder {
        let right = |policy: RestartPolicy| if policy.check().is_empty() { policy } else { RestartPolicy::default() };
        let builder = builder.restart(right(self.to_policy()));
        self.components.keys().filter_map(|name| Some((name, self.of(name)?))).fold(builder, |builder, (name, own)| {
            // Also with a wrong policy: the builder knows whether there is such a component.
            builder.restart_of(name, right(own.to_policy()))
        })
    }

    /// Which numbers are wrong, and where in `settings` they are written.
    pub(crate) fn problems(&self, settings: &Settings) -> Vec<Problem> {
        let section = KeyPath::root().key("restart");
        let mut problems = placed(&self.to_policy(), &section, settings);
        for name in self.components.keys() {
            let path = section.key("components").key(name);
            let policy = self.of(name).map(|own| placed(&own.to_policy(), &path, settings));
            // What it does not say itself is reported where it is said.
            problems.extend(policy.unwrap_or_default().into_iter().filter(|problem| problem.origin.is_some()));
        }
        problems
    }

    /// The problem of a name that no component has, if it is written in `settings`.
    pub(crate) fn no_such_component(name: &str, hint: &str, settings: &Settings) -> Option<Problem> {
        let components = KeyPath::root().key("restart").key("components");
        let value = value(settings, &components.key(name))?;
        let problem = Problem::new(format!("there is no component `{name}`")).fix(hint);
        Some(problem.of(Options::SECTION, components).at(value.origin().clone()))
    }
}

impl Default for Restart {
    fn default() -> Self {
        Self {
            policy: supervise::Restart::OnFailure,
            first_delay: Duration::from_millis(200),
            max_delay: Duration::from_secs(30),
            multiplier: 2.0,
            jitter: 0.1,
            limit: 5,
            reset: Duration::from_secs(600),
            components: BTreeMap::new(),
        }
    }
}

/// The problems of `policy`, each at its key beneath `table`.
fn placed(policy: &RestartPolicy, table: &KeyPath, settings: &Settings) -> Vec<Problem> {
    let place = |problem: Problem| {
        let key = problem.key.to_string();
        // A longest pause that nobody set is only wrong beside a first one that somebody did.
        let candidates = [table.key(&key), table.key(if key == "max_delay" { "first_delay" } else { &key })];
        let written = candidates.iter().find_map(|path| Some((path, value(settings, path)?)));
        match written {
            Some((path, value)) => problem.of(Options::SECTION, path.clone()).at(value.origin().clone()),
            None => problem.of(Options::SECTION, table.key(key)),
        }
    };
    policy.check().into_iter().map(place).collect()
}

/// What stands at `path` in the section.
fn value<'a>(settings: &'a Settings, path: &KeyPath) -> Option<&'a Value> {
    let section = settings.get(Options::SECTION)?;
    path.segments().iter().try_fold(section, |value, segment| match segment {
        minions_core::config::Segment::Key(key) => value.as_table()?.get(key),
        _ => None,
    })
}

fn some_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    duration::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn decode(restart: &serde_json::Value) -> (Restart, Settings) {
        let settings = Settings::from_json(json!({"minions": {"restart": restart}})).unwrap();
        (Options::decode(&settings).unwrap().value.restart, settings)
    }

    fn problems(restart: &serde_json::Value) -> Vec<String> {
        let (restart, settings) = decode(restart);
        restart.problems(&settings).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_defaults_are_those_of_the_runtime() {
        assert_eq!(Restart::default().to_policy(), RestartPolicy::default());
    }

    #[test]
    fn every_key_can_be_set_for_all_and_for_one() {
        let keys = json!({
            "policy": "always", "first_delay": "1s", "max_delay": "1m", "multiplier": 3, "jitter": 0.5, "limit": 9,
            "reset": "1d",
        });
        let expected = RestartPolicy::always()
            .backoff(Duration::from_secs(1), Duration::from_secs(60))
            .multiplier(3.0)
            .jitter(0.5)
            .limit(9)
            .reset(Duration::from_secs(86_400));
        assert_eq!(decode(&keys).0.to_policy(), expected);
        let (restart, _) = decode(&json!({"components": {"http": keys}}));
        assert_eq!(restart.to_policy(), RestartPolicy::default());
        assert_eq!(restart.of("http").unwrap().to_policy(), expected);
        assert_eq!(restart.of("https"), None);
    }

    #[test]
    fn what_one_component_leaves_out_is_as_for_all() {
        let (restart, _) = decode(&json!({"limit": 9, "jitter": 0, "components": {"http": {"limit": 1}}}));
        assert_eq!(restart.of("http").unwrap().to_policy(), RestartPolicy::on_failure().jitter(0.0).limit(1));
    }

    #[test]
    fn l1_wrong_numbers_are_named_where_they_are_written() {
        let restart = json!({
            "first_delay": "1m", "jitter": 1.5, "reset": "0s",
            "components": {"http": {"multiplier": 0.5, "limit": 1}, "archive": {"first_delay": "0s"}},
        });
        assert_eq!(
            problems(&restart),
            [
                "code: [minions] restart.first_delay: max_delay is 30s, less than first_delay, which is 60s; \
                 it is at least as long",
                "code: [minions] restart.jitter: jitter is 1.5; it is a part of the pause, from 0 to 1",
                "code: [minions] restart.reset: reset is 0, so that no failure would ever count; it is above 0",
                "code: [minions] restart.components.archive.first_delay: \
                 first_delay is 0, so restarts would not wait at all; it is above 0",
                "code: [minions] restart.components.http.multiplier: multiplier is 0.5; \
                 it is a number from 1, so that pauses do not shrink",
            ]
        );
        assert_eq!(problems(&json!({"first_delay": "1m", "max_delay": "1m"})), [""; 0]);
    }

    #[test]
    fn unknown_keys_and_policies_are_refused() {
        let settings = json!({"minions": {"restart": {
            "polciy": "never", "policy": "sometimes",
            "components": {"http": {"limt": 1, "first_delay": 3}},
        }}});
        let problems = Options::decode(&Settings::from_json(settings).unwrap()).unwrap_err();
        let said: Vec<_> = problems.iter().map(ToString::to_string).collect();
        for (what, line) in [
            ("restart: unknown key `polciy`; did you mean `policy`?", 0),
            ("restart.components.http: unknown key `limt`; did you mean `limit`?", 1),
            ("restart.components.http.first_delay: expected a duration such as \"30s\", found integer 3", 2),
            ("restart.policy: unknown value `sometimes`; known: never, on-failure, always", 3),
        ] {
            assert!(said[line].contains(what), "{what} in {said:#?}");
        }
        assert_eq!(said.len(), 4, "{said:#?}");
    }
}
