//! One resource or minion as it runs: its hooks, its background task, its health.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Gauge, gauge};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, error_span, info, warn};

use crate::component::{Health, Hooks, Kind, Stop};
use crate::error::{Error, Result};
use crate::panics::{catch, contain, discard};
use crate::telemetry::caller::CallerId;
use crate::telemetry::names;

use super::report::{ComponentFailure, Phase};

const HEALTH_EVERY: Duration = Duration::from_secs(10);
const HEALTH_DEADLINE: Duration = Duration::from_secs(5);

/// Who a component is, for its hooks and for reports.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) kind: Kind,
    /// Its name; for a minion or a pipeline with a configuration of its own, with that.
    pub(crate) name: Arc<str>,
    pub(crate) caller: CallerId,
}

impl Identity {
    /// Runs a hook: on behalf of the component, within `deadline`, with panics as errors.
    pub(crate) async fn hook<T>(
        &self,
        phase: Phase,
        deadline: Duration,
        hook: impl Future<Output = Result<T>>,
    ) -> Result<T, ComponentFailure> {
        let span = error_span!("hook", component = &*self.name, kind = self.kind.as_str(), phase = %phase);
        let bounded = tokio::time::timeout(deadline, self.caller.scope(contain(hook))).instrument(span);
        let result = bounded.await.unwrap_or_else(|_| Err(Error::new(format!("it did not end within {deadline:?}"))));
        result.map_err(|error| self.failure(phase, error))
    }

    pub(crate) fn failure(&self, phase: Phase, error: Error) -> ComponentFailure {
        ComponentFailure {
            kind: self.kind,
            name: self.name.to_string(),
            phase,
            took: Duration::ZERO,
            error: error.into(),
        }
    }

    pub(crate) fn up(&self) -> Gauge {
        gauge!(names::COMPONENT_UP, "kind" => self.kind.as_str(), "component" => self.name.to_string())
    }
}

/// A resource or a minion after its startup.
pub(crate) struct Live {
    identity: Identity,
    hooks: Arc<dyn Hooks>,
    stop: CancellationToken,
    run: JoinHandle<()>,
    health: JoinHandle<()>,
}

impl Live {
    /// Starts the background task and the watch over its health; `lost` hears of an early end.
    pub(crate) fn start(
        identity: Identity,
        hooks: Arc<dyn Hooks>,
        lost: impl FnOnce(ComponentFailure) + Send + 'static,
    ) -> Self {
        identity.up().set(1.0);
        let stop = CancellationToken::new();
        let span = error_span!("component", component = &*identity.name, kind = identity.kind.as_str());
        let run = tokio::spawn(
            identity.caller.scope(run(identity.clone(), hooks.clone(), stop.clone(), lost)).instrument(span.clone()),
        );
        let health =
            tokio::spawn(identity.caller.scope(watch(identity.clone(), hooks.clone(), stop.clone())).instrument(span));
        Self { identity, hooks, stop, run, health }
    }

    /// Drops the background task where it is, without the shutdown hook.
    pub(crate) fn abort(&self) {
        self.stop.cancel();
        self.run.abort();
        self.health.abort();
    }

    /// Ends the background task, then runs the shutdown hook; both within `deadline` together.
    pub(crate) async fn shutdown(self, deadline: Duration) -> Vec<ComponentFailure> {
        let Self { identity, hooks, stop, mut run, health } = self;
        let began = tokio::time::Instant::now();
        let mut failures = Vec::new();
        stop.cancel();
        health.abort();
        if tokio::time::timeout(deadline, &mut run).await.is_err() {
            run.abort();
            let error = Error::new(format!("it did not end within {deadline:?} after it was asked to"));
            failures.push(identity.failure(Phase::Run, error));
        }
        // A background task that took all the time leaves the hook a last moment, so that connections are closed.
        let left = deadline.saturating_sub(began.elapsed()).max(Duration::from_millis(100));
        failures.extend(identity.hook(Phase::Shutdown, left, hooks.shutdown()).await.err());
        identity.up().set(0.0);
        // The value goes here if nobody else holds it, and it is the user's to drop.
        if let Some(panic) = discard(hooks) {
            warn!(component = &*identity.name, panic, "the component panicked while it was dropped");
        }
        failures
    }
}

async fn run(identity: Identity, hooks: Arc<dyn Hooks>, stop: CancellationToken, lost: impl FnOnce(ComponentFailure)) {
    let result = contain(hooks.run(Stop::new(stop.clone()))).await;
    let error = match result {
        Ok(()) if stop.is_cancelled() => return,
        Ok(()) => Error::new("its background task ended although nobody asked it to"),
        Err(error) => error,
    };
    let cause: &dyn std::error::Error = error.as_std();
    if stop.is_cancelled() {
        warn!(error = cause, "the background task failed while it was being stopped");
    } else {
        error!(error = cause, "the component is lost");
        lost(identity.failure(Phase::Run, error));
    }
}

/// Asks for the health at intervals, and tells when it changes.
async fn watch(identity: Identity, hooks: Arc<dyn Hooks>, stop: CancellationToken) {
    let gauge =
        gauge!(names::COMPONENT_HEALTHY, "kind" => identity.kind.as_str(), "component" => identity.name.to_string());
    let mut known = Health::Healthy;
    loop {
        let asked = tokio::time::timeout(HEALTH_DEADLINE, catch(hooks.health())).await;
        let health = match asked {
            Ok(Ok(health)) => health,
            Ok(Err(panic)) => Health::Unhealthy(panic),
            Err(_) => Health::Unhealthy(format!("the health hook did not answer within {HEALTH_DEADLINE:?}")),
        };
        gauge.set(if health.is_healthy() { 1.0 } else { 0.0 });
        match &health {
            _ if health == known => {}
            Health::Healthy => info!("healthy again"),
            Health::Unhealthy(why) => warn!(why, "unhealthy"),
        }
        known = health;
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(HEALTH_EVERY) => {}
        }
    }
}
