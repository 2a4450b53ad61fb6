//! `wf list`: a page in memory at a time, however long it is.

use minions_core::workflow::WorkflowId;

use crate::output::{answer, say};
use crate::text;

use super::answer::{Line, Page, Refusal};
use super::ask::Ask;
use super::find::short;
use super::request::{Query, Request, StatusChoice};

/// How much of an error fits beside the rest.
pub(super) const ERROR_WIDTH: usize = 60;

/// Hands each part of the list to `each`.
pub(super) async fn pages(
    ask: &Ask,
    query: &Query,
    mut each: impl AsyncFnMut(Page) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let mut after: Option<WorkflowId> = None;
    loop {
        let page: Page = ask.typed(Request::List { query: query.clone(), after }).await?;
        after = page.next;
        each(page).await?;
        if after.is_none() {
            return Ok(());
        }
    }
}

pub(super) async fn list(ask: &Ask, query: &Query, json: bool) -> Result<(), Refusal> {
    let mut count = 0_u64;
    if json {
        let mut open = "[";
        pages(ask, query, async |page| {
            for line in &page.workflows {
                let line = serde_json::to_string(line).map_err(|error| Refusal::new("internal", error.to_string()))?;
                answer(format_args!("{open}\n{line}"));
                open = ",";
            }
            Ok(())
        })
        .await?;
        answer(if open == "[" { "[]" } else { "]" });
        return Ok(());
    }
    pages(ask, query, async |page| {
        let cells: Vec<_> = page.workflows.iter().map(Line::cells).collect();
        if !cells.is_empty() {
            let table = text::table(["ID", "STATUS", "ORCHESTRATION", "STEP", "ATTEMPT", "SINCE", "WHY"], &cells);
            // Later parts go on below the same heading.
            answer(if count == 0 { &*table } else { table.split_once('\n').map_or("", |(_, rows)| rows) });
        }
        count += page.workflows.len() as u64;
        Ok(())
    })
    .await?;
    let said = match query.status {
        StatusChoice::Quarantined => "in quarantine",
        StatusChoice::Running if ask.is_live() => "running",
        StatusChoice::Running => "to go on with the next start",
        StatusChoice::Sleeping => "asleep, waiting, put off or due",
        StatusChoice::Waiting => "waiting for their turn",
        StatusChoice::All => "stored",
    };
    say(format_args!("{} {said}", text::count(count, "workflow")));
    // Those that were not asked for, in case somebody looks for one of them.
    if *query == Query::default() {
        let others = ask.others().await?;
        if others > 0 {
            let others = text::count(others, "workflow");
            say(format_args!("{others} to go on with the next start, listed by --status all"));
        }
    }
    Ok(())
}

impl Line {
    fn cells(&self) -> [String; 7] {
        let why = self.error.as_deref().filter(|_| self.status == "quarantined").unwrap_or(&self.state);
        [
            short(self.id),
            self.now.clone(),
            self.orchestration.clone(),
            self.step.clone(),
            self.attempt.to_string(),
            text::local_time(self.updated_ms),
            text::one_line(why, ERROR_WIDTH),
        ]
    }
}
