//! Answers requests, in a running program and beside the file of a stopped one alike.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use minions_core::gru::{FoundWorkflow, Signalled, WorkflowError, Workflows};
use minions_core::store::StoredWorkflow;
use minions_core::workflow::WorkflowId;

use crate::text;

use super::find;
use super::request::{Query, Request};
use super::show::Shown;

/// How many rows one answer is made from at most.
const PAGE: usize = 256;

/// Why a request is refused.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// A word for scripts.
    pub(crate) kind: &'static str,
    /// A sentence for people.
    pub(crate) message: String,
}

/// One line of a list, without event and context, so that a long one stays small.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Line {
    #[serde(with = "find::plain")]
    pub(super) id: WorkflowId,
    pub(super) orchestration: String,
    pub(super) status: String,
    pub(super) step: String,
    pub(super) attempt: u32,
    pub(super) created: Option<String>,
    pub(super) updated: Option<String>,
    pub(super) updated_ms: i64,
    /// Where it is, in a word.
    pub(super) now: String,
    /// Where it is, and what it waits for.
    pub(super) state: String,
    pub(super) error: Option<String>,
}

/// A part of a list.
#[derive(Serialize, Deserialize)]
pub(super) struct Page {
    pub(super) workflows: Vec<Line>,
    /// Where the next part begins; nothing after the last one.
    pub(super) next: Option<WorkflowId>,
}

/// What became of one workflow.
#[derive(Serialize, Deserialize)]
pub(super) struct Changed {
    #[serde(with = "find::plain")]
    pub(super) id: WorkflowId,
    pub(super) orchestration: String,
    pub(super) step: String,
    pub(super) change: String,
}

pub(crate) async fn answer(workflows: &Workflows, request: Request) -> Result<Value, Refusal> {
    match request {
        Request::List { query, after } => Ok(json!(list(workflows, &query, after).await?)),
        Request::Show { id } => {
            let id = find::one(workflows, &id).await?;
            Ok(json!(Shown::of(&workflows.get(id).await?)))
        }
        Request::Retry { id } => {
            let id = find::one(workflows, &id).await?;
            Ok(json!(Changed::of(workflows.retry(id).await?, "retried")))
        }
        Request::Goto { id, step } => {
            let id = find::one(workflows, &id).await?;
            let mut changed = Changed::of(workflows.go_to(id, &step).await?, "moved");
            changed.step = step;
            Ok(json!(changed))
        }
        Request::Edit { id, context } => {
            let id = find::one(workflows, &id).await?;
            let context = serde_json::to_vec(&context).map_err(|error| Refusal::new("usage", error.to_string()))?;
            Ok(json!(Changed::of(workflows.edit(id, context).await?, "edited")))
        }
        Request::Drop { id } => {
            let id = find::one(workflows, &id).await?;
            Ok(json!(Changed::of(workflows.discard(id).await?, "dropped")))
        }
        Request::Signal { id, name, payload } => {
            let id = find::one(workflows, &id).await?;
            let signalled: Signalled = workflows.signal(id, &name, &payload).await?;
            Ok(json!({"id": id.to_string(), "signal": name, "result": signalled}))
        }
        Request::History { orchestration, limit } => {
            let ended = workflows.history(orchestration, limit).await?;
            let ended = ended.iter().map(|ended| {
                json!({
                    "id": ended.id.to_string(), "orchestration": &*ended.orchestration, "outcome": ended.outcome, "step": ended.step,
                    "checkpoints": ended.seq, "changes": ended.revision, "created": text::rfc3339(ended.created_ms),
                    "ended": text::rfc3339(ended.ended_ms), "ended_ms": ended.ended_ms,
                    "took_ms": ended.ended_ms - ended.created_ms, "failures": ended.failures,
                })
            });
            Ok(ended.collect())
        }
    }
}

async fn list(workflows: &Workflows, query: &Query, after: Option<WorkflowId>) -> Result<Page, Refusal> {
    let mut filter = query.filter();
    filter.after = after;
    let found = workflows.list(filter, PAGE).await?;
    let next = found.last().filter(|_| found.len() == PAGE).map(|last| last.stored.id);
    let meant = |found: &&FoundWorkflow| {
        query.minion.as_deref().is_none_or(|minion| find::minion_of(&found.stored.orchestration) == minion)
    };
    Ok(Page { workflows: found.iter().filter(meant).map(Line::of).collect(), next })
}

impl Line {
    fn of(found: &FoundWorkflow) -> Self {
        let FoundWorkflow { stored, state, .. } = found;
        Self {
            id: stored.id,
            orchestration: stored.orchestration.clone(),
            status: stored.status.to_string(),
            step: stored.step.clone(),
            attempt: stored.attempt,
            created: text::rfc3339(stored.created_ms),
            updated: text::rfc3339(stored.updated_ms),
            updated_ms: stored.updated_ms,
            now: state.as_str().to_owned(),
            state: super::show::state(state),
            error: stored.failures.last().and_then(|failure| failure.error.first().cloned()),
        }
    }
}

impl Changed {
    fn of(stored: StoredWorkflow, change: &str) -> Self {
        Self { id: stored.id, orchestration: stored.orchestration, step: stored.step, change: change.to_owned() }
    }
}

impl Refusal {
    pub(crate) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

impl From<WorkflowError> for Refusal {
    fn from(error: WorkflowError) -> Self {
        let kind = match &error {
            WorkflowError::NotStored { .. } => "not-found",
            WorkflowError::NotQuarantined { .. } => "not-quarantined",
            WorkflowError::Running { .. } => "running",
            WorkflowError::NotInProgram { .. } => "not-in-program",
            WorkflowError::NoSuchStep { .. } => "no-such-step",
            WorkflowError::Context { .. } => "context",
            WorkflowError::Store(_) => "store",
            WorkflowError::Down => "shutting-down",
            _ => "refused",
        };
        Self::new(kind, text::with_causes(&error))
    }
}
