//! A pipeline as it runs: the task that owns it, and its end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::component::TaskFailures;
use crate::error::Error;
use crate::pipeline::{Broken, ErasedPipeline, Requests, Silence, Source, drive};
use crate::supervise::Restart;
use crate::telemetry::handles::PipelineMetrics;

use super::bring_up::take_down;
use super::budget::Budget;
use super::component::{Identity, OnFailure};
use super::graph::NodeId;
use super::part::{Body, LiveSource};
use super::perform::Owned;
use super::report::{Phase, PhaseReport};
use super::runtime::Runtime;
use super::state::State;

impl State {
    /// Lets a pipeline that is up own its task.
    pub(super) fn start_source(
        &mut self,
        runtime: &Arc<Runtime>,
        id: NodeId,
        instance: Box<dyn ErasedPipeline>,
        (tasks, failures): Owned,
        on_failure: OnFailure,
    ) {
        let part = self.part(id);
        let (identity, number) = (part.identity.clone(), part.instance);
        let again = part.policy.restart == Restart::Always;
        let Body::Pipeline(pipeline) = &mut part.body else { return };
        pipeline.stats = Arc::default();
        let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
        let intake = runtime.engine.intake(&pipeline.scope);
        let opened = intake.opened();
        let requests = opened.map(|opened| (opened.instance, opened.requests));
        let (instance_number, requests) = requests.unzip();
        let source = Source {
            id: identity.name.clone(),
            name: pipeline.name,
            idle: pipeline.factory.idle(),
            keep_keys: pipeline.factory.keep_keys(),
            subscribers: pipeline.subscribers.clone(),
            stats: pipeline.stats.clone(),
            intake,
            instance: instance_number.unwrap_or_default(),
            engine: runtime.engine.clone(),
            metrics: PipelineMetrics::register(&identity.name),
            caller: identity.caller,
            spot: identity.spot(runtime.engine.program, "next", pipeline.factory.entry().location),
            stop: stop.clone(),
            broken: Broken::default(),
        };
        identity.up().set(1.0);
        let (halt, end) = (stop.clone(), ended.clone());
        let owner = Owner { runtime: runtime.clone(), id, number, identity, again, halt, end, on_failure };
        let task = runtime.spawn_joined(owner.produce(source, requests, instance, failures));
        pipeline.source = Some(LiveSource { task, tasks, stop, ended });
    }
}

/// The task that owns an instance while it produces.
struct Owner {
    runtime: Arc<Runtime>,
    id: NodeId,
    /// Which instance it is.
    number: u64,
    identity: Identity,
    /// Whether a source that has ended is started again.
    again: bool,
    halt: CancellationToken,
    end: CancellationToken,
    on_failure: OnFailure,
}

impl Owner {
    /// Produces until there is nothing more, or something of the pipeline fails; gives the instance back for its shutdown.
    async fn produce(
        self,
        source: Source,
        requests: Requests,
        instance: Box<dyn ErasedPipeline>,
        mut failures: TaskFailures,
    ) -> Box<dyn ErasedPipeline> {
        let began = Instant::now();
        let mut driven = std::pin::pin!(drive(source, requests, instance));
        let mut failed = None;
        let (instance, silence) = loop {
            tokio::select! {
                driven = &mut driven => break driven,
                Some(error) = failures.recv(), if failed.is_none() => {
                    failed = Some(error);
                    self.halt.cancel();
                }
            }
        };
        match (failed, silence) {
            (Some(error), _) => self.fail(began.elapsed(), error),
            (None, Silence::Panicked(error)) => self.fail(began.elapsed(), error.context("next panicked")),
            (None, Silence::Broken(error)) => self.fail(began.elapsed(), error),
            (None, Silence::Ended) if self.again => {
                self.runtime.update(|state| state.source_ended(&self.runtime, self.id, self.number));
            }
            (None, Silence::Ended) => self.end.cancel(),
            (None, Silence::Stopped) => {}
        }
        instance
    }

    fn fail(self, after: Duration, error: Error) {
        if let Some(failure) = self.identity.failed(Phase::Run, after, error).failure() {
            (self.on_failure)(failure);
        }
    }
}

/// Ends the production of a pipeline, then runs its shutdown hook.
pub(super) async fn stop_source(identity: &Identity, source: LiveSource, budget: Budget) -> Vec<PhaseReport> {
    let LiveSource { mut task, tasks, stop, .. } = source;
    let began = Instant::now();
    stop.cancel();
    tasks.request_stop();
    let deadline = budget.for_hook();
    let mut phases = Vec::new();
    let mut late = |what: &str| {
        let error = Error::new(format!("{what} did not stop within {deadline:?} after it was asked to"));
        phases.push(identity.failed(Phase::Run, began.elapsed(), error));
    };
    let produced = timeout(deadline, &mut task).await;
    if produced.is_err() {
        // Only a `next` that blocks its thread is not let go.
        late("its next");
        task.abort();
    }
    if timeout(deadline.saturating_sub(began.elapsed()), tasks.ended()).await.is_err() {
        late("a task of its own");
        tasks.drop_all();
    }
    match produced {
        Ok(Ok(instance)) => phases.push(take_down(identity, budget.for_hook(), instance).await),
        Ok(Err(error)) => phases.push(identity.failed(Phase::Run, began.elapsed(), Error::new(error))),
        Err(_) => {}
    }
    identity.up().set(0.0);
    phases
}
