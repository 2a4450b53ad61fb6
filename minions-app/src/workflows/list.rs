//! `wf list`.

use serde::Serialize;

use minions_core::store::{StateStore, Status, StoredWorkflow};

use crate::output::{answer, answer_json, say};
use crate::text;

use super::find::{Which, for_each, short};
use super::{Refusal, StatusChoice, because};

/// How much of an error fits beside the rest.
const ERROR_WIDTH: usize = 60;

/// One line, without event and context, so that a long list stays small.
#[derive(Serialize)]
struct Line {
    id: String,
    #[serde(skip)]
    short: String,
    orchestration: String,
    status: Status,
    step: String,
    attempt: u32,
    created: Option<String>,
    updated: Option<String>,
    #[serde(skip)]
    since: String,
    error: Option<String>,
}

pub(super) async fn list(
    store: &dyn StateStore,
    which: &Which,
    status: StatusChoice,
    json: bool,
) -> Result<(), Refusal> {
    let status = match status {
        StatusChoice::Quarantined => Some(Status::Quarantined),
        StatusChoice::Running => Some(Status::Running),
        StatusChoice::All => None,
    };
    let mut lines = Vec::new();
    for_each(store, which, status, |workflow| lines.push(Line::of(&workflow))).await?;
    if json {
        answer_json(&lines);
        return Ok(());
    }
    let cells: Vec<_> = lines.iter().map(Line::cells).collect();
    if !cells.is_empty() {
        answer(text::table(["ID", "STATUS", "ORCHESTRATION", "STEP", "ATTEMPT", "SINCE", "ERROR"], &cells));
    }
    let said = match status {
        Some(Status::Quarantined) => "in quarantine",
        Some(_) => "to go on with the next start",
        None => "stored",
    };
    say(format_args!("{} {said}", text::count(lines.len() as u64, "workflow")));
    if status == Some(Status::Quarantined) {
        hint(store).await?;
    }
    Ok(())
}

/// Says that there is more than what was listed.
async fn hint(store: &dyn StateStore) -> Result<(), Refusal> {
    let counts = store.counts().await.map_err(|error| because("the stored workflows cannot be counted", &error))?;
    let others = counts.iter().filter(|count| count.status != Status::Quarantined).map(|count| count.count).sum();
    if others > 0 {
        say(format_args!("{} to go on with the next start, listed by --status all", text::count(others, "workflow")));
    }
    Ok(())
}

impl Line {
    fn of(workflow: &StoredWorkflow) -> Self {
        Self {
            id: workflow.id.to_string(),
            short: short(workflow.id),
            orchestration: workflow.orchestration.clone(),
            status: workflow.status,
            step: workflow.step.clone(),
            attempt: workflow.attempt,
            created: text::rfc3339(workflow.created_ms),
            updated: text::rfc3339(workflow.updated_ms),
            since: text::local_time(workflow.updated_ms),
            error: workflow.failures.last().and_then(|failure| failure.error.first().cloned()),
        }
    }

    fn cells(&self) -> [String; 7] {
        [
            self.short.clone(),
            self.status.to_string(),
            self.orchestration.clone(),
            self.step.clone(),
            self.attempt.to_string(),
            self.since.clone(),
            self.error.as_deref().map(|error| text::one_line(error, ERROR_WIDTH)).unwrap_or_default(),
        ]
    }
}
