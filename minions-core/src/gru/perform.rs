//! What the state does for each action of the graph: start a node, stop a node, and take up what became of that.

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::component::{Assembly, Hooks, TaskFailures, Tasks};
use crate::config::Settings;
use crate::error::Error;
use crate::minion::MinionInstance;
use crate::panics::contain;
use crate::pipeline::{ErasedPipeline, Silence, Source, drive};
use crate::resource::ErasedResource;
use crate::store::StoreError;
use crate::supervise::Restart;
use crate::workflow::{Backlog, Orchestration};

use super::bring_up::{bring_up, take_down};
use super::budget::Budget;
use super::component::{Bounds, Identity, Live, OnFailure};
use super::graph::{NodeId, NodeState};
use super::link::{LinkOutcome, Parting};
use super::operation::StartFailed;
use super::part::{Body, LiveSource, Resuming, Why};
use super::report::{Phase, PhaseReport, StopMode};
use super::runtime::Runtime;
use super::state::State;

/// An instance that has come up.
enum Fresh {
    Resource(Box<dyn ErasedResource>),
    Minion(Box<dyn MinionInstance>),
    Pipeline(Box<dyn ErasedPipeline>),
}

/// The background tasks of an instance, and where their failures arrive.
type Owned = (Tasks, TaskFailures);

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
        let (identity, runtime) = (part.identity.clone(), runtime.clone());
        match &part.body {
            Body::Resource(resource) => {
                let create = resource.factory.create(assembly(resource.name, &runtime.program.settings));
                runtime.clone().spawn(async move {
                    let up = bring_up(&identity, &bounds, create).await;
                    let fresh = up.instance.map(Fresh::Resource);
                    runtime.update(|state| state.brought_up(&runtime, id, &up.phases, fresh, (tasks, failures)));
                });
            }
            Body::Minion(minion) => {
                let create = minion.factory.create(assembly(minion.name, &minion.settings));
                runtime.clone().spawn(async move {
                    let up = bring_up(&identity, &bounds, create).await;
                    let fresh = up.instance.map(Fresh::Minion);
                    runtime.update(|state| state.brought_up(&runtime, id, &up.phases, fresh, (tasks, failures)));
                });
            }
            Body::Pipeline(pipeline) => {
                let create = pipeline.factory.create(assembly(pipeline.name, &pipeline.settings));
                runtime.clone().spawn(async move {
                    let up = bring_up(&identity, &bounds, create).await;
                    let fresh = up.instance.map(Fresh::Pipeline);
                    runtime.update(|state| state.brought_up(&runtime, id, &up.phases, fresh, (tasks, failures)));
                });
            }
            Body::Link(_) => self.start_link(&runtime, id),
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
                resource.shared = Some(instance.shared());
                let hooks: Arc<dyn Hooks> = Arc::<dyn ErasedResource>::from(instance);
                resource.live = Some(runtime.within(|| Live::start(identity, hooks, tasks, failures, on_failure)));
            }
            (Body::Minion(minion), Fresh::Minion(instance)) => {
                minion.erased = Some(instance.shared());
                let hooks: Arc<dyn Hooks> = Arc::<dyn MinionInstance>::from(instance);
                minion.live = Some(runtime.within(|| Live::start(identity, hooks, tasks, failures, on_failure)));
            }
            (Body::Pipeline(_), Fresh::Pipeline(instance)) => {
                self.start_source(runtime, id, instance, (tasks, failures), on_failure);
            }
            _ => unreachable!("an instance is of the kind of its node"),
        }
        self.graph.started(id);
    }

    fn start_source(
        &mut self,
        runtime: &Arc<Runtime>,
        id: NodeId,
        instance: Box<dyn ErasedPipeline>,
        (tasks, mut failures): Owned,
        on_failure: OnFailure,
    ) {
        let part = self.part(id);
        let (identity, number) = (part.identity.clone(), part.instance);
        let again = part.policy.restart == Restart::Always;
        let Body::Pipeline(pipeline) = &mut part.body else { return };
        pipeline.stats = Arc::default();
        let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
        let source = Source {
            id: identity.name.clone(),
            name: pipeline.name,
            idle: pipeline.factory.idle(),
            subscribers: pipeline.subscribers.clone(),
            stats: pipeline.stats.clone(),
            engine: runtime.engine.clone(),
            caller: identity.caller,
            stop: stop.clone(),
        };
        identity.up().set(1.0);
        let (this, halt, end) = (runtime.clone(), stop.clone(), ended.clone());
        let task = runtime.spawn_joined(async move {
            let began = std::time::Instant::now();
            let mut driven = std::pin::pin!(drive(source, instance));
            let mut failed = None;
            let (instance, silence) = loop {
                tokio::select! {
                    driven = &mut driven => break driven,
                    Some(error) = failures.recv(), if failed.is_none() => {
                        failed = Some(error);
                        halt.cancel();
                    }
                }
            };
            let failed = match (failed, silence) {
                (Some(error), _) => Some(error),
                (None, Silence::Panicked(error)) => Some(error.context("next panicked")),
                (None, Silence::Ended) if again => {
                    this.update(|state| state.source_ended(&this, id, number));
                    None
                }
                (None, Silence::Ended) => {
                    end.cancel();
                    None
                }
                (None, Silence::Stopped) => None,
            };
            if let Some(failure) =
                failed.and_then(|error| identity.failed(Phase::Run, began.elapsed(), error).failure())
            {
                on_failure(failure);
            }
            instance
        });
        pipeline.source = Some(LiveSource { task, tasks, stop, ended });
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

    /// Opens an orchestration, or lets it go on with what its components are now.
    fn start_link(&mut self, runtime: &Arc<Runtime>, id: NodeId) {
        let Some(link) = self.parts[&id].link() else { return };
        let Body::Minion(minion) = &self.parts[&link.minion].body else { return };
        let erased = minion.erased.clone().expect("an orchestration starts only while its minion is up");
        if link.orchestration.is_some() {
            self.part(id).cause = None;
            self.part(id).up_at = Some(Instant::now());
            if let Some(link) = self.part(id).link_mut()
                && let Some(orchestration) = &link.orchestration
                && std::mem::take(&mut link.vacated)
            {
                orchestration.seat.occupy(erased);
            }
            self.graph.started(id);
            self.watch_end(runtime, id);
            return;
        }
        let caller = self.parts[&link.minion].identity.caller;
        let (name, max_in_flight) = (link.id.clone(), link.max_in_flight);
        let (this, engine) = (runtime.clone(), runtime.engine.clone());
        runtime.spawn(async move {
            let orchestration = Arc::new(Orchestration::new(name, erased, caller, max_in_flight, engine));
            // A store of the user's own may panic.
            let read = contain(async { Ok(Backlog::open(&orchestration).await) }).await;
            let backlog =
                read.unwrap_or_else(|panic| Err(StoreError::unavailable(format!("reading the store {panic}"))));
            this.update(|state| state.link_opened(&this, id, orchestration, backlog));
        });
    }

    fn link_opened(
        &mut self,
        runtime: &Arc<Runtime>,
        id: NodeId,
        orchestration: Arc<Orchestration>,
        backlog: Result<Backlog, StoreError>,
    ) {
        self.changed(id);
        match backlog {
            Ok(backlog) => {
                let part = self.part(id);
                part.up_at = Some(Instant::now());
                if let Some(link) = part.link_mut() {
                    link.orchestration = Some(orchestration);
                    link.backlog = Some(backlog);
                }
                self.graph.started(id);
            }
            Err(error) => {
                let starts: Vec<_> = self.part(id).ops.iter().copied().collect();
                for op in starts {
                    self.fail_start(runtime, op, StartFailed::Store(error.clone()));
                }
                self.graph.start_failed(id);
            }
        }
    }

    /// Lets events and stored workflows flow to orchestrations that are up: all of them at once.
    pub(super) fn engage(&mut self, runtime: &Arc<Runtime>, roots: &[NodeId]) {
        self.began |= !roots.is_empty();
        let mut fed: BTreeMap<NodeId, Vec<Arc<Orchestration>>> = BTreeMap::new();
        for root in roots {
            let Some(link) = self.part(*root).link_mut() else { continue };
            let (Some(orchestration), Some(backlog)) = (link.orchestration.clone(), link.backlog.take()) else {
                continue;
            };
            link.engaged = true;
            let done = CancellationToken::new();
            let guard = done.clone().drop_guard();
            let resuming = orchestration.clone();
            let task = runtime.spawn(async move {
                let _done = guard;
                backlog.resume(resuming).await;
            });
            link.resuming = Some(Resuming { task, done });
            fed.entry(link.pipeline).or_default().push(orchestration);
        }
        for (pipeline, orchestrations) in fed {
            if let Body::Pipeline(pipeline) = &self.part(pipeline).body {
                pipeline.subscribers.join(orchestrations);
            }
        }
        for root in roots {
            self.watch_end(runtime, *root);
        }
    }

    /// Watches for the end of an orchestration: that of its source, then of its workflows.
    fn watch_end(&mut self, runtime: &Arc<Runtime>, id: NodeId) {
        let Some(link) = self.parts.get(&id).and_then(|part| part.link()).filter(|link| link.engaged) else { return };
        let source = self.parts[&link.pipeline].pipeline().and_then(|pipeline| pipeline.source.as_ref());
        let (Some(source), Some(resuming)) = (source, &link.resuming) else { return };
        let Some(orchestration) = link.orchestration.clone() else { return };
        let (ended, resumed, this) = (source.ended.clone(), resuming.done.clone(), runtime.clone());
        let watcher = runtime.spawn(async move {
            ended.cancelled().await;
            resumed.cancelled().await;
            orchestration.drained().await;
            this.update(|state| state.link_ended(&this, id));
        });
        if let Some(link) = self.part(id).link_mut()
            && let Some(earlier) = link.watcher.replace(watcher)
        {
            earlier.abort();
        }
    }

    fn link_ended(&mut self, runtime: &Arc<Runtime>, id: NodeId) {
        // One that is being started again has another watcher then.
        if self.graph.is_up(id) {
            self.retire(runtime, id, Why::Ended, StopMode::Drain);
        }
    }

    /// Takes an orchestration down, or lets its workflows wait while its components are started again.
    fn stop_link(&mut self, runtime: &Arc<Runtime>, id: NodeId) {
        let Some(link) = self.parts[&id].link() else { return };
        if link.retire.is_some() {
            return self.tear_down_link(runtime, id);
        }
        let Some(link) = self.part(id).link_mut() else { return };
        if let Some(watcher) = link.watcher.take() {
            watcher.abort();
        }
        let this = runtime.clone();
        runtime.spawn(async move { this.update(|state| state.suspended(&this, id)) });
    }

    fn suspended(&mut self, runtime: &Arc<Runtime>, id: NodeId) {
        self.changed(id);
        let retired = self.part(id).link().is_some_and(|link| link.retire.is_some());
        if retired {
            self.tear_down_link(runtime, id);
        } else {
            self.graph.stopped(id);
        }
    }

    /// Ends an orchestration for good: intake, workflows, then the node itself.
    pub(super) fn tear_down_link(&mut self, runtime: &Arc<Runtime>, id: NodeId) {
        let budget = self.budget(runtime, id);
        let Some(link) = self.part(id).link_mut() else { return };
        let mode = match link.retire.as_ref().map_or(StopMode::Park, |retire| retire.mode) {
            // Without their minion, workflows can neither run to their end nor to their next step.
            StopMode::Drain | StopMode::Park if link.vacated && !runtime.engine.keeps => StopMode::Now,
            StopMode::Drain if link.vacated => StopMode::Park,
            mode => mode,
        };
        let (orchestration, resuming) = (link.orchestration.take(), link.resuming.take());
        let (pipeline, engaged) = (link.pipeline, std::mem::take(&mut link.engaged));
        link.backlog = None;
        if let Some(watcher) = link.watcher.take() {
            watcher.abort();
        }
        let Some(orchestration) = orchestration else { return self.torn_down(id, &LinkOutcome::default()) };
        link.parting = Some(orchestration.clone());
        orchestration.request_stop(mode != StopMode::Drain);
        let dropped = if mode == StopMode::Now { orchestration.interrupt() } else { 0 };
        let others = self
            .graph
            .users(pipeline)
            .filter(|other| *other != id)
            .any(|other| self.parts[&other].link().is_some_and(|link| link.engaged && link.retire.is_none()));
        let part = &self.parts[&pipeline];
        let intake = part.pipeline().filter(|_| engaged).map(|body| (part.identity.clone(), body.subscribers.clone()));
        if let Some((_, subscribers)) = intake.as_ref().filter(|_| !others) {
            subscribers.halt();
        }
        let parting = Parting { orchestration, intake, resuming, mode, dropped, budget };
        let this = runtime.clone();
        runtime.spawn(async move {
            let outcome = parting.end().await;
            this.update(|state| state.torn_down(id, &outcome));
        });
    }

    fn torn_down(&mut self, id: NodeId, outcome: &LinkOutcome) {
        self.changed(id);
        self.account(id, outcome);
        if let Some(stuck) = outcome.stuck.clone() {
            error!(pipeline = stuck.name, "the pipeline did not stop producing in time");
            self.record(id, &[stuck]);
        }
        if self.graph.state(id) == Some(NodeState::Stopping) {
            self.graph.stopped(id);
        } else {
            self.graph.unwant(id);
        }
    }
}

/// What a component does when it fails: tells the state, unless another instance has taken its place.
fn on_failure(runtime: &Arc<Runtime>, id: NodeId, instance: u64) -> OnFailure {
    let runtime = runtime.clone();
    Box::new(move |failure| {
        runtime.update(|state| state.component_failed(&runtime, id, instance, &failure));
    })
}

/// Ends the production of a pipeline, then runs its shutdown hook.
async fn stop_source(identity: &Identity, source: LiveSource, budget: Budget) -> Vec<PhaseReport> {
    let LiveSource { mut task, tasks, stop, .. } = source;
    let began = std::time::Instant::now();
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
