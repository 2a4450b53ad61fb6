//! What the state does for each order: begin it, take it back, end it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::component::{Entry, Kind as ComponentKind, NeedKind};
use crate::manifest::{Resolved, ResolvedOrchestration, ResolvedPipeline, ResolvedResource};
use crate::pipeline::Subscribers;
use crate::supervise::{RestartPolicy, Restarts};
use crate::telemetry::caller::{Caller, CallerId};

use super::GruBuilder;
use super::budget::Budget;
use super::component::Identity;
use super::control::ControlError;
use super::graph::NodeId;
use super::operation::{Kind, Op, OpId, StartFailed};
use super::part::{Body, LinkBody, MinionBody, Part, PipelineBody, ResourceBody, Retire, Why};
use super::report::{Durability, Finished, StopMode, StopReport};
use super::runtime::{Begun, Runtime};
use super::snapshot::RuntimePhase;
use super::state::{Shutdown, State, Word, unix_ms};

impl State {
    /// Begins to start everything that was resolved and does not wait for an order; all or nothing.
    pub(super) fn begin_start(&mut self, runtime: &Arc<Runtime>, resolved: &Resolved) -> Begun {
        if self.shutdown.is_some() {
            return Begun::Refused(ControlError::ShuttingDown);
        }
        if let Some(taken) = self.taken_identity(resolved) {
            return Begun::Refused(taken);
        }
        for wanted in &resolved.orchestrations {
            let Some(root) = self.links.get(&wanted.id) else { continue };
            if self.parts[root].link().is_some_and(|link| link.retire.is_none()) {
                return Begun::Refused(ControlError::AlreadyRunning { id: wanted.id.to_string() });
            }
            let (gone, when_gone) = oneshot::channel();
            self.waiting.entry(wanted.id.clone()).or_default().push(gone);
            return Begun::Wait(when_gone);
        }
        for (from, id, to) in resolved.routes() {
            runtime.engine.routes.declare(from, id, to);
        }
        for resource in &resolved.resources {
            self.add_resource(&runtime.program, resource);
        }
        let roots: Vec<_> = resolved
            .orchestrations
            .iter()
            .map(|wanted| self.add_orchestration(runtime, wanted, &resolved.pipelines[wanted.pipeline]))
            .collect();
        let (answer, answered) = oneshot::channel();
        for node in roots.iter().flat_map(|root| self.graph.below(*root)).collect::<Vec<_>>() {
            if std::mem::take(&mut self.part(node).given_up) {
                self.graph.release(node);
            }
        }
        let ids = resolved.orchestrations.iter().map(|wanted| wanted.id.clone()).collect();
        let op = self.begin(roots, ids, Kind::Start { failed: None, answer });
        Begun::Pending(op, answered)
    }

    /// A name or an id that another type has had in this process: what is stored and counted under it is that one's.
    fn taken_identity(&mut self, resolved: &Resolved) -> Option<ControlError> {
        let minions = resolved.orchestrations.iter().map(|orchestration| &orchestration.entry);
        let pipelines = resolved.pipelines.iter().map(|pipeline| &pipeline.entry);
        let resources = resolved.resources.iter().map(|resource| &resource.entry);
        let entries: Vec<_> = minions.chain(pipelines).chain(resources).collect();
        for entry in entries.iter().filter(|entry| !entry.is_outlet) {
            for word in [Word::Name(entry.name), Word::Id(entry.id)] {
                let owner = self.identities.get(&word).filter(|(owner, _)| *owner != entry.type_id());
                if let Some((_, owner)) = owner {
                    let (id, by, wanted) = (word.as_str().to_owned(), *owner, entry.type_path);
                    return Some(ControlError::IdentityTaken { id, by, wanted });
                }
            }
        }
        for entry in entries {
            for word in [Word::Name(entry.name), Word::Id(entry.id)] {
                self.identities.insert(word, (entry.type_id(), entry.type_path));
            }
        }
        None
    }

    fn begin(&mut self, roots: Vec<NodeId>, ids: Vec<Arc<str>>, kind: Kind) -> OpId {
        let op = self.next_op;
        self.next_op += 1;
        let nodes: BTreeSet<_> = roots.iter().flat_map(|root| self.graph.below(*root)).collect();
        for node in &nodes {
            self.part(*node).ops.insert(op);
        }
        self.touched.insert(op);
        self.ops.insert(op, Op { roots, ids, nodes, phases: Vec::new(), began: Instant::now(), kind });
        op
    }

    fn add_resource(&mut self, program: &GruBuilder, resource: &ResolvedResource) {
        let id = resource.factory.resource_id();
        if self.resources.contains_key(&id) {
            return;
        }
        let name = resource.entry.name;
        let body = ResourceBody { factory: resource.factory.clone(), name, live: None, shared: None };
        let needs = self.resource_needs(&resource.entry);
        let node = self.add(
            needs,
            identity(program, ComponentKind::Resource, name, name.into(), ""),
            policy(program, &resource.entry),
            Body::Resource(Box::new(body)),
        );
        self.resources.insert(id, node);
    }

    fn add_pipeline(&mut self, runtime: &Runtime, resolved: &ResolvedPipeline) -> NodeId {
        if let Some(known) = self.pipelines.get(&resolved.id) {
            return *known;
        }
        let body = PipelineBody {
            factory: resolved.factory,
            name: resolved.entry.name,
            scope: resolved.scope.clone(),
            settings: resolved.settings.clone(),
            background: resolved.entry.background,
            is_outlet: resolved.entry.is_outlet,
            subscribers: Arc::new(Subscribers::new(runtime.engine.holds.everyone())),
            stats: Arc::default(),
            source: None,
        };
        let needs = self.resource_needs(&resolved.entry);
        let node = self.add(
            needs,
            identity(&runtime.program, ComponentKind::Pipeline, resolved.entry.name, resolved.id.clone(), ""),
            policy(&runtime.program, &resolved.entry),
            Body::Pipeline(Box::new(body)),
        );
        self.pipelines.insert(resolved.id.clone(), node);
        node
    }

    fn add_orchestration(
        &mut self,
        runtime: &Runtime,
        wanted: &ResolvedOrchestration,
        pipeline: &ResolvedPipeline,
    ) -> NodeId {
        let name = wanted.entry.name;
        let instance = wanted.config.as_deref().map_or_else(|| name.into(), |config| format!("{name}@{config}").into());
        let minion_identity = identity(&runtime.program, ComponentKind::Minion, name, instance, &wanted.id);
        let body =
            MinionBody { factory: wanted.factory, name, settings: wanted.settings.clone(), live: None, erased: None };
        let policy = policy(&runtime.program, &wanted.entry);
        let needs = self.resource_needs(&wanted.entry);
        let minion = self.add(needs, minion_identity.clone(), policy, Body::Minion(Box::new(body)));
        let pipeline_node = self.add_pipeline(runtime, pipeline);
        let link = LinkBody {
            id: wanted.id.clone(),
            pipeline: pipeline_node,
            minion,
            pipeline_id: pipeline.id.clone(),
            minion_name: name,
            config: wanted.config.clone(),
            max_in_flight: wanted.max_in_flight,
            orchestration: None,
            parting: None,
            backlog: None,
            engaged: false,
            vacated: false,
            resuming: None,
            watcher: None,
            retire: None,
        };
        let root = self.graph.add(vec![pipeline_node, minion], true);
        self.insert(root, Identity { name: wanted.id.clone(), ..minion_identity }, policy, Body::Link(Box::new(link)));
        self.links.insert(wanted.id.clone(), root);
        root
    }

    fn resource_needs(&self, entry: &Entry) -> Vec<NodeId> {
        let ids = entry.needs.iter().filter_map(|need| match need.kind {
            NeedKind::Resource(factory) => Some(self.resources[&factory.resource_id()]),
            _ => None,
        });
        // Two fields may hold the same resource.
        ids.collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn add(&mut self, needs: Vec<NodeId>, identity: Identity, policy: RestartPolicy, body: Body) -> NodeId {
        // Somebody who waited for one of them to go has nothing to wait for any more.
        needs.iter().for_each(|need| self.touch(*need));
        let node = self.graph.add(needs, false);
        self.insert(node, identity, policy, body);
        node
    }

    fn insert(&mut self, node: NodeId, identity: Identity, policy: RestartPolicy, body: Body) {
        let part = Part {
            identity,
            policy,
            restarts: Restarts::default(),
            since_ms: unix_ms(),
            up_at: None,
            cause: None,
            instance: 0,
            cancel: CancellationToken::new(),
            timer: None,
            given_up: false,
            budget: None,
            ops: BTreeSet::new(),
            body,
        };
        self.parts.insert(node, part);
    }

    pub(super) fn begin_stop(
        &mut self,
        runtime: &Arc<Runtime>,
        id: &str,
        mode: StopMode,
    ) -> Result<oneshot::Receiver<StopReport>, ControlError> {
        if self.shutdown.is_some() {
            return Err(ControlError::ShuttingDown);
        }
        let running =
            self.links.get(id).filter(|root| self.parts[root].link().is_some_and(|link| link.retire.is_none()));
        let Some(root) = running.copied() else {
            let known = self.links.keys().filter(|known| ***known != *id).map(ToString::to_string).collect();
            return Err(ControlError::NotFound { id: id.to_owned(), known });
        };
        // A start that is still under way is taken back.
        let starts: Vec<_> = self.part(root).ops.iter().copied().collect();
        for op in starts {
            self.fail_start(runtime, op, StartFailed::Refused(ControlError::Stopped { id: id.to_owned() }));
        }
        let id = self.parts[&root].link().map(|link| link.id.clone()).into_iter().collect();
        let (answer, answered) = oneshot::channel();
        self.begin(vec![root], id, Kind::Stop { mode, outcome: None, answer });
        self.retire(runtime, root, Why::Stopped, mode);
        Ok(answered)
    }

    /// Announces the shutdown; false if it is under way already.
    pub(super) fn begin_shutdown(&mut self, runtime: &Arc<Runtime>, mode: StopMode) -> bool {
        if self.shutdown.is_some() {
            return false;
        }
        let budget = Budget::of(runtime.program.options.shutdown_deadline);
        let durability = if runtime.engine.keeps { Durability::Intact } else { Durability::Nothing };
        self.phase = RuntimePhase::Stopping;
        self.shutdown = Some(Shutdown {
            mode,
            budget,
            began: Instant::now(),
            phases: Vec::new(),
            parked: 0,
            interrupted: 0,
            durability,
        });
        // All at once, so that no event goes to some of those that it is for.
        self.parts.values().filter_map(Part::pipeline).for_each(|pipeline| pipeline.subscribers.halt());
        runtime.finished.send_if_modified(|end| end.is_none() && end.replace(Finished::Stopped).is_none());
        let starts: Vec<_> = self.ops.keys().copied().collect();
        for op in starts {
            self.fail_start(runtime, op, StartFailed::Refused(ControlError::ShuttingDown));
        }
        let roots: Vec<_> = self.links.values().copied().collect();
        for root in roots {
            self.retire(runtime, root, Why::Shutdown, mode);
        }
        true
    }

    /// Nobody waits for a start any more.
    pub(super) fn take_back(&mut self, runtime: &Arc<Runtime>, op: OpId) {
        self.fail_start(runtime, op, StartFailed::Dropped);
    }

    /// Nobody has heard that a start succeeded.
    pub(super) fn undo(&mut self, runtime: &Arc<Runtime>, ids: &[String]) {
        for root in ids.iter().filter_map(|id| self.links.get(&**id).copied()).collect::<Vec<_>>() {
            self.retire(runtime, root, Why::RolledBack, StopMode::Park);
        }
    }

    /// Takes a start back, unless that is being done already; does nothing to a stop.
    pub(super) fn fail_start(&mut self, runtime: &Arc<Runtime>, op: OpId, why: StartFailed) {
        let Some(Op { kind: Kind::Start { failed, .. }, roots, .. }) = self.ops.get_mut(&op) else { return };
        if failed.is_some() {
            return;
        }
        *failed = Some(why);
        for root in roots.clone() {
            self.retire(runtime, root, Why::RolledBack, StopMode::Park);
        }
        self.touched.insert(op);
    }

    /// Lets an orchestration go for good, with everything that nobody else uses.
    pub(super) fn retire(&mut self, runtime: &Arc<Runtime>, root: NodeId, why: Why, mode: StopMode) {
        let Some(part) = self.parts.get_mut(&root) else { return };
        let Some(link) = part.link_mut().filter(|link| link.retire.is_none()) else { return };
        link.retire = Some(Retire { why, mode });
        let waits_in_memory = link.orchestration.is_some();
        part.budget = Some(Budget::of(runtime.program.options.shutdown_deadline));
        self.changed(root);
        if self.graph.state(root) == Some(super::graph::NodeState::Down) && waits_in_memory {
            // Its components are being started again; its workflows wait for them and have to be stopped by themselves.
            self.graph.hold(root);
            self.tear_down_link(runtime, root);
        } else {
            self.graph.unwant(root);
        }
    }

    /// Ends an operation when everything that it waits for has come to pass.
    pub(super) fn end_if_done(&mut self, runtime: &Arc<Runtime>, op: OpId) {
        let Some(known) = self.ops.get(&op) else { return };
        let settled = || {
            let gone = known.roots.iter().all(|root| !self.graph.contains(*root));
            gone && known.nodes.iter().all(|node| !self.graph.contains(*node) || self.graph.is_needed(*node))
        };
        let begins = matches!(known.kind, Kind::Start { failed: None, .. });
        let done = if begins { known.roots.iter().all(|root| self.graph.is_up(*root)) } else { settled() };
        if !done {
            return;
        }
        let Some(known) = self.ops.remove(&op) else { return };
        for node in &known.nodes {
            if let Some(part) = self.parts.get_mut(node) {
                part.ops.remove(&op);
            }
        }
        if begins {
            self.engage(runtime, &known.roots);
        }
        match known.kind {
            Kind::Start { .. } => known.start_ended(),
            Kind::Stop { .. } => known.stop_ended(),
        }
    }
}

fn policy(program: &GruBuilder, entry: &Entry) -> RestartPolicy {
    program.restarts.get(entry.name).copied().or(entry.restart).unwrap_or(program.restart)
}

fn identity(
    program: &GruBuilder,
    kind: ComponentKind,
    name: &'static str,
    instance: Arc<str>,
    orchestration: &str,
) -> Identity {
    let caller = CallerId::intern(Caller { kind: Some(kind), name, orchestration: orchestration.into() });
    let caller = caller.in_program(program.limits.program());
    Identity { kind, name: instance, caller }
}
