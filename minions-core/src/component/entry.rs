//! A component's entry in the manifest.

use std::any::{TypeId, type_name};
use std::fmt;

use crate::limit::LimitInfo;
use crate::minion::{Minion, StepInfo};
use crate::pipeline::Pipeline;
use crate::resource::Resource;
use crate::supervise::RestartPolicy;

use super::{Component, Need};

/// What the manifest knows of one component: who it is, what it needs, what it takes and gives, where it is written.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Entry {
    /// Pipeline, minion or resource.
    pub kind: Kind,
    /// Its name, unique in the program.
    pub name: &'static str,
    /// What it is in the ids of orchestrations.
    pub id: &'static str,
    /// What becomes of it when it fails, if it says so itself.
    pub restart: Option<RestartPolicy>,
    /// The path of its type.
    pub type_path: &'static str,
    /// Where it is declared.
    pub location: Location,
    /// What it needs, in order of declaration.
    pub needs: &'static [Need],
    /// The type of event that a pipeline produces or a minion takes.
    pub event: Option<&'static str>,
    /// The type of a minion's context.
    pub context: Option<&'static str>,
    /// The steps of a minion, in order.
    pub steps: &'static [StepInfo],
    /// The limits that a resource declares for its methods.
    pub limits: &'static [LimitInfo],
    /// Whether a pipeline does not keep the process alive.
    pub background: bool,
    /// Whether it stands for the events of a minion, which has an entry of its own.
    pub(crate) is_outlet: bool,
    type_id: TypeId,
}

impl Entry {
    /// The entry of a resource.
    #[must_use]
    pub fn resource<R: Resource>() -> Self {
        let mut entry = Self::of::<R>(Kind::Resource, R::NEEDS);
        entry.limits = R::LIMITS;
        entry
    }

    /// The entry of a pipeline.
    #[must_use]
    pub fn pipeline<P: Pipeline>() -> Self {
        let mut entry = Self::of::<P>(Kind::Pipeline, P::NEEDS);
        entry.event = Some(type_name::<P::Event>());
        entry.background = P::BACKGROUND;
        entry
    }

    /// The entry of a minion's events, where it stands in the place of a pipeline.
    pub(crate) fn outlet<M: Minion>(type_id: TypeId, type_path: &'static str) -> Self {
        let mut entry = Self::of::<M>(Kind::Pipeline, &[]);
        (entry.type_id, entry.type_path, entry.is_outlet) = (type_id, type_path, true);
        entry.restart = None;
        entry
    }

    /// The entry of a minion.
    #[must_use]
    pub fn minion<M: Minion>() -> Self {
        let mut entry = Self::of::<M>(Kind::Minion, M::NEEDS);
        entry.event = Some(type_name::<M::Event>());
        entry.context = Some(type_name::<M::Context>());
        entry.steps = M::STEPS;
        entry
    }

    /// The identity of its type within this process.
    #[must_use]
    pub fn type_id(&self) -> TypeId {
        self.type_id
    }

    /// Whether it declares limits.
    pub(crate) fn is_limited(&self) -> bool {
        !self.limits.is_empty()
    }

    /// The entry of a component that is made without its needs.
    pub(crate) fn without_needs(mut self) -> Self {
        self.needs = &[];
        self
    }

    fn of<C: Component>(kind: Kind, needs: &'static [Need]) -> Self {
        Self {
            kind,
            name: C::NAME,
            id: C::ID,
            restart: C::RESTART,
            type_path: type_name::<C>(),
            location: C::LOCATION,
            needs,
            event: None,
            context: None,
            steps: &[],
            limits: &[],
            background: false,
            is_outlet: false,
            type_id: TypeId::of::<C>(),
        }
    }
}

/// The three kinds of component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Kind {
    /// A shared dependency.
    Resource,
    /// A source of events.
    Pipeline,
    /// What reacts to events.
    Minion,
}

impl Kind {
    /// The word for it in logs, reports and labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resource => "resource",
            Self::Pipeline => "pipeline",
            Self::Minion => "minion",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A place in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    file: &'static str,
    line: u32,
    column: u32,
}

impl Location {
    /// A known place; [`location!`](crate::location) names the one it stands at.
    #[must_use]
    pub const fn new(file: &'static str, line: u32, column: u32) -> Self {
        Self { file, line, column }
    }

    /// No place, for components that do not say.
    #[must_use]
    pub const fn unknown() -> Self {
        Self::new("", 0, 0)
    }

    /// The file, as the compiler was given it; empty if unknown.
    #[must_use]
    pub const fn file(&self) -> &'static str {
        self.file
    }

    /// The line, from 1; 0 if unknown.
    #[must_use]
    pub const fn line(&self) -> u32 {
        self.line
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.file.is_empty() {
            f.write_str("an unknown place")
        } else {
            write!(f, "{}:{}:{}", self.file, self.line, self.column)
        }
    }
}

/// The [`Location`](crate::component::Location) at which it is written.
#[macro_export]
macro_rules! location {
    () => {
        $crate::component::Location::new(::core::file!(), ::core::line!(), ::core::column!())
    };
}
