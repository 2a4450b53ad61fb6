//! The state of a running program: the graph, what is kept for its nodes, and the orders under way.

use std::any::TypeId;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::clock::now_ms;
use crate::telemetry::WorkflowLedger;
use crate::workflow::BootReport;

use super::budget::Budget;
use super::graph::{Action, Graph, NodeId};
use super::operation::{Op, OpId};
use super::part::{Body, Part, Why};
use super::parting::LinkOutcome;
use super::report::{ComponentFailure, Durability, Finished, PhaseReport, StopMode};
use super::runtime::Runtime;
use super::snapshot::{OrchestrationStatus, RuntimePhase, State as LifeState};

/// How many failures that nobody asked about are kept for the last report, and how many orchestrations that run no more.
const KEPT: usize = 1024;

pub(super) struct State {
    pub(super) phase: RuntimePhase,
    pub(super) started_ms: u64,
    pub(super) graph: Graph,
    pub(super) parts: HashMap<NodeId, Part>,
    /// Which type has had which name or id.
    pub(super) identities: HashMap<Word, (TypeId, &'static str)>,
    pub(super) resources: HashMap<TypeId, NodeId>,
    pub(super) pipelines: HashMap<Arc<str>, NodeId>,
    pub(super) links: BTreeMap<Arc<str>, NodeId>,
    /// Orchestrations that run no more, as they were last seen; also those that run again, in case that is taken back.
    pub(super) retired: BTreeMap<Arc<str>, OrchestrationStatus>,
    pub(super) ops: BTreeMap<OpId, Op>,
    pub(super) next_op: OpId,
    /// Operations that may have come to their end.
    pub(super) touched: BTreeSet<OpId>,
    /// Who waits for an orchestration to be gone.
    pub(super) waiting: HashMap<Arc<str>, Vec<oneshot::Sender<()>>>,
    /// What failed while nobody asked.
    pub(super) failures: Vec<ComponentFailure>,
    /// Whether anything has ever been started.
    pub(super) began: bool,
    pub(super) shutdown: Option<Shutdown>,
    /// Counts what is stored.
    pub(super) counting: Option<AbortHandle>,
}

/// What a type is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Word {
    Name(&'static str),
    Id(&'static str),
}

impl Word {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Name(word) | Self::Id(word) => word,
        }
    }
}

/// A shutdown under way.
pub(super) struct Shutdown {
    pub(super) mode: StopMode,
    pub(super) budget: Budget,
    pub(super) began: std::time::Instant,
    pub(super) phases: Vec<PhaseReport>,
    pub(super) parked: u64,
    pub(super) interrupted: u64,
    pub(super) durability: Durability,
}

impl State {
    pub(super) fn new() -> Self {
        Self {
            phase: RuntimePhase::Starting,
            started_ms: unix_ms(),
            graph: Graph::default(),
            parts: HashMap::new(),
            identities: HashMap::new(),
            resources: HashMap::new(),
            pipelines: HashMap::new(),
            links: BTreeMap::new(),
            retired: BTreeMap::new(),
            ops: BTreeMap::new(),
            next_op: 0,
            touched: BTreeSet::new(),
            waiting: HashMap::new(),
            failures: Vec::new(),
            began: false,
            shutdown: None,
            counting: None,
        }
    }

    /// Does what follows from a change, until nothing follows any more.
    pub(super) fn settle(&mut self, runtime: &Arc<Runtime>) {
        loop {
            let actions = self.graph.settle();
            if actions.is_empty() && self.touched.is_empty() {
                break;
            }
            for action in actions {
                match action {
                    Action::Start(id) => self.start_node(runtime, id),
                    Action::Cancel(id) => self.part(id).cancel.cancel(),
                    Action::Stop(id) => self.stop_node(runtime, id),
                    Action::Gone { node, needs } => self.gone(node, &needs),
                }
            }
            for op in std::mem::take(&mut self.touched) {
                self.end_if_done(runtime, op);
            }
        }
        let empty = self.graph.is_empty();
        runtime.empty.send_if_modified(|known| std::mem::replace(known, empty) != empty);
        self.tell_if_finished(runtime);
    }

    /// A node is there; the graph asks for none that is not.
    pub(super) fn part(&mut self, id: NodeId) -> &mut Part {
        self.parts.get_mut(&id).expect("every node of the graph has its part")
    }

    /// Lets the operations that wait for a node look again.
    pub(super) fn touch(&mut self, id: NodeId) {
        if let Some(part) = self.parts.get(&id) {
            self.touched.extend(&part.ops);
        }
    }

    /// Marks a change of state, for whoever looks.
    pub(super) fn changed(&mut self, id: NodeId) {
        self.part(id).since_ms = unix_ms();
        self.touch(id);
    }

    /// Keeps what a component did for everyone who waits for it.
    pub(super) fn record(&mut self, id: NodeId, phases: &[PhaseReport]) {
        let ops: Vec<_> = self.part(id).ops.iter().copied().collect();
        if let Some(shutdown) = &mut self.shutdown {
            shutdown.phases.extend(phases.iter().cloned());
        } else if ops.is_empty() {
            let failures = phases.iter().filter_map(PhaseReport::failure).filter(|failure| !failure.is_consequence());
            failures.for_each(|failure| self.remember(failure));
        }
        for op in ops {
            if let Some(op) = self.ops.get_mut(&op) {
                op.phases.extend(phases.iter().cloned());
            }
        }
    }

    /// Keeps a failure for the last report.
    pub(super) fn remember(&mut self, failure: ComponentFailure) {
        if self.failures.len() == KEPT {
            self.failures.remove(0);
        }
        self.failures.push(failure);
    }

    /// How long the stop of a node may take.
    pub(super) fn budget(&mut self, runtime: &Runtime, id: NodeId) -> Budget {
        let shutdown = self.shutdown.as_ref().map(|shutdown| shutdown.budget);
        let own = self.part(id).budget;
        shutdown.or(own).unwrap_or_else(|| Budget::of(runtime.program.options.shutdown_deadline))
    }

    /// Keeps what became of the workflows of an orchestration.
    pub(super) fn account(&mut self, id: NodeId, outcome: &LinkOutcome) {
        if let Some(shutdown) = &mut self.shutdown {
            shutdown.parked += outcome.parked;
            shutdown.interrupted += outcome.interrupted;
            // One doubt is enough, and the first one says most.
            if let (Durability::Doubtful(_), false) = (&outcome.durability, shutdown.durability.is_doubtful()) {
                shutdown.durability = outcome.durability.clone();
            }
        }
        let ops: Vec<_> = self.part(id).ops.iter().copied().collect();
        for op in ops {
            if let Some(Op { kind: super::operation::Kind::Stop { outcome: told, .. }, .. }) = self.ops.get_mut(&op) {
                *told = Some(outcome.clone());
            }
        }
    }

    fn gone(&mut self, id: NodeId, needs: &[NodeId]) {
        self.touch(id);
        let Some(part) = self.parts.remove(&id) else { return };
        for need in needs {
            // What comes down because of this shares the time that it may take.
            if !self.graph.is_needed(*need) {
                self.part(*need).budget = part.budget;
            }
            self.touch(*need);
        }
        if let Some(timer) = &part.timer {
            timer.abort();
        }
        match &part.body {
            Body::Resource(resource) => drop(self.resources.remove(&resource.factory.resource_id())),
            Body::Pipeline(_) => drop(self.pipelines.remove(&part.identity.name)),
            Body::Minion(_) | Body::Link(_) => {}
        }
        if let Some(link) = part.link() {
            self.links.remove(&link.id);
            for waiting in self.waiting.remove(&link.id).unwrap_or_default() {
                // Whoever has stopped waiting needs no answer.
                let _ = waiting.send(());
            }
            let (state, cause) = match link.retire.as_ref().map(|retire| retire.why.clone()) {
                Some(Why::Stopped) => (LifeState::Stopped, None),
                Some(Why::Ended) => (LifeState::Ended, None),
                Some(Why::Lost(cause)) => (LifeState::Lost, Some(cause)),
                // It is again what it was before.
                Some(Why::RolledBack) | None => return,
                Some(Why::Shutdown) => {
                    self.retired.remove(&link.id);
                    return;
                }
            };
            self.retired.insert(link.id.clone(), self.retired_status(link, state, cause, part.restarts.count()));
            if self.retired.len() > KEPT {
                let oldest = self.retired.iter().min_by_key(|(_, status)| status.since_ms).map(|(id, _)| id.clone());
                oldest.and_then(|id| self.retired.remove(&id));
            }
        }
    }

    fn retired_status(
        &self,
        link: &super::part::LinkBody,
        state: LifeState,
        cause: Option<String>,
        restarts: u32,
    ) -> OrchestrationStatus {
        OrchestrationStatus {
            id: link.id.to_string(),
            pipeline: link.pipeline_id.to_string(),
            minion: link.minion_name,
            config: link.config.clone(),
            state,
            since_ms: unix_ms(),
            in_flight: 0,
            quarantined: 0,
            holds_back: Vec::new(),
            boot: BootReport::default(),
            max_in_flight: link.max_in_flight,
            // Filled in by whoever looks: what is left of it may still change.
            ledger: WorkflowLedger::default(),
            restarts,
            unhealthy: None,
            cause,
        }
    }

    /// Whether an orchestration keeps the process alive: not for a source in the background, nor for what only such sources
    /// lead to.
    fn keeps_alive(&self, id: NodeId, seen: &mut Vec<NodeId>) -> bool {
        let link = self.parts.get(&id).and_then(Part::link);
        let Some(pipeline) = link.and_then(|link| self.parts.get(&link.pipeline)).and_then(Part::pipeline) else {
            return false;
        };
        if !pipeline.is_outlet {
            return !pipeline.background;
        }
        seen.push(id);
        let emits = |other: &NodeId| {
            self.parts.get(other).and_then(Part::link).is_some_and(|link| link.minion_name == pipeline.name)
        };
        let mut emitters =
            self.links.values().copied().filter(|other| !seen.contains(other) && emits(other)).peekable();
        // Without them it still works on what they have emitted.
        emitters.peek().is_none() || emitters.collect::<Vec<_>>().into_iter().any(|other| self.keeps_alive(other, seen))
    }

    /// Says when nothing that keeps the process alive is left.
    fn tell_if_finished(&mut self, runtime: &Runtime) {
        if !self.began || self.phase != RuntimePhase::Running || !self.ops.is_empty() {
            return;
        }
        // Asked after every change, so what is mostly true comes first.
        if self.links.values().any(|id| self.keeps_alive(*id, &mut Vec::new())) {
            return;
        }
        let over = || self.retired.iter().filter(|(id, _)| !self.links.contains_key(*id)).map(|(_, status)| status);
        if over().any(|status| status.state == LifeState::Stopped) {
            return;
        }
        let lost = over().filter(|status| status.state == LifeState::Lost).min_by_key(|status| status.since_ms);
        let end = lost.map_or(Finished::Done, |lost| Finished::Failed(lost.cause.clone().unwrap_or_default()));
        runtime.finished.send_if_modified(|known| known.is_none() && known.replace(end).is_none());
    }
}

/// Milliseconds since the Unix epoch.
pub(super) fn unix_ms() -> u64 {
    u64::try_from(now_ms()).unwrap_or(0)
}
