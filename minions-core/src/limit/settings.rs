//! What the configuration says about a limit.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::config::duration;

use super::{Bounds, Circuit, Limit, Rate};

/// Numbers that hold instead of those that a method declares; what is left out stays as it is declared.
///
/// Under `[minions.limits.RESOURCE.METHOD]`, or given to [`GruBuilder::limit_of`](crate::GruBuilder::limit_of).
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct LimitSettings {
    /// How many calls at once; of each key, where the limit is one per key.
    pub concurrency: Option<u32>,
    /// How many calls in a time.
    pub rate: Option<Rate>,
    /// How many calls at once after a pause.
    pub burst: Option<u32>,
    /// How many calls may wait.
    pub queue: Option<u32>,
    /// When calls count as hopeless.
    pub circuit: Option<CircuitSettings>,
    /// How long a call may wait.
    #[serde(deserialize_with = "some_duration")]
    pub max_wait: Option<Duration>,
    /// How many keys are known at once.
    pub keys: Option<u32>,
    /// What holds for the calls of all keys together.
    pub total: Option<BoundsSettings>,
}

/// The numbers for the calls of all keys together.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct BoundsSettings {
    /// How many calls at once.
    pub concurrency: Option<u32>,
    /// How many calls in a time.
    pub rate: Option<Rate>,
    /// How many calls at once after a pause.
    pub burst: Option<u32>,
    /// How many calls may wait.
    pub queue: Option<u32>,
    /// When calls count as hopeless.
    pub circuit: Option<CircuitSettings>,
}

/// The numbers of a circuit.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct CircuitSettings {
    /// After how many failures in a row it opens.
    pub failures: Option<u32>,
    /// At which part of failed calls it opens.
    pub ratio: Option<f64>,
    /// How many calls a window must have had.
    pub calls: Option<u32>,
    /// Over which time the ratio is taken.
    #[serde(deserialize_with = "some_duration")]
    pub window: Option<Duration>,
    /// For how long it stays open.
    #[serde(deserialize_with = "some_duration")]
    pub open: Option<Duration>,
    /// How many calls must succeed before it closes.
    pub probes: Option<u32>,
}

impl LimitSettings {
    /// `limit` with these numbers.
    ///
    /// # Errors
    ///
    /// Everything that is wrong then; each begins with the key in backticks.
    pub(crate) fn over(&self, limit: Limit) -> Result<Limit, Vec<String>> {
        let mut changed = limit;
        let mut problems = Vec::new();
        let first = BoundsSettings {
            concurrency: self.concurrency,
            rate: self.rate,
            burst: self.burst,
            queue: self.queue,
            circuit: self.circuit.clone(),
        };
        if limit.keyed {
            first.over(&mut changed.each);
            if let Some(total) = &self.total {
                total.over(&mut changed.total);
            }
        } else {
            first.over(&mut changed.total);
            if self.total.is_some() {
                problems.push("`total` is above the limits of keys, and this limit has none; leave it out".to_owned());
            }
            if self.keys.is_some() {
                problems.push("`keys` is of a limit per key, which this one is not; leave it out".to_owned());
            }
        }
        changed.max_wait = self.max_wait.or(changed.max_wait);
        changed.keys = self.keys.unwrap_or(changed.keys);
        problems.extend(changed.check());
        if problems.is_empty() { Ok(changed) } else { Err(problems) }
    }
}

impl BoundsSettings {
    fn over(&self, bounds: &mut Bounds) {
        bounds.concurrency = self.concurrency.or(bounds.concurrency);
        bounds.rate = self.rate.or(bounds.rate);
        bounds.burst = self.burst.or(bounds.burst);
        bounds.queue = self.queue.or(bounds.queue);
        if let Some(circuit) = &self.circuit {
            bounds.circuit = Some(circuit.over(bounds.circuit.unwrap_or_default()));
        }
    }
}

impl CircuitSettings {
    fn over(&self, circuit: Circuit) -> Circuit {
        Circuit {
            failures: self.failures.or(circuit.failures),
            ratio: self.ratio.or(circuit.ratio),
            calls: self.calls.unwrap_or(circuit.calls),
            window: self.window.unwrap_or(circuit.window),
            open: self.open.unwrap_or(circuit.open),
            probes: self.probes.unwrap_or(circuit.probes),
        }
    }
}

fn some_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    duration::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: serde_json::Value) -> LimitSettings {
        serde_json::from_value(text).unwrap()
    }

    #[test]
    fn what_is_left_out_stays_as_it_is_declared() {
        let declared = Limit::per_key(Bounds::new().concurrency(8).rate(Rate::per_second(20)));
        let settings = read(serde_json::json!({
            "rate": "10/s", "max_wait": "5s", "total": {"concurrency": 64}, "circuit": {"failures": 3}
        }));
        let changed = settings.over(declared).unwrap();
        let each = Bounds::new().concurrency(8).rate(Rate::per_second(10)).circuit(Circuit::new().failures(3));
        let total = Bounds::new().concurrency(64);
        assert_eq!(changed, Limit::per_key(each).total(total).max_wait(Duration::from_secs(5)));
        assert_eq!(LimitSettings::default().over(declared), Ok(declared));
    }

    #[test]
    fn every_wrong_number_is_told_with_its_key() {
        let settings = read(serde_json::json!({
            "concurrency": 0, "burst": 3, "total": {"queue": 1}, "circuit": {"ratio": 1.5}
        }));
        let problems = settings.over(Limit::new(Bounds::new().concurrency(1))).unwrap_err().join("\n");
        for words in
            ["`total` is above", "`concurrency` is 0", "`burst` belongs to a rate", "`circuit.ratio` is a part"]
        {
            assert!(problems.contains(words), "{words} in {problems}");
        }
    }
}
