//! What a step may look like: patterns, every kind of result, no context.

use minions::minion::Minion;
use minions::prelude::*;

#[derive(Serialize, Deserialize)]
struct Page {
    url: String,
    depth: usize,
}

#[minion]
struct Watcher;

#[minion]
impl Watcher {
    /// Nothing to return.
    #[minion_step]
    async fn nothing(&self, Page { url, .. }: &Page, (): &mut ()) {
        assert!(!url.is_empty());
    }

    #[minion_step]
    async fn flow(&self, &Page { depth, .. }: &Page, _: &mut ()) -> Flow {
        if depth > 1 { Flow::to(Self::nothing) } else { Flow::Continue }
    }

    #[minion_step]
    async fn result(&self, page: &Page, _: &mut ()) -> Result<()> {
        page.url.parse::<usize>()?;
        Ok(())
    }

    #[minion_step]
    async fn result_of_flow(&self, page: &Page, _: &mut ()) -> Result<Flow> {
        if page.depth == 0 {
            return Ok(Flow::abort("too shallow"));
        }
        Ok(Flow::Done)
    }

    #[minion_step]
    async fn own_error(&self, _page: &Page, _: &mut ()) -> Result<(), std::num::ParseIntError> {
        Ok(())
    }

    #[minion_step(name = "last-one")]
    pub async fn with_workflow(&self, _page: &Page, _: &mut (), wf: &Workflow) -> Result<(), String> {
        Err(wf.idempotency_key().to_string())
    }
}

fn main() {
    let names: Vec<_> = Watcher::STEPS.iter().map(|step| step.name).collect();
    assert_eq!(names, ["nothing", "flow", "result", "result_of_flow", "own_error", "last-one"]);
}
