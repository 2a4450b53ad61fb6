//! Everything that is wrong with a program and its configuration, in one report.

use std::fmt;

use minions_core::config::{Problem as ConfigProblem, Settings};
use minions_core::manifest::{ManifestError, Problem};

use crate::config::{Limits, Restart};

/// All problems, wiring before configuration.
#[derive(Debug, Default)]
pub(crate) struct Report {
    problems: Vec<Problem>,
}

impl Report {
    pub(crate) fn add(&mut self, problems: impl IntoIterator<Item = ConfigProblem>) {
        self.problems.extend(problems.into_iter().map(Problem::Config));
    }

    /// Adds what is wrong with a program that was configured by `settings`.
    pub(crate) fn add_manifest(&mut self, error: &ManifestError, settings: &Settings) {
        self.problems.extend(error.problems().iter().map(|problem| match problem {
            Problem::NoSuchComponent { name, hint } => {
                Restart::no_such_component(name, hint, settings).map_or_else(|| problem.clone(), Problem::Config)
            }
            Problem::Limit { resource, method, message } => {
                Limits::problem(resource, method, message, settings).map_or_else(|| problem.clone(), Problem::Config)
            }
            _ => problem.clone(),
        }));
    }

    /// Only what is wrong whatever the configuration says: used when that could not be read.
    pub(crate) fn add_wiring(&mut self, error: &ManifestError) {
        let wiring = error.problems().iter().filter(|problem| !is_config(problem));
        self.problems.extend(wiring.cloned());
    }

    /// Itself, in the order in which it is read, unless nothing is wrong.
    pub(crate) fn into_result(mut self) -> Result<(), Self> {
        if self.problems.is_empty() {
            return Ok(());
        }
        self.problems.sort_by(|a, b| match (a, b) {
            (Problem::Config(a), Problem::Config(b)) => a.reading_order(b),
            (a, b) => is_config(a).cmp(&is_config(b)),
        });
        Err(self)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.len() {
            1 => f.write_str("1 problem found; nothing was started")?,
            count => write!(f, "{count} problems found; nothing was started")?,
        }
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

fn is_config(problem: &Problem) -> bool {
    matches!(problem, Problem::Config(_))
}
