//! One measured value.

use serde::{Deserialize, Serialize};

use crate::stats::percentile;

/// What a measurement answers; a child process writes it as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    pub name: String,
    pub unit: String,
    pub value: f64,
}

/// What one run of a measurement comes to, or what is wrong with it.
pub type Measured = Result<Vec<Sample>, String>;

impl Sample {
    pub fn new(name: impl Into<String>, unit: &str, value: f64) -> Self {
        Self { name: name.into(), unit: unit.to_owned(), value }
    }
}

/// The median and the 99th percentile of waiting times in nanoseconds, named after `name`.
pub fn waits(name: &str, mut nanoseconds: Vec<u64>) -> Measured {
    nanoseconds.sort_unstable();
    let at = |percent: usize| -> Result<Sample, String> {
        let value =
            percentile(&nanoseconds, percent).ok_or_else(|| format!("`{name}` has measured no waiting time"))?;
        Ok(Sample::new(format!("{name}_p{percent}"), "ms", value as f64 / 1e6))
    };
    Ok(vec![at(50)?, at(99)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_times_are_told_in_milliseconds() {
        let samples = waits("durable_1", vec![3_000_000, 1_000_000, 2_000_000]).unwrap();
        assert_eq!(samples[0], Sample::new("durable_1_p50", "ms", 2.0));
        assert_eq!(samples[1], Sample::new("durable_1_p99", "ms", 3.0));
        assert!(waits("durable_1", Vec::new()).is_err());
    }
}
