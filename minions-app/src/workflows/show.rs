//! `wf show`.

use serde::Serialize;
use serde_json::Value;

use minions_core::store::{FailureKind, StateStore, Status, StepFailure, StoredWorkflow};

use crate::output::{answer, answer_json};
use crate::text;

use super::{Refusal, find};

/// Everything that is stored of a workflow.
#[derive(Serialize)]
struct Shown<'a> {
    id: String,
    orchestration: &'a str,
    status: Status,
    step: &'a str,
    attempt: u32,
    checkpoint: u32,
    created: Option<String>,
    updated: Option<String>,
    /// A string if what is stored is no JSON.
    event: Value,
    context: Value,
    failures: &'a [StepFailure],
}

pub(super) async fn show(store: &dyn StateStore, id: &str, json: bool) -> Result<(), Refusal> {
    let workflow = find::one(store, id).await?;
    if json {
        answer_json(&Shown::of(&workflow));
    } else {
        answer(for_people(&workflow));
    }
    Ok(())
}

impl<'a> Shown<'a> {
    fn of(workflow: &'a StoredWorkflow) -> Self {
        Self {
            id: workflow.id.to_string(),
            orchestration: &workflow.orchestration,
            status: workflow.status,
            step: &workflow.step,
            attempt: workflow.attempt,
            checkpoint: workflow.seq,
            created: text::rfc3339(workflow.created_ms),
            updated: text::rfc3339(workflow.updated_ms),
            event: decoded(&workflow.event),
            context: decoded(&workflow.context),
            failures: &workflow.failures,
        }
    }
}

fn for_people(workflow: &StoredWorkflow) -> String {
    let mut lines = vec![
        format!("workflow       {}", workflow.id),
        format!("orchestration  {}", workflow.orchestration),
        format!("status         {}", workflow.status),
        format!("step           {}, after {}", workflow.step, text::count(workflow.seq.into(), "checkpoint")),
        format!("admitted       {}", text::local_time(workflow.created_ms)),
        format!("changed        {}", text::local_time(workflow.updated_ms)),
        "event".to_owned(),
    ];
    lines.extend(indented(&pretty(&workflow.event)));
    lines.push("context before the step".to_owned());
    lines.extend(indented(&pretty(&workflow.context)));
    if !workflow.failures.is_empty() {
        lines.push("failures, the last one last".to_owned());
    }
    for failure in &workflow.failures {
        let how = match failure.kind {
            FailureKind::Panic => "panicked",
            FailureKind::Timeout => "took too long",
            FailureKind::Abort => "aborted",
            FailureKind::Death => "died with its process",
            _ => "failed",
        };
        let when = text::local_time(failure.at_ms);
        lines.push(format!("  {when}  {}, attempt {}, {how}", failure.step, failure.attempt));
        for (depth, error) in failure.error.iter().enumerate() {
            let by = if depth == 0 { "" } else { "caused by: " };
            let mut said = error.lines();
            lines.push(format!("    {by}{}", said.next().unwrap_or_default()));
            lines.extend(said.map(|line| format!("      {line}")));
        }
    }
    // Stored text comes from anywhere and must not steer the terminal.
    let printable = |line: String| line.replace(|c: char| c.is_control() && c != '\t', " ");
    lines.into_iter().map(printable).collect::<Vec<_>>().join("\n")
}

fn decoded(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned()))
}

fn pretty(bytes: &[u8]) -> String {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(value) => format!("{value:#}"),
        Err(_) => format!("(no JSON) {}", String::from_utf8_lossy(bytes)),
    }
}

fn indented(text: &str) -> Vec<String> {
    text.lines().map(|line| format!("  {line}")).collect()
}
