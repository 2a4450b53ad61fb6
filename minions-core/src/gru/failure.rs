//! What the state does when a component fails: start it again, or close over exactly its dependents.

use std::sync::Arc;
use std::time::Duration;

use tracing::{error, info, warn};

use crate::supervise::Restart;

use super::graph::{NodeId, NodeState};
use super::operation::{Kind, Op, OpId, StartFailed};
use super::part::Why;
use super::report::{ComponentFailure, StopMode};
use super::runtime::Runtime;
use super::state::State;

impl State {
    /// A component has failed while it ran.
    pub(super) fn component_failed(
        &mut self,
        runtime: &Arc<Runtime>,
        id: NodeId,
        instance: u64,
        failure: &ComponentFailure,
    ) {
        let runs = self.graph.state(id) == Some(NodeState::Up) && self.part(id).instance == instance;
        if !runs || self.shutdown.is_some() {
            warn!(%failure, "a component failed on its way down");
            return;
        }
        let ran_for = self.part(id).up_at.map_or(Duration::ZERO, |up| up.elapsed());
        self.part(id).cause = Some(failure.to_string());
        self.graph.failed(id);
        self.changed(id);
        self.supervise(runtime, id, ran_for, failure);
    }

    /// A component could not be made or started up.
    pub(super) fn start_failed(&mut self, runtime: &Arc<Runtime>, id: NodeId, failure: Option<ComponentFailure>) {
        let called_off = self.graph.is_sinking(id);
        if let Some(failure) = failure.filter(|_| !called_off) {
            self.part(id).cause = Some(failure.to_string());
            self.supervise(runtime, id, Duration::ZERO, &failure);
        }
        self.graph.start_failed(id);
    }

    /// A source has ended that is to be started again.
    pub(super) fn source_ended(&mut self, runtime: &Arc<Runtime>, id: NodeId, instance: u64) {
        let runs = self.graph.state(id) == Some(NodeState::Up) && self.part(id).instance == instance;
        if !runs || self.shutdown.is_some() {
            return;
        }
        let part = self.part(id);
        let ran_for = part.up_at.map_or(Duration::ZERO, |up| up.elapsed());
        let Some(pause) = part.restarts.failed(&part.policy, ran_for) else {
            // It has ended as often as it may; this time it stays so.
            if let Some(source) = part.pipeline().and_then(|pipeline| pipeline.source.as_ref()) {
                source.ended.cancel();
            }
            return;
        };
        info!(pipeline = &*part.identity.name, ?pause, "the source has ended and is started again");
        self.graph.failed(id);
        self.restart_after(runtime, id, pause);
    }

    /// Fails the starts that wait for the component; for whoever runs on it, starts it again or gives it up.
    fn supervise(&mut self, runtime: &Arc<Runtime>, id: NodeId, ran_for: Duration, failure: &ComponentFailure) {
        let pending: Vec<_> = self.parts[&id].ops.iter().copied().filter(|op| self.is_start(*op)).collect();
        for op in pending {
            self.fail_start(runtime, op, StartFailed::Component(failure.clone()));
        }
        let engaged = |root: &NodeId| self.parts[root].link().is_some_and(|link| link.engaged && link.retire.is_none());
        let running: Vec<_> = self.graph.above(id).into_iter().filter(engaged).collect();
        let part = self.part(id);
        let (name, cause) = (part.identity.name.clone(), failure.error.as_std() as &dyn std::error::Error);
        if running.is_empty() {
            return;
        }
        if let Some(pause) = part.restarts.failed(&part.policy, ran_for) {
            let count = part.restarts.count();
            part.identity.restarts().increment(1);
            warn!(component = &*name, phase = %failure.phase, error = cause, restart = count, ?pause, "the component failed and is started again");
            self.restart_after(runtime, id, pause);
            return;
        }
        let why = match part.policy.mode() {
            Restart::Never => "it is not to be started again",
            _ => "it has been started again as often as it may",
        };
        // Whoever orders a start of it later begins anew.
        part.restarts.forget();
        part.given_up = true;
        error!(component = &*name, phase = %failure.phase, error = cause, orchestrations = running.len(), why, "the component is lost, and with it those that need it");
        self.graph.hold(id);
        self.remember(failure.clone());
        for root in running {
            self.retire(runtime, root, Why::Lost(failure.to_string()), StopMode::Park);
        }
    }

    fn restart_after(&mut self, runtime: &Arc<Runtime>, id: NodeId, pause: Duration) {
        self.graph.hold(id);
        let this = runtime.clone();
        let timer = runtime.spawn(async move {
            tokio::time::sleep(pause).await;
            this.update(|state| state.graph.release(id));
        });
        // The last one has rung, or the component would not have failed again.
        self.part(id).timer = Some(timer);
    }

    fn is_start(&self, op: OpId) -> bool {
        matches!(self.ops.get(&op), Some(Op { kind: Kind::Start { failed: None, .. }, .. }))
    }
}
