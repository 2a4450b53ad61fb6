//! Brings a program up: all resolved first, then level by level, minions before the pipelines that feed them.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::component::{Assembly, Hooks, Kind};
use crate::config::Settings;
use crate::manifest::{Resolved, ResolvedOrchestration, ResolvedPipeline, resolve};
use crate::minion::MinionInstance;
use crate::panics::contain;
use crate::pipeline::{ErasedPipeline, Source, drive};
use crate::resource::ErasedResource;
use crate::store::{Status, StoreError};
use crate::telemetry::caller::{Caller, CallerId};
use crate::telemetry::names;
use crate::workflow::{Backlog, Engine, Orchestration};

use super::bring_up::{bring_up, together};
use super::component::{Identity, Live};
use super::report::{ComponentFailure, Finished, Phase, StartError, StopMode};
use super::running::{Running, RunningSource};
use super::{Gru, GruBuilder};

/// Starts in a task of its own, so that dropping the caller's future cannot leave half a program behind.
pub(super) async fn start(builder: GruBuilder) -> Result<Gru, StartError> {
    let (answer, started) = oneshot::channel();
    tokio::spawn(async move {
        if let Err(Ok(unwanted)) = answer.send(start_program(builder).await) {
            unwanted.shutdown_with(StopMode::Now).await;
        }
    });
    started.await.expect("the start contains the panics of user code and always answers")
}

async fn start_program(builder: GruBuilder) -> Result<Gru, StartError> {
    let resolved = resolve(&builder)?;
    let manifest = resolved.manifest();
    names::describe();
    let store = builder.store_or_none();
    let opened = contain(async { Ok(store.open().await) })
        .await
        .unwrap_or_else(|error| Err(StoreError::unavailable(format!("opening the store {error}"))))
        .map_err(StartError::Store)?;
    let engine = Arc::new(Engine::new(store, &opened));
    let (sender, finished) = watch::channel(None);
    let mut start = Start {
        running: Running::new(builder.options, engine, sender),
        live: Arc::default(),
        provided: Arc::new(builder.provided),
        root: builder.settings,
    };
    match start.everything(resolved).await {
        Ok(()) => Ok(Gru { manifest, running: start.running, finished }),
        Err(failed) => {
            let report = start.running.shutdown(StopMode::Now).await;
            Err(match failed {
                Failed::Store(error) => StartError::Store(error),
                Failed::Component(failure) => StartError::Component { failure, cleanup: report.failures },
            })
        }
    }
}

enum Failed {
    Store(StoreError),
    Component(ComponentFailure),
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<ComponentFailure> for Failed {
    fn from(failure: ComponentFailure) -> Self {
        Self::Component(failure)
    }
}

/// A start under way; whatever it has started lies in `running`, ready to be taken down.
struct Start {
    running: Running,
    live: Arc<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
    provided: Arc<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
    root: Settings,
}

impl Start {
    async fn everything(&mut self, resolved: Resolved) -> Result<(), Failed> {
        self.resources(&resolved).await?;
        self.minions(&resolved.orchestrations).await?;
        let mut backlogs = Vec::new();
        for orchestration in &self.running.orchestrations {
            backlogs.push(Backlog::open(orchestration).await?);
        }
        self.report_stored().await?;
        // Every pipeline is up before the first one produces, so that a failed start has processed nothing.
        let instances = self.pipelines(&resolved.pipelines).await?;
        for (orchestration, backlog) in self.running.orchestrations.iter().zip(backlogs) {
            self.running.resuming.push(tokio::spawn(backlog.resume(orchestration.clone())));
        }
        self.produce(&resolved, instances);
        self.watch(&resolved);
        Ok(())
    }

    async fn resources(&mut self, resolved: &Resolved) -> Result<(), Failed> {
        let levels = resolved.resources.iter().map(|resource| resource.level + 1).max().unwrap_or(0);
        for level in 0..levels {
            let starting = resolved.resources.iter().filter(|resource| resource.level == level).map(|resource| {
                let name = resource.entry.name;
                let create = resource.factory.create(self.assembly(name, &self.root));
                let started = bring_up(identity(Kind::Resource, name, name.into(), ""), self.deadline(), create);
                async { started.await.map(|(identity, instance)| (identity, resource.factory.resource_id(), instance)) }
            });
            let (up, failed) = together(starting).await;
            let mut live = HashMap::clone(&self.live);
            let mut running = Vec::new();
            for (identity, id, instance) in up {
                live.insert(id, instance.shared());
                running.push(self.supervise(identity, Arc::<dyn ErasedResource>::from(instance)));
            }
            self.live = Arc::new(live);
            self.running.resources.push(running);
            none_failed(failed)?;
        }
        Ok(())
    }

    async fn minions(&mut self, orchestrations: &[ResolvedOrchestration]) -> Result<(), Failed> {
        let starting = orchestrations.iter().map(|resolved| {
            let name = resolved.entry.name;
            let instance = instance_name(name, resolved.config.as_deref());
            let create = resolved.factory.create(self.assembly(name, &resolved.settings));
            let started = bring_up(identity(Kind::Minion, name, instance, &resolved.id), self.deadline(), create);
            async move { started.await.map(|(identity, instance)| (identity, resolved, instance)) }
        });
        let (up, failed) = together(starting).await;
        for (identity, resolved, instance) in up {
            self.running.orchestrations.push(Arc::new(Orchestration::new(
                resolved.id.clone(),
                instance.shared(),
                identity.caller,
                resolved.max_in_flight,
                self.running.engine.clone(),
            )));
            let live = self.supervise(identity, Arc::<dyn MinionInstance>::from(instance));
            self.running.minions.push(live);
        }
        none_failed(failed)
    }

    /// Makes and starts up every pipeline; on a failure the others are shut down here, because nothing runs them yet.
    async fn pipelines(
        &mut self,
        pipelines: &[ResolvedPipeline],
    ) -> Result<Vec<(Identity, Box<dyn ErasedPipeline>)>, Failed> {
        let starting = pipelines.iter().map(|resolved| {
            let name = resolved.entry.name;
            let create = resolved.factory.create(self.assembly(name, &resolved.settings));
            bring_up(identity(Kind::Pipeline, name, resolved.id.clone(), ""), self.deadline(), create)
        });
        let (mut up, failed) = together(starting).await;
        if failed.is_some() {
            for (identity, instance) in &mut up {
                let _ = identity.hook(Phase::Shutdown, self.deadline(), instance.shutdown()).await;
            }
        }
        none_failed(failed)?;
        Ok(up)
    }

    /// Says what the store holds beside the work of this program.
    async fn report_stored(&self) -> Result<(), Failed> {
        for stored in self.running.engine.store.counts().await? {
            let orchestration = self.running.orchestrations.iter().find(|known| *known.id == *stored.orchestration);
            match (orchestration, stored.status) {
                (None, status) => warn!(
                    orchestration = stored.orchestration,
                    count = stored.count,
                    status = status.as_str(),
                    "stored workflows belong to an orchestration that is not part of this program; they are kept"
                ),
                (Some(known), Status::Quarantined) => {
                    known.metrics.quarantined.set(stored.count as f64);
                    warn!(orchestration = &*known.id, count = stored.count, "workflows are in quarantine");
                }
                (Some(known), status) => {
                    info!(
                        orchestration = &*known.id,
                        count = stored.count,
                        status = status.as_str(),
                        "found workflows"
                    );
                }
            }
        }
        Ok(())
    }

    fn produce(&mut self, resolved: &Resolved, instances: Vec<(Identity, Box<dyn ErasedPipeline>)>) {
        for (index, ((identity, instance), pipeline)) in instances.into_iter().zip(&resolved.pipelines).enumerate() {
            let subscribers = resolved.orchestrations.iter().zip(&self.running.orchestrations);
            let subscribers = subscribers.filter(|(resolved, _)| resolved.pipeline == index);
            let source = Source {
                id: identity.name.clone(),
                name: pipeline.entry.name,
                idle: pipeline.factory.idle(),
                subscribers: subscribers.map(|(_, orchestration)| orchestration.clone()).collect(),
                engine: self.running.engine.clone(),
                caller: identity.caller,
                stop: self.running.intake.clone(),
            };
            identity.up().set(1.0);
            let done = CancellationToken::new();
            let (guard, up) = (done.clone().drop_guard(), identity.up());
            let task = tokio::spawn(async move {
                // Dropped after the last event is admitted, or with the task.
                let _done = guard;
                let instance = drive(source, instance).await;
                up.set(0.0);
                instance
            });
            self.running.sources.push(RunningSource { identity, task, done });
        }
    }

    /// Watches for the end of everything that keeps the process alive.
    fn watch(&mut self, resolved: &Resolved) {
        let sources = resolved.orchestrations.iter().map(|orchestration| {
            let pipeline = &resolved.pipelines[orchestration.pipeline];
            (!pipeline.entry.background).then(|| self.running.sources[orchestration.pipeline].done.clone())
        });
        let resuming = std::mem::take(&mut self.running.resuming);
        let orchestrations = self.running.orchestrations.clone();
        let ends = sources.zip(resuming).zip(orchestrations).map(|((source, resuming), orchestration)| async move {
            let Some(source) = source else { return };
            source.cancelled().await;
            // A task that wakes stored workflows has nothing to report: what it could not wake stays stored.
            let _ = resuming.await;
            orchestration.drained().await;
        });
        let ends = join_all(ends.collect::<Vec<_>>());
        let finished = self.running.finished.clone();
        self.running.watcher = Some(tokio::spawn(async move {
            ends.await;
            finished.send_if_modified(|end| end.is_none() && end.replace(Finished::Done).is_none());
        }));
    }

    fn deadline(&self) -> Duration {
        self.running.options.startup_deadline
    }

    fn supervise(&self, identity: Identity, hooks: Arc<dyn Hooks>) -> Live {
        let finished = self.running.finished.clone();
        Live::start(identity, hooks, move |failure| {
            finished
                .send_if_modified(|end| end.is_none() && end.replace(Finished::Failed(failure.to_string())).is_none());
        })
    }

    fn assembly(&self, component: &'static str, settings: &Settings) -> Assembly {
        Assembly::new(component, settings.clone(), self.live.clone(), self.provided.clone())
    }
}

fn none_failed(failed: Option<ComponentFailure>) -> Result<(), Failed> {
    failed.map_or(Ok(()), |failure| Err(failure.into()))
}

fn identity(kind: Kind, name: &'static str, instance: Arc<str>, orchestration: &str) -> Identity {
    let caller = CallerId::intern(Caller { kind: Some(kind), name, orchestration: orchestration.into() });
    Identity { kind, name: instance, caller }
}

fn instance_name(name: &str, config: Option<&str>) -> Arc<str> {
    config.map_or_else(|| name.into(), |config| format!("{name}@{config}").into())
}
