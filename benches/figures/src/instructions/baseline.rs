//! The recorded counts, and what deviates from them.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    architecture: String,
    /// How much more than recorded a path may take.
    tolerance_percent: f64,
    instructions: BTreeMap<String, u64>,
}

/// Less than what allocators and hashers with random seeds make of it is nothing.
const TOLERANCE_PERCENT: f64 = 8.0;

#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Same,
    More { name: String, before: u64, now: u64, tolerance_percent: f64 },
    Less { name: String, before: u64, now: u64 },
    New { name: String },
}

impl Baseline {
    pub fn new() -> Self {
        let architecture = std::env::consts::ARCH.to_owned();
        Self { architecture, tolerance_percent: TOLERANCE_PERCENT, instructions: BTreeMap::new() }
    }

    pub fn record(&mut self, name: &str, instructions: u64) {
        self.instructions.insert(name.to_owned(), instructions);
    }

    pub fn read(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
        serde_json::from_str(&text).map_err(|error| format!("`{}` is no baseline: {error}", path.display()))
    }

    pub fn write(&self, path: &Path) -> Result<(), String> {
        let text = serde_json::to_string_pretty(self).map_err(|error| error.to_string())?;
        fs::write(path, text + "\n").map_err(|error| format!("`{}` cannot be written: {error}", path.display()))
    }

    /// What became of each path that was counted now.
    ///
    /// # Errors
    ///
    /// When the two are of different architectures, which take different instructions.
    pub fn compare(&self, now: &Self) -> Result<Vec<Verdict>, String> {
        if self.architecture != now.architecture {
            let (before, now) = (&self.architecture, &now.architecture);
            return Err(format!("the baseline is of {before}, and this is {now}; record one here with `--bless`"));
        }
        Ok(now.instructions.iter().map(|(name, now)| self.judge(name, *now)).collect())
    }

    fn judge(&self, name: &str, now: u64) -> Verdict {
        let name = name.to_owned();
        let Some(&before) = self.instructions.get(&name) else { return Verdict::New { name } };
        let tolerance_percent = self.tolerance_percent;
        let bound = |percent: f64| before as f64 * (100.0 + percent) / 100.0;
        if now as f64 > bound(tolerance_percent) {
            Verdict::More { name, before, now, tolerance_percent }
        } else if (now as f64) < bound(-tolerance_percent) {
            Verdict::Less { name, before, now }
        } else {
            Verdict::Same
        }
    }
}

impl Verdict {
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::More { .. } | Self::New { .. })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same => Ok(()),
            Self::More { name, before, now, tolerance_percent } => {
                let percent = (*now as f64 / *before as f64 - 1.0) * 100.0;
                write!(f, "`{name}` takes {now} instructions, {percent:.1} % more than the {before} of the baseline ")?;
                write!(f, "(allowed are {tolerance_percent} %)")
            }
            Self::Less { name, before, now } => {
                write!(f, "`{name}` takes {now} instructions, less than the {before} of the baseline")
            }
            Self::New { name } => write!(f, "`{name}` is not in the baseline"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline(counts: &[(&str, u64)]) -> Baseline {
        let mut baseline = Baseline::new();
        counts.iter().for_each(|(name, count)| baseline.record(name, *count));
        baseline
    }

    #[test]
    fn more_than_the_tolerance_is_a_failure_with_both_numbers() {
        let verdicts = baseline(&[("step", 1000)]).compare(&baseline(&[("step", 1081)])).unwrap();
        assert!(verdicts[0].is_failure());
        let text = verdicts[0].to_string();
        assert!(text.contains("1081") && text.contains("1000") && text.contains("8.1 %"), "{text}");
        let verdicts = baseline(&[("step", 1000)]).compare(&baseline(&[("step", 1080)])).unwrap();
        assert_eq!(verdicts, [Verdict::Same]);
    }

    #[test]
    fn less_is_told_and_no_failure() {
        let verdicts = baseline(&[("step", 1000)]).compare(&baseline(&[("step", 900)])).unwrap();
        assert!(!verdicts[0].is_failure() && verdicts[0] != Verdict::Same);
    }

    #[test]
    fn what_has_no_baseline_is_a_failure() {
        let verdicts = baseline(&[]).compare(&baseline(&[("step", 900)])).unwrap();
        assert_eq!(verdicts, [Verdict::New { name: "step".to_owned() }]);
        assert!(verdicts[0].is_failure());
        let mut other = baseline(&[]);
        other.architecture = "pdp11".to_owned();
        assert!(other.compare(&baseline(&[])).unwrap_err().contains("pdp11"));
    }
}
