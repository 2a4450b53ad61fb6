//! The bond between a pipeline and a minion: opened, engaged, suspended while they are started again, and taken down.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::panics::contain;
use crate::store::StoreError;
use crate::workflow::{Backlog, Orchestration, give_turns, settled, wake_what_is_due};

use super::graph::{NodeId, NodeState};
use super::operation::StartFailed;
use super::part::{Body, Resuming, Why};
use super::parting::{LinkOutcome, Parting};
use super::report::StopMode;
use super::runtime::Runtime;
use super::state::State;

impl State {
    /// Opens an orchestration, or lets it go on with what its components are now.
    pub(super) fn start_link(&mut self, runtime: &Arc<Runtime>, id: NodeId) {
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
            let needs = self.needed_resources(*root);
            let Some(link) = self.part(*root).link_mut() else { continue };
            let (Some(orchestration), Some(backlog)) = (link.orchestration.clone(), link.backlog.take()) else {
                continue;
            };
            link.engaged = true;
            let holds = needs.into_iter().map(|resource| runtime.engine.holds.of(resource));
            orchestration.needs(holds.flat_map(|of| [of.health, of.circuits]).collect());
            runtime.engine.routes.enlist(&orchestration);
            let done = CancellationToken::new();
            let guard = done.clone().drop_guard();
            let resuming = orchestration.clone();
            let task = runtime.spawn(async move {
                let awake = async {
                    let _done = guard;
                    backlog.resume(resuming.clone()).await;
                };
                if !settled(&resuming).await {
                    return;
                }
                if resuming.engine.keeps {
                    tokio::join!(awake, wake_what_is_due(resuming.clone()), give_turns(resuming.clone()));
                } else {
                    tokio::join!(awake, give_turns(resuming.clone()));
                }
            });
            link.resuming = Some(Resuming { task, done });
            fed.entry(link.pipeline).or_default().push(orchestration);
        }
        for (pipeline, orchestrations) in fed {
            if let Body::Pipeline(pipeline) = &self.part(pipeline).body {
                // All are known to each other by now, so that none takes another for gone.
                pipeline.subscribers.join(orchestrations);
            }
        }
        for root in roots {
            self.watch_end(runtime, *root);
        }
    }

    /// The resources that the pipeline and the minion of an orchestration need, and those that these need.
    fn needed_resources(&self, root: NodeId) -> Vec<&'static str> {
        let needed = self.graph.below(root).into_iter().filter_map(|id| match &self.parts.get(&id)?.body {
            Body::Resource(resource) => Some(resource.name),
            _ => None,
        });
        needed.collect()
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
            orchestration.finished().await;
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
    pub(super) fn stop_link(&mut self, runtime: &Arc<Runtime>, id: NodeId) {
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
        let Some(orchestration) = orchestration else { return self.torn_down(runtime, id, &LinkOutcome::default()) };
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
            this.update(|state| state.torn_down(&this, id, &outcome));
        });
    }

    fn torn_down(&mut self, runtime: &Runtime, id: NodeId, outcome: &LinkOutcome) {
        self.changed(id);
        if let Some(link) = self.parts[&id].link() {
            let stopped = link.retire.as_ref().is_some_and(|retire| matches!(retire.why, Why::Stopped));
            runtime.engine.routes.leave(&link.id, stopped);
        }
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
