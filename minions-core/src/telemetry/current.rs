//! Whose code runs on a task, for whoever writes down what happens there.

use std::sync::Arc;

use tracing::Metadata;

use crate::workflow::WorkflowId;

use super::activity::Standing;
use super::caller::Scope;

/// The step that runs on this task, also in tasks that it spawned with [`spawn`](crate::spawn()).
///
/// The same is in the span `step` that surrounds each attempt. A subscriber that asks here for every line that it writes
/// can do [without](Self::is_told_by) that span, which is opened far more often than a line is written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CurrentStep {
    /// The name of the minion.
    pub minion: &'static str,
    /// The id of the orchestration.
    pub orchestration: Arc<str>,
    /// The id of the workflow.
    pub workflow: WorkflowId,
    /// The name of the step.
    pub step: &'static str,
    /// The number of the attempt, from 1.
    pub attempt: u32,
}

impl CurrentStep {
    /// The step that runs on this task, if one does.
    #[must_use]
    pub fn get() -> Option<Self> {
        Scope::look(|scope| scope.standing.as_ref().and_then(Standing::step)).flatten()
    }

    /// Whether a span says nothing that is not known from here.
    #[must_use]
    pub fn is_told_by(span: &Metadata<'_>) -> bool {
        span.is_span() && span.name() == SPAN && span.target() == TARGET
    }
}

/// The name of the span of each attempt.
pub(crate) const SPAN: &str = "step";

/// Its target.
pub(crate) const TARGET: &str = "minions::step";
