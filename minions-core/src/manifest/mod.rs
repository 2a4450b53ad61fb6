//! The resolved program: which orchestrations run, on which components, in which order they start.

use std::fmt;

use crate::component::{Entry, Location};
use crate::config::{Problem as ConfigProblem, SectionKeys, Settings};

mod identity;
mod limits;
mod order;
mod resolve;
mod restarts;

pub(crate) use order::{Factory, Replacements, ResolvedResource};
pub(crate) use resolve::{Resolved, ResolvedOrchestration, ResolvedPipeline, resolve, resolve_edge};

/// A program that was resolved and found right; nothing of it runs because of that.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Manifest {
    /// The orchestrations, in the order of the program.
    pub orchestrations: Vec<OrchestrationEntry>,
    /// The entries of all components: resources in the order in which they start, then pipelines, then minions.
    pub components: Vec<Entry>,
    /// The names of the resources, level by level; those of one level start together.
    pub levels: Vec<Vec<&'static str>>,
    /// The sections of configuration that its components read, each once for every configuration it is read from.
    pub sections: Vec<SectionEntry>,
}

impl Manifest {
    /// The entry of the component `name`.
    #[must_use]
    pub fn component(&self, name: &str) -> Option<&Entry> {
        self.components.iter().find(|entry| entry.name == name)
    }
}

/// One orchestration of a resolved program.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OrchestrationEntry {
    /// Its id: a pure function of pipeline, minion and configuration identity.
    pub id: String,
    /// The name of its pipeline.
    pub pipeline: &'static str,
    /// The name of its minion.
    pub minion: &'static str,
    /// The identity of its own configuration, if it has one.
    pub config: Option<String>,
    /// How many workflows may be awake at once.
    pub max_in_flight: usize,
    /// Whether it starts with the program; otherwise it waits for an order.
    pub starts: bool,
}

/// A section of configuration as one component reads it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SectionEntry {
    /// The component, and with it the name of the section.
    pub component: &'static str,
    /// The identity of the orchestration's own configuration, if the component has one.
    pub config: Option<String>,
    /// The configuration that it is read from, all sections of it.
    pub settings: Settings,
    /// What its type told about its keys.
    pub keys: SectionKeys,
}

/// A program cannot run as it is written or configured: every problem of it, in one report.
#[derive(Clone, Debug)]
pub struct ManifestError {
    problems: Vec<Problem>,
}

/// One thing that is wrong with a program.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Problem {
    /// With its configuration.
    Config(ConfigProblem),
    /// With the way in which it is put together.
    Wiring {
        /// Where, if it is known.
        location: Option<Location>,
        /// What, and what to do.
        message: String,
    },
    /// With the policy that the builder was given for a component that there is not.
    NoSuchComponent {
        /// The name that was given.
        name: String,
        /// Which names there are, the nearest one first.
        hint: String,
    },
    /// With the numbers that the builder was given for a limit.
    Limit {
        /// The resource that was named.
        resource: String,
        /// The method that was named.
        method: String,
        /// What is wrong, and what to do.
        message: String,
    },
}

impl ManifestError {
    pub(crate) fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    /// Every problem, wiring before configuration.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl From<Vec<ConfigProblem>> for ManifestError {
    fn from(problems: Vec<ConfigProblem>) -> Self {
        Self::new(problems.into_iter().map(Problem::Config).collect())
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.len() {
            1 => f.write_str("1 problem found; nothing was started")?,
            count => write!(f, "{count} problems found; nothing was started")?,
        }
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for ManifestError {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(problem) => problem.fmt(f),
            Self::Wiring { location: Some(location), message } => write!(f, "{location}: {message}"),
            Self::Wiring { location: None, message } => f.write_str(message),
            Self::Limit { message, .. } => f.write_str(message),
            Self::NoSuchComponent { name, hint } => {
                write!(f, "there is no component `{name}` that could be started again; {hint}")
            }
        }
    }
}
