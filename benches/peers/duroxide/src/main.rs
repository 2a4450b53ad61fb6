//! duroxide, as its documentation shows it, with shorter polls.

use std::sync::Arc;
use std::time::Duration;

use duroxide::providers::sqlite::SqliteProvider;
use duroxide::runtime::registry::ActivityRegistry;
use duroxide::runtime::{Runtime, RuntimeOptions};
use duroxide::{ActivityContext, Client, OrchestrationContext, OrchestrationRegistry, OrchestrationStatus};
use peer::{About, Engine, Error, Page, Visit, ends};
use sqlx::SqlitePool;

const ABOUT: About = About {
    name: "duroxide",
    version: "0.1.32",
    settings: "synchronous=FULL by a PRAGMA on its connections (it sets a value that there is not, which comes to NORMAL), of which 1 is used (5 collide); polls every 5 ms (100)",
};

struct Duroxide {
    client: Client,
    pool: SqlitePool,
    _runtime: Arc<Runtime>,
}

/// What an activity does: a step.
async fn step(_: ActivityContext, visit: String) -> Result<String, String> {
    let visit: Visit = serde_json::from_str(&visit).map_err(|error| error.to_string())?;
    serde_json::to_string(&visit.step()).map_err(|error| error.to_string())
}

async fn last(context: ActivityContext, visit: String) -> Result<String, String> {
    let visit = step(context, visit).await?;
    ends::tell(serde_json::from_str(&visit).map_err(|error| error.to_string())?);
    Ok(visit)
}

async fn walk(context: OrchestrationContext, visit: String) -> Result<String, String> {
    let visit = context.schedule_activity("First", visit).await?;
    let visit = context.schedule_activity("Second", visit).await?;
    context.schedule_activity("Third", visit).await
}

impl Engine for Duroxide {
    async fn workflow(&self, page: Page) -> Result<(), Error> {
        let id = format!("walk-{}", page.number);
        let ended = ends::expect(page.number);
        self.client.start_orchestration(&id, "Walk", serde_json::to_string(&Visit::of(&page))?).await?;
        // Its own wait asks the database from the beginning, which holds up what it waits for.
        ended.await?;
        for pause in ends::patience() {
            match self.client.get_orchestration_status(&id).await? {
                OrchestrationStatus::Completed { output, .. } => {
                    return serde_json::from_str::<Visit>(&output)?.finish();
                }
                OrchestrationStatus::Running { .. } => tokio::time::sleep(pause).await,
                other => return Err(format!("{other:?}").into()),
            }
        }
        unreachable!("patience has no end")
    }

    async fn ended(&self) -> Result<u64, Error> {
        let query = sqlx::query_scalar("SELECT count(*) FROM executions WHERE status = 'Completed'");
        let ended: i64 = query.fetch_one(&self.pool).await?;
        Ok(ended.try_into()?)
    }
}

/// Makes all its connections confirm what they write, and keeps all but one for good. It opens them itself and has settings for
/// neither; with more than one, its transactions collide and it waits for some 200 ms each time.
async fn settle(pool: &SqlitePool) -> Result<(), Error> {
    let mut connections = Vec::new();
    for _ in 0..pool.options().get_max_connections() {
        let mut connection = pool.acquire().await?;
        sqlx::query("PRAGMA synchronous = FULL").execute(&mut *connection).await?;
        connections.push(connection);
    }
    connections.pop();
    connections.into_iter().for_each(std::mem::forget);
    Ok(())
}

fn main() -> Result<(), Error> {
    peer::main(&ABOUT, |directory, _| async move {
        let path = directory.join("state.db");
        std::fs::File::create(&path)?;
        let store = Arc::new(SqliteProvider::new(&format!("sqlite:{}", path.display()), None).await?);
        settle(store.get_pool()).await?;
        let activities = ActivityRegistry::builder()
            .register("First", step)
            .register("Second", step)
            .register("Third", last)
            .build();
        let orchestrations = OrchestrationRegistry::builder().register("Walk", walk).build();
        let options =
            RuntimeOptions { dispatcher_min_poll_interval: Duration::from_millis(5), ..RuntimeOptions::default() };
        let runtime = Runtime::start_with_options(store.clone(), activities, orchestrations, options).await;
        Ok(Duroxide { pool: store.get_pool().clone(), client: Client::new(store), _runtime: runtime })
    })
}
