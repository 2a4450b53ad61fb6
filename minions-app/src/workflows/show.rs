//! `wf show`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use minions_core::gru::FoundWorkflow;
use minions_core::reason::{Reason, Wait};
use minions_core::store::{FailureKind, StepFailure};
use minions_core::workflow::{WorkflowId, WorkflowState};

use crate::text;

/// Everything that is stored of a workflow.
#[derive(Serialize, Deserialize)]
pub(super) struct Shown {
    #[serde(with = "super::find::plain")]
    id: WorkflowId,
    orchestration: String,
    status: String,
    step: String,
    attempt: u32,
    checkpoint: u32,
    created: Option<String>,
    updated: Option<String>,
    created_ms: i64,
    updated_ms: i64,
    /// Where it is, and what it waits for.
    waits: WorkflowState,
    /// A string if what is stored is no JSON.
    event: Value,
    context: Value,
    failures: Vec<StepFailure>,
}

impl Shown {
    pub(super) fn of(found: &FoundWorkflow) -> Self {
        let workflow = &found.stored;
        Self {
            id: workflow.id,
            orchestration: workflow.orchestration.clone(),
            status: workflow.status.to_string(),
            step: workflow.step.clone(),
            attempt: workflow.attempt,
            checkpoint: workflow.seq,
            created: text::rfc3339(workflow.created_ms),
            updated: text::rfc3339(workflow.updated_ms),
            created_ms: workflow.created_ms,
            updated_ms: workflow.updated_ms,
            waits: found.state.clone(),
            event: decoded(&workflow.event),
            context: decoded(&workflow.context),
            failures: workflow.failures.clone(),
        }
    }
}

/// A state in a person's words.
pub(super) fn state(state: &WorkflowState) -> String {
    match state {
        WorkflowState::Running { doing: None } => "running".to_owned(),
        WorkflowState::Running { doing: Some(wait) } => format!("running, {}", waits(wait)),
        WorkflowState::Waiting(wait) => waits(wait),
        WorkflowState::Quarantined { since_ms } => format!("in quarantine since {}", text::local_time(*since_ms)),
        other => other.as_str().to_owned(),
    }
}

/// A reason in a person's words, with the time when it is over, or else since when it holds.
fn waits(wait: &Wait) -> String {
    match (&wait.reason, wait.reason.until_ms()) {
        (reason, Some(until)) => format!("{reason} until {}", text::local_time(until)),
        (reason, None) => format!("{reason}, since {}", text::local_time(wait.since_ms)),
    }
}

/// Which commands help.
fn remedies(workflow: &Shown, program: &str) -> Vec<String> {
    let id = super::find::short(workflow.id);
    let commands = match &workflow.waits {
        WorkflowState::Quarantined { .. } => vec![
            format!("retry {id}             lets it go on at `{}`", workflow.step),
            format!("goto {id} STEP         lets it go on at another step"),
            format!("edit {id} --context -  replaces its context"),
            format!("drop {id}              removes it"),
        ],
        WorkflowState::Waiting(Wait { reason: Reason::Signal { signal, .. }, .. }) => {
            vec![format!("signal {id} {signal} JSON  wakes it"), format!("drop {id}  removes it")]
        }
        WorkflowState::Waiting(Wait { reason: Reason::Place, .. }) | WorkflowState::Running { .. } => Vec::new(),
        WorkflowState::Waiting(_) => vec![format!("drop {id}  removes it")],
        _ => Vec::new(),
    };
    commands.into_iter().map(|command| format!("  {program} wf {command}")).collect()
}

pub(super) fn for_people(workflow: &Shown, program: &str) -> String {
    let mut lines = vec![
        format!("workflow       {}", workflow.id),
        format!("orchestration  {}", workflow.orchestration),
        format!("status         {}", state(&workflow.waits)),
        format!("step           {}, after {}", workflow.step, text::count(workflow.checkpoint.into(), "checkpoint")),
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
    let remedies = remedies(workflow, program);
    if !remedies.is_empty() {
        lines.push("what helps".to_owned());
        lines.extend(remedies);
    }
    // Stored text comes from anywhere and must not steer the terminal.
    let printable = |line: String| line.replace(|c: char| c.is_control() && c != '\t', " ");
    lines.into_iter().map(printable).collect::<Vec<_>>().join("\n")
}

fn decoded(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned()))
}

fn pretty(value: &Value) -> String {
    format!("{value:#}")
}

fn indented(text: &str) -> Vec<String> {
    text.lines().map(|line| format!("  {line}")).collect()
}
