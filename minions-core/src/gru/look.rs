//! Puts a snapshot together.

use crate::minion::MinionFactory;
use crate::telemetry::WorkflowLedger;
use crate::workflow::Engine;

use super::component::Live;
use super::graph::{NodeId, NodeState};
use super::part::{Body, Part, PipelineBody};
use super::snapshot::{OrchestrationStatus, PipelineStatus, ResourceStatus, Snapshot, State as LifeState};
use super::state::State;

impl State {
    pub(super) fn snapshot(&self, engine: &Engine) -> Snapshot {
        let mut orchestrations = self.retired.clone();
        for (id, root) in &self.links {
            if let Some(status) = self.orchestration(*root, engine) {
                orchestrations.insert(id.clone(), status);
            }
        }
        for (id, status) in &mut orchestrations {
            status.ledger = engine.ledger(id).read();
            if !engine.stored.is_counted() {
                status.ledger = status.ledger.while_counting();
            }
        }
        let mut pipelines: Vec<_> = self.pipelines.values().filter_map(|id| self.pipeline(*id, engine)).collect();
        pipelines.sort_by(|a, b| a.id.cmp(&b.id));
        let mut resources: Vec<_> = self.resources.values().filter_map(|id| self.resource(*id)).collect();
        resources.sort_by_key(|resource| resource.name);
        Snapshot {
            phase: self.phase,
            started_ms: self.started_ms,
            orchestrations: orchestrations.into_values().collect(),
            pipelines,
            resources,
            blocked: engine.blocked(),
            unknown: engine.stored.unknown(|id| self.links.contains_key(id)),
        }
    }

    /// The minion of an orchestration that is there.
    pub(super) fn minion_of(&self, orchestration: &str) -> Option<&'static dyn MinionFactory> {
        let link = self.parts.get(self.links.get(orchestration)?)?.link()?;
        match &self.parts.get(&link.minion)?.body {
            Body::Minion(minion) => Some(minion.factory),
            _ => None,
        }
    }

    fn orchestration(&self, root: NodeId, engine: &Engine) -> Option<OrchestrationStatus> {
        let part = self.parts.get(&root)?;
        let link = part.link()?;
        let minion = self.parts.get(&link.minion);
        // It is not up because something below it is not: that one's cause is its own.
        let below = || self.graph.below(root).into_iter().find_map(|id| self.parts[&id].cause.clone());
        let state = match self.life(root, link.engaged) {
            _ if link.retire.is_some() => LifeState::Stopping,
            // Up, but what it was started with is not; nothing flows yet.
            LifeState::Running if !link.engaged => LifeState::Starting,
            state => state,
        };
        Some(OrchestrationStatus {
            id: link.id.to_string(),
            pipeline: link.pipeline_id.to_string(),
            minion: link.minion_name,
            config: link.config.clone(),
            state,
            since_ms: part.since_ms,
            in_flight: link.orchestration.as_ref().map_or(0, |orchestration| orchestration.in_flight()),
            max_in_flight: link.max_in_flight,
            quarantined: engine.quarantine.count(&link.id),
            holds_back: link.orchestration.as_ref().map(|orchestration| orchestration.holds_back()).unwrap_or_default(),
            boot: link.orchestration.as_ref().map(|orchestration| orchestration.boot_report()).unwrap_or_default(),
            ledger: WorkflowLedger::default(),
            restarts: minion.map_or(0, |minion| minion.restarts.count()),
            unhealthy: minion.and_then(Part::live).and_then(Live::unhealthy),
            cause: if state == LifeState::Restarting { below() } else { None },
        })
    }

    fn pipeline(&self, id: NodeId, engine: &Engine) -> Option<PipelineStatus> {
        let part = self.parts.get(&id)?;
        let Body::Pipeline(body) = &part.body else { return None };
        let PipelineBody { subscribers, stats, .. } = &**body;
        let list = subscribers.list();
        let (failures, failing) = stats.failing();
        let mut fed: Vec<_> = list.iter().map(|subscriber| subscriber.id.to_string()).collect();
        fed.sort_unstable();
        Some(PipelineStatus {
            id: part.identity.name.to_string(),
            state: self.life(id, part.restarts.count() > 0),
            since_ms: part.since_ms,
            subscribers: fed,
            paused: subscribers.is_paused(),
            waits_for: subscribers.waits_for(),
            produced: stats.produced(),
            ledger: engine.intake(&body.scope).ledger.read(),
            last_event_ms: stats.last_event_ms(),
            failures,
            restarts: part.restarts.count(),
            cause: part.cause.clone().or(failing),
        })
    }

    fn resource(&self, id: NodeId) -> Option<ResourceStatus> {
        let part = self.parts.get(&id)?;
        let Body::Resource(body) = &part.body else { return None };
        let mut used_by: Vec<_> = self.graph.users(id).filter_map(|user| self.name_of(user)).collect();
        used_by.sort_unstable();
        Some(ResourceStatus {
            name: body.name,
            state: self.life(id, part.restarts.count() > 0),
            since_ms: part.since_ms,
            used_by,
            restarts: part.restarts.count(),
            unhealthy: body.live.as_ref().and_then(Live::unhealthy),
            cause: part.cause.clone(),
        })
    }

    /// What a node is called by whoever looks; a minion is its orchestration.
    fn name_of(&self, id: NodeId) -> Option<String> {
        let part = self.parts.get(&id)?;
        match &part.body {
            Body::Minion(_) => {
                let mut links = self.graph.users(id).filter_map(|user| self.parts.get(&user)?.link());
                links.next().map(|link| link.id.to_string())
            }
            Body::Resource(_) | Body::Pipeline(_) | Body::Link(_) => Some(part.identity.name.to_string()),
        }
    }

    /// Where a node is in its life; `was_up` tells a restart from a start.
    fn life(&self, id: NodeId, was_up: bool) -> LifeState {
        let again = was_up || self.parts[&id].cause.is_some();
        match self.graph.state(id) {
            Some(NodeState::Up) if !self.graph.is_sinking(id) => LifeState::Running,
            Some(NodeState::Down | NodeState::Starting) if !again => LifeState::Starting,
            Some(_) if self.graph.is_needed(id) => LifeState::Restarting,
            _ => LifeState::Stopping,
        }
    }
}
