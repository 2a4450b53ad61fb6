//! cloacina, as its documentation shows it, with shorter polls and more tasks at once.

use std::time::Duration;

use cloacina::dal::unified::workflow_execution::ExecutionListFilter;
use cloacina::executor::{WorkflowExecutor, WorkflowStatus};
use cloacina::runner::{DefaultRunner, DefaultRunnerConfig};
use cloacina::{Context, TaskError, task, workflow};
use peer::{About, Engine, Error, Page, Visit, ends};

const ABOUT: About = About {
    name: "cloacina",
    version: "0.12.0",
    settings: "synchronous=FULL as it comes; scheduler polls every 10 ms (100), the least that it takes, 2 tasks at once (4; more collide), no claims, nothing else of it runs",
};

#[workflow(name = "walk", description = "Three steps")]
pub mod walk {
    use super::*;

    fn step(context: &mut Context<serde_json::Value>) -> Result<Visit, TaskError> {
        let failed = |error: String| TaskError::ExecutionFailed {
            message: error,
            task_id: "walk".to_owned(),
            timestamp: Default::default(),
        };
        let visit = context.get("visit").cloned().ok_or_else(|| failed("no visit".to_owned()))?;
        let visit: Visit = serde_json::from_value(visit).map_err(|error| failed(error.to_string()))?;
        let visit = visit.step();
        let value = serde_json::to_value(&visit).map_err(|error| failed(error.to_string()))?;
        context.update("visit", value).map_err(|error| failed(error.to_string()))?;
        Ok(visit)
    }

    #[task(id = "first", dependencies = [])]
    pub async fn first(context: &mut Context<serde_json::Value>) -> Result<(), TaskError> {
        step(context).map(drop)
    }

    #[task(id = "second", dependencies = ["first"])]
    pub async fn second(context: &mut Context<serde_json::Value>) -> Result<(), TaskError> {
        step(context).map(drop)
    }

    #[task(id = "third", dependencies = ["second"])]
    pub async fn third(context: &mut Context<serde_json::Value>) -> Result<(), TaskError> {
        step(context).map(ends::tell)
    }
}

struct Cloacina(DefaultRunner);

impl Engine for Cloacina {
    async fn workflow(&self, page: Page) -> Result<(), Error> {
        let ended = ends::expect(page.number);
        let mut context = Context::new();
        context.insert("visit", serde_json::to_value(Visit::of(&page))?)?;
        let execution = self.0.execute_async("walk", context).await?;
        // Its own wait asks every 500 ms.
        ended.await?;
        for pause in ends::patience() {
            match execution.get_status().await? {
                WorkflowStatus::Completed => break,
                status if status.is_terminal() => return Err(format!("{status:?}").into()),
                _ => tokio::time::sleep(pause).await,
            }
        }
        let result = self.0.get_execution_result(execution.execution_id).await?;
        let visit = result.final_context.get("visit").cloned().unwrap_or_default();
        serde_json::from_value::<Visit>(visit)?.finish()
    }

    async fn ended(&self) -> Result<u64, Error> {
        let completed =
            ExecutionListFilter { status: Some("Completed".to_owned()), limit: i64::MAX, ..Default::default() };
        Ok(self.0.dal().workflow_execution().list_filtered(completed).await?.len() as u64)
    }
}

fn main() -> Result<(), Error> {
    peer::main(&ABOUT, |directory, _| async move {
        let config = DefaultRunnerConfig::builder()
            .scheduler_poll_interval(Duration::from_millis(10))
            .max_concurrent_tasks(2)
            .enable_claiming(false)
            .enable_cron_scheduling(false)
            .enable_trigger_scheduling(false)
            .enable_registry_reconciler(false)
            .build()?;
        let url = format!("sqlite://{}", directory.join("state.db").display());
        Ok(Cloacina(DefaultRunner::with_config(&url, config).await?))
    })
}
