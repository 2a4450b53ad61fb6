//! duroxide, as its documentation shows it, with shorter polls.

use std::sync::Arc;
use std::time::Duration;

use duroxide::providers::sqlite::SqliteProvider;
use duroxide::runtime::registry::ActivityRegistry;
use duroxide::runtime::{Runtime, RuntimeOptions};
use duroxide::{ActivityContext, Client, OrchestrationContext, OrchestrationRegistry, OrchestrationStatus};
use peer::{About, Engine, Error, Page, Visit};

const ABOUT: About = About {
    name: "duroxide",
    version: "0.1.32",
    settings: "synchronous=NORMAL, weaker than the others, because it sets that itself; polls every 5 ms (its own is 100), 4 dispatchers of each kind (2)",
};

struct Duroxide {
    client: Client,
    _runtime: Arc<Runtime>,
}

/// What an activity does: a step.
async fn step(_: ActivityContext, visit: String) -> Result<String, String> {
    let visit: Visit = serde_json::from_str(&visit).map_err(|error| error.to_string())?;
    serde_json::to_string(&visit.step()).map_err(|error| error.to_string())
}

async fn walk(context: OrchestrationContext, visit: String) -> Result<String, String> {
    let visit = context.schedule_activity("First", visit).await?;
    let visit = context.schedule_activity("Second", visit).await?;
    context.schedule_activity("Third", visit).await
}

impl Engine for Duroxide {
    async fn workflow(&self, page: Page) -> Result<(), Error> {
        let id = format!("walk-{}", page.number);
        self.client.start_orchestration(&id, "Walk", serde_json::to_string(&Visit::of(&page))?).await?;
        match self.client.wait_for_orchestration(&id, Duration::from_secs(120)).await? {
            OrchestrationStatus::Completed { output, .. } => serde_json::from_str::<Visit>(&output)?.finish(),
            other => Err(format!("{other:?}").into()),
        }
    }
}

fn main() -> Result<(), Error> {
    peer::main(&ABOUT, |directory, _| async move {
        let path = directory.join("state.db");
        std::fs::File::create(&path)?;
        let store = Arc::new(SqliteProvider::new(&format!("sqlite:{}", path.display()), None).await?);
        let activities =
            ActivityRegistry::builder().register("First", step).register("Second", step).register("Third", step).build();
        let orchestrations = OrchestrationRegistry::builder().register("Walk", walk).build();
        let options = RuntimeOptions {
            dispatcher_min_poll_interval: Duration::from_millis(5),
            orchestration_concurrency: 4,
            worker_concurrency: 4,
            ..RuntimeOptions::default()
        };
        let runtime = Runtime::start_with_options(store.clone(), activities, orchestrations, options).await;
        Ok(Duroxide { client: Client::new(store), _runtime: runtime })
    })
}
