//! What is known of a step before it runs, and what it may take.

use std::time::Duration;

use crate::component::Location;
use crate::workflow::Workflow;

use super::Retry;

/// One step of a minion, as the manifest and the store know it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StepInfo {
    /// Its stable name: what the store remembers. By default the name of the method.
    pub name: &'static str,
    /// Names that it had before, by which stored workflows still know it.
    pub aliases: &'static [&'static str],
    /// Where it is declared.
    pub location: Location,
    /// How often it is tried; nothing is tried again without it, except what asks for a later time.
    pub retry: Option<Retry>,
    /// How long one attempt may take.
    pub timeout: Option<Duration>,
    /// Whether it is not one of the ordered steps, but deals with their failures.
    pub on_failure: bool,
}

impl StepInfo {
    /// The step `name`.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, aliases: &[], location: Location::unknown(), retry: None, timeout: None, on_failure: false }
    }

    /// Tries it again when it fails.
    #[must_use]
    pub const fn retry(mut self, retry: Retry) -> Self {
        self.retry = Some(retry);
        self
    }

    /// Bounds each attempt.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Says which names it had before.
    #[must_use]
    pub const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Makes it the step that runs, durably as every other one, when another step has aborted or has failed for good with an
    /// error. After it the workflow ends as aborted or failed; if it fails itself, it is set aside. At most one, the last of
    /// the list.
    #[must_use]
    pub const fn on_failure(mut self) -> Self {
        self.on_failure = true;
        self
    }

    /// Whether stored workflows may know it by `name`.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }

    /// The index of the step of `steps` that stored workflows know by `name`: the one of that name, else the one that had it
    /// before.
    #[must_use]
    pub fn find(steps: &[Self], name: &str) -> Option<usize> {
        let named = steps.iter().position(|step| step.name == name);
        named.or_else(|| steps.iter().position(|step| step.is_called(name)))
    }

    /// Says where it is declared.
    #[must_use]
    pub const fn at(mut self, location: Location) -> Self {
        self.location = location;
        self
    }
}

/// A hash of the names of `steps` in their order (FNV-1a, 64 bits): equal lists need no look at the names.
#[must_use]
pub fn steps_hash(steps: &[StepInfo]) -> u64 {
    let bytes = steps.iter().flat_map(|step| step.name.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// What a step may take after its event and its context.
#[diagnostic::on_unimplemented(
    message = "a step cannot take a `{Self}`",
    label = "not a step argument",
    note = "after the event and the context a step may take `wf: &Workflow`; shared things are fields of the minion"
)]
pub trait StepArg<'a>: Sized {
    /// Takes it from the running workflow.
    fn take(workflow: &'a Workflow) -> Self;
}

impl<'a> StepArg<'a> for &'a Workflow {
    fn take(workflow: &'a Workflow) -> Self {
        workflow
    }
}
