//! What the state does for each action of the graph: start a node, stop a node, and take up what became of that.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::component::{Assembly, Hooks, Need, TaskFailures, Tasks};
use crate::config::Settings;
use crate::error::Result;
use crate::limit::Instances;
use crate::minion::MinionInstance;
use crate::pipeline::ErasedPipeline;
use crate::resource::ErasedResource;

use super::bring_up;
use super::budget::Budget;
use super::component::{Bounds, Identity, Live, OnFailure};
use super::graph::NodeId;
use super::part::Body;
use super::report::PhaseReport;
use super::runtime::Runtime;
use super::source::stop_source;
use super::state::State;

/// An instance that has come up.
enum Fresh {
    Resource(Box<dyn ErasedResource>),
    Minion(Box<dyn MinionInstance>),
    Pipeline(Box<dyn ErasedPipeline>),
}

/// The background tasks of an instance, and where their failures arrive.
pub(super) type Owned = (Tasks, TaskFailures);

/// A component that is about to be made and started up.
struct Start {
    runtime: Arc<Runtime>,
    id: NodeId,
    identity: Identity,
    bounds: Bounds,
}

impl Start {
    /// Does it in a task of its own, which tells the state what came of it.
    fn spawn<I: bring_up::Fresh>(
        self,
        create: BoxFuture<'static, Result<I>>,
        owned: Owned,
        fresh: impl FnOnce(I) -> Fresh + Send + 'static,
    ) {
        let Self { runtime, id, identity, bounds } = self;
        let this = runtime.clone();
        runtime.spawn(async move {
            let up = bring_up::bring_up(&identity, &bounds, create).await;
            let fresh = up.instance.map(fresh);
            this.update(|state| state.brought_up(&this, id, &up.phases, fresh, owned));
        });
    }
}

impl State {
    pub(super) fn start_node(&mut self, runtime: &Arc<Runtime>, id: NodeId) {
        self.changed(id);
        let live = Arc::new(self.values_for(id));
        let part = self.part(id);
        part.instance += 1;
        part.cancel = CancellationToken::new();
        let bounds = Bounds { deadline: runtime.program.options.startup_deadline, cancel: part.cancel.clone() };
        let (tasks, failures) = Tasks::new();
        let assembly = |name, settings: &Settings| {
            Assembly::new(name, settings.clone(), live.clone(), runtime.provided.clone(), tasks.clone())
        };
        let start = Start { runtime: runtime.clone(), id, identity: part.identity.clone(), bounds };
        match &part.body {
            Body::Resource(resource) => {
                let create = resource.factory.create(assembly(resource.name, &runtime.program.settings));
                start.spawn(create, (tasks, failures), Fresh::Resource);
            }
            Body::Minion(minion) => {
                let create = minion.factory.create(assembly(minion.name, &minion.settings));
                start.spawn(create, (tasks, failures), Fresh::Minion);
            }
            Body::Pipeline(pipeline) => {
                let intake = runtime.engine.intake(&pipeline.scope);
                let assembly = assembly(pipeline.name, &pipeline.settings).with_source(intake.open());
                let (factory, engine) = (pipeline.factory, runtime.engine.clone());
                let has_cursor = factory.entry().needs.iter().any(Need::is_cursor);
                let create = async move {
                    if has_cursor {
                        intake.restore(&*engine.store).await?;
                    }
                    factory.create(assembly).await
                };
                let create = create.boxed();
                start.spawn(create, (tasks, failures), Fresh::Pipeline);
            }
            Body::Link(_) => self.start_link(runtime, id),
        }
    }

    /// The resources that a node may be given.
    fn values_for(&self, id: NodeId) -> HashMap<TypeId, Arc<dyn Any + Send + Sync>> {
        let resources = self.graph.needs(id).iter().filter_map(|need| match &self.parts[need].body {
            Body::Resource(resource) => Some((resource.factory.resource_id(), resource.shared.clone()?)),
            _ => None,
        });
        resources.collect()
    }

    fn brought_up(
        &mut self,
        runtime: &Arc<Runtime>,
        id: NodeId,
        phases: &[PhaseReport],
        fresh: Option<Fresh>,
        owned: Owned,
    ) {
        let failure = phases.iter().find_map(PhaseReport::failure);
        self.record(id, phases);
        self.changed(id);
        let Some(fresh) = fresh else {
            // Tasks that a failed startup has spawned go with it.
            owned.0.request_stop();
            owned.0.drop_all();
            self.start_failed(runtime, id, failure);
            return;
        };
        let part = self.part(id);
        part.up_at = Some(Instant::now());
        part.cause = None;
        let identity = part.identity.clone();
        // There from the start, so that whoever watches it sees the first one.
        identity.restarts().increment(0);
        let (tasks, failures) = owned;
        let on_failure = on_failure(runtime, id, part.instance);
        match (&mut part.body, fresh) {
            (Body::Resource(resource), Fresh::Resource(instance)) => {
                let shared = instance.shared();
                if resource.factory.entry().is_limited() {
                    Instances::note(&shared, runtime.engine.limits.program());
                }
                resource.shared = Some(shared);
                let hooks: Arc<dyn Hooks> = Arc::<dyn ErasedResource>::from(instance);
                let spot = identity.spot(runtime.engine.program, "run", resource.factory.entry().location);
                let hold = Some(runtime.engine.holds.of(resource.name).health);
                let live = || Live::start(identity, hooks, tasks, failures, on_failure, spot, hold);
                resource.live = Some(runtime.within(live));
            }
            (Body::Minion(minion), Fresh::Minion(instance)) => {
                minion.erased = Some(instance.shared());
                let hooks: Arc<dyn Hooks> = Arc::<dyn MinionInstance>::from(instance);
                let spot = identity.spot(runtime.engine.program, "run", minion.factory.entry().location);
                let live = || Live::start(identity, hooks, tasks, failures, on_failure, spot, None);
                minion.live = Some(runtime.within(live));
            }
            (Body::Pipeline(_), Fresh::Pipeline(instance)) => {
                self.start_source(runtime, id, instance, (tasks, failures), on_failure);
            }
            _ => unreachable!("an instance is of the kind of its node"),
        }
        self.graph.started(id);
    }

    pub(super) fn stop_node(&mut self, runtime: &Arc<Runtime>, id: NodeId) {
        let budget = self.budget(runtime, id);
        self.changed(id);
        let part = self.part(id);
        part.up_at = None;
        let identity = part.identity.clone();
        let runtime = runtime.clone();
        let live = match &mut part.body {
            Body::Resource(resource) => {
                resource.shared = None;
                resource.live.take()
            }
            Body::Minion(_) => return self.stop_minion(&runtime, id, budget),
            Body::Pipeline(pipeline) => {
                let source = pipeline.source.take();
                let this = runtime.clone();
                runtime.spawn(async move {
                    let phases = match source {
                        Some(source) => stop_source(&identity, source, budget).await,
                        None => Vec::new(),
                    };
                    this.update(|state| state.came_down(id, &phases));
                });
                return;
            }
            Body::Link(_) => return self.stop_link(&runtime, id),
        };
        let this = runtime.clone();
        runtime.spawn(async move {
            let phases = match live {
                Some(live) => live.shutdown(budget).await,
                None => Vec::new(),
            };
            this.update(|state| state.came_down(id, &phases));
        });
    }

    /// Lets the workflows leave the minion, whatever its orchestration has been doing meanwhile, then shuts it down.
    fn stop_minion(&mut self, runtime: &Arc<Runtime>, id: NodeId, budget: Budget) {
        let part = self.part(id);
        let identity = part.identity.clone();
        let Body::Minion(minion) = &mut part.body else { return };
        minion.erased = None;
        let live = minion.live.take();
        let roots: Vec<_> = self.graph.users(id).collect();
        let links = roots.into_iter().filter_map(|root| {
            let link = self.parts.get_mut(&root)?.link_mut()?;
            if let Some(parting) = link.parting.clone() {
                // Those that were to run to their end cannot go on without it.
                parting.request_stop(true);
                return Some(parting);
            }
            let orchestration = link.orchestration.clone()?;
            link.vacated = true;
            Some(orchestration)
        });
        let (leaving, this): (Vec<_>, _) = (links.collect(), runtime.clone());
        runtime.spawn(async move {
            for orchestration in leaving {
                if timeout(budget.for_work(), orchestration.seat.vacate()).await.is_err() {
                    warn!(
                        orchestration = &*orchestration.id,
                        component = &*identity.name,
                        "steps still run on the minion that is being replaced"
                    );
                }
            }
            let phases = match live {
                Some(live) => live.shutdown(budget).await,
                None => Vec::new(),
            };
            this.update(|state| state.came_down(id, &phases));
        });
    }

    fn came_down(&mut self, id: NodeId, phases: &[PhaseReport]) {
        for phase in phases.iter().filter(|phase| phase.error.is_some()) {
            let cause = phase.error.as_ref().map(|error| error.as_std() as &dyn std::error::Error);
            warn!(component = phase.name, phase = %phase.phase, error = cause, "failed while stopping");
        }
        self.record(id, phases);
        self.changed(id);
        self.graph.stopped(id);
    }
}

/// What a component does when it fails: tells the state, unless another instance has taken its place.
fn on_failure(runtime: &Arc<Runtime>, id: NodeId, instance: u64) -> OnFailure {
    let runtime = runtime.clone();
    Box::new(move |failure| {
        runtime.update(|state| state.component_failed(&runtime, id, instance, &failure));
    })
}
