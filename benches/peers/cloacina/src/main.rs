//! cloacina, as its documentation shows it, with shorter polls and more tasks at once.

use std::time::Duration;

use cloacina::executor::{WorkflowExecutor, WorkflowStatus};
use cloacina::runner::{DefaultRunner, DefaultRunnerConfig};
use cloacina::{Context, TaskError, task, workflow};
use peer::{About, Engine, Error, Page, Visit};

const ABOUT: About = About {
    name: "cloacina",
    version: "0.12.0",
    settings: "synchronous=FULL as it comes; scheduler polls every 5 ms (its own is 100), 64 tasks at once (4), nothing else of it runs",
};

#[workflow(name = "walk", description = "Three steps")]
pub mod walk {
    use super::*;

    fn step(context: &mut Context<serde_json::Value>) -> Result<(), TaskError> {
        let failed = |error: String| TaskError::ExecutionFailed {
            message: error,
            task_id: "walk".to_owned(),
            timestamp: Default::default(),
        };
        let visit = context.get("visit").cloned().ok_or_else(|| failed("no visit".to_owned()))?;
        let visit: Visit = serde_json::from_value(visit).map_err(|error| failed(error.to_string()))?;
        let visit = serde_json::to_value(visit.step()).map_err(|error| failed(error.to_string()))?;
        context.update("visit", visit).map_err(|error| failed(error.to_string()))
    }

    #[task(id = "first", dependencies = [])]
    pub async fn first(context: &mut Context<serde_json::Value>) -> Result<(), TaskError> {
        step(context)
    }

    #[task(id = "second", dependencies = ["first"])]
    pub async fn second(context: &mut Context<serde_json::Value>) -> Result<(), TaskError> {
        step(context)
    }

    #[task(id = "third", dependencies = ["second"])]
    pub async fn third(context: &mut Context<serde_json::Value>) -> Result<(), TaskError> {
        step(context)
    }
}

struct Cloacina(DefaultRunner);

impl Engine for Cloacina {
    async fn workflow(&self, page: Page) -> Result<(), Error> {
        let mut context = Context::new();
        context.insert("visit", serde_json::to_value(Visit::of(&page))?)?;
        let result = self.0.execute("walk", context).await?;
        let visit = result.final_context.get("visit").cloned().unwrap_or_default();
        match result.status {
            WorkflowStatus::Completed => serde_json::from_value::<Visit>(visit)?.finish(),
            other => Err(format!("{other:?}").into()),
        }
    }
}

fn main() -> Result<(), Error> {
    peer::main(&ABOUT, |directory, _| async move {
        let config = DefaultRunnerConfig::builder()
            .scheduler_poll_interval(Duration::from_millis(5))
            .max_concurrent_tasks(64)
            .enable_cron_scheduling(false)
            .enable_trigger_scheduling(false)
            .enable_registry_reconciler(false)
            .build()?;
        let url = format!("sqlite://{}", directory.join("state.db").display());
        Ok(Cloacina(DefaultRunner::with_config(&url, config).await?))
    })
}
