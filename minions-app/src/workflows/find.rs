//! Finding stored workflows.

use minions_core::gru::Workflows;
use minions_core::store::Filter;
use minions_core::workflow::WorkflowId;

use super::answer::Refusal;

const PAGE: usize = 500;

/// The minion in an orchestration's id, `pipeline/minion@configuration`.
pub(super) fn minion_of(orchestration: &str) -> &str {
    let behind = orchestration.split_once('/').map_or(orchestration, |(_, behind)| behind);
    behind.split('@').next().unwrap_or(behind)
}

/// The one workflow whose id is `id` or ends with it.
pub(super) async fn one(workflows: &Workflows, id: &str) -> Result<WorkflowId, Refusal> {
    if let Ok(whole) = id.parse::<WorkflowId>() {
        return Ok(whole);
    }
    let end = id.to_ascii_lowercase();
    if end.is_empty() || !end.chars().all(|c| c.is_ascii_hexdigit()) {
        let message = format!("`{id}` is no workflow id, nor the end of one; `wf list --status all` shows them");
        return Err(Refusal::new("usage", message));
    }
    let (mut found, mut filter) = (Vec::new(), Filter::all());
    loop {
        let page = workflows.list(filter, PAGE).await?;
        let Some(last) = page.last() else { break };
        filter = Filter::all().after(last.stored.id);
        let ends = page.iter().map(|found| found.stored.id).filter(|id| id.to_string().ends_with(&end));
        found.extend(ends);
        found.truncate(10);
    }
    match *found {
        [] => Err(Refusal::new(
            "not-found",
            format!(
                "no stored workflow has an id that ends with `{id}`; `wf list --status all` shows them, and `wf history` \
                 those that have ended"
            ),
        )),
        [found] => Ok(found),
        _ => {
            let ids = found.iter().map(|id| format!("\n  {id}")).collect::<String>();
            let message = format!("several workflows have an id that ends with `{id}`; give more of it{ids}");
            Err(Refusal::new("ambiguous", message))
        }
    }
}

/// What a person types to mean the workflow, as log lines show it.
pub(super) fn short(id: WorkflowId) -> String {
    let id = id.to_string();
    id[id.len() - 8..].to_owned()
}

/// An identity in JSON as people see it everywhere else, without hyphens.
pub(super) mod plain {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use minions_core::workflow::WorkflowId;

    pub(crate) fn serialize<S: Serializer>(id: &WorkflowId, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(id)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<WorkflowId, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
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
