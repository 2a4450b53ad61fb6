//! What is known of a step before it runs, and what it may take.

use crate::component::Location;
use crate::workflow::Workflow;

/// One step of a minion, as the manifest and the store know it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StepInfo {
    /// Its stable name: what the store remembers. By default the name of the method.
    pub name: &'static str,
    /// Where it is declared.
    pub location: Location,
}

impl StepInfo {
    /// The step `name`.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, location: Location::unknown() }
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
