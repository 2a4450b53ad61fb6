//! Finding stored workflows.

use minions_core::store::{Filter, StateStore, Status, StoredWorkflow};
use minions_core::workflow::WorkflowId;

use super::{Refusal, because};

const PAGE: usize = 500;

/// Narrows down which workflows are meant.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Which {
    /// Only those of this orchestration, such as door/greeter
    #[arg(long, value_name = "ID")]
    pub(super) orchestration: Option<String>,
    /// Only those of this minion
    #[arg(long, value_name = "NAME")]
    pub(super) minion: Option<String>,
}

impl Which {
    fn matches(&self, workflow: &StoredWorkflow) -> bool {
        self.minion.as_deref().is_none_or(|minion| minion_of(&workflow.orchestration) == minion)
    }
}

/// The minion in an orchestration's id, `pipeline/minion@configuration`.
fn minion_of(orchestration: &str) -> &str {
    let behind = orchestration.split_once('/').map_or(orchestration, |(_, behind)| behind);
    behind.split('@').next().unwrap_or(behind)
}

/// Hands every workflow that is meant to `each`, a page in memory at a time.
pub(super) async fn for_each(
    store: &dyn StateStore,
    which: &Which,
    status: Option<Status>,
    mut each: impl FnMut(StoredWorkflow),
) -> Result<(), Refusal> {
    let mut filter = Filter::all();
    filter.orchestration.clone_from(&which.orchestration);
    filter.status = status;
    loop {
        let page = store.scan(filter.clone(), PAGE).await;
        let page = page.map_err(|error| because("the stored workflows cannot be read", &error))?;
        let Some(last) = page.last() else { return Ok(()) };
        filter = filter.after(last.id);
        page.into_iter().filter(|workflow| which.matches(workflow)).for_each(&mut each);
    }
}

/// The one workflow whose id is `id` or ends with it.
pub(super) async fn one(store: &dyn StateStore, id: &str) -> Result<StoredWorkflow, Refusal> {
    if let Ok(whole) = id.parse::<WorkflowId>() {
        let found = store.scan(Filter::only(whole), 1).await;
        let found = found.map_err(|error| because("the stored workflows cannot be read", &error))?;
        return found.into_iter().next().ok_or_else(|| format!("no workflow `{id}` is stored"));
    }
    let end = id.to_ascii_lowercase();
    if end.is_empty() || !end.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err(format!("`{id}` is no workflow id, nor the end of one; `wf list --status all` shows them"));
    }
    let (mut found, mut others) = (None, Vec::new());
    for_each(store, &Which::default(), None, |workflow| {
        if !workflow.id.to_string().ends_with(&end) {
            return;
        }
        match found {
            None => found = Some(workflow),
            Some(_) => others.push(workflow.id.to_string()),
        }
    })
    .await?;
    match found {
        None => Err(format!("no stored workflow has an id that ends with `{id}`; `wf list --status all` shows them")),
        Some(found) if others.is_empty() => Ok(found),
        Some(found) => {
            others.truncate(9);
            let ids = others.iter().fold(found.id.to_string(), |ids, id| format!("{ids}\n  {id}"));
            Err(format!("several workflows have an id that ends with `{id}`; give more of it\n  {ids}"))
        }
    }
}

/// What a person types to mean the workflow, as log lines show it.
pub(super) fn short(id: WorkflowId) -> String {
    let id = id.to_string();
    id[id.len() - 8..].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minion_is_read_from_the_id() {
        assert_eq!(minion_of("door/greeter"), "greeter");
        assert_eq!(minion_of("door/greeter@night"), "greeter");
        assert_eq!(minion_of("odd"), "odd");
    }

    #[test]
    fn the_short_id_is_the_part_that_differs() {
        let id: WorkflowId = "01939d2f8f3a7c5e9b1d2a3f4c5d6e7f".parse().unwrap();
        assert_eq!(short(id), "4c5d6e7f");
    }
}
