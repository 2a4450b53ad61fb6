//! One component as it runs: who it is, its hooks, its background tasks, its health.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use metrics::{Counter, Gauge, counter, gauge};
use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error_span, info, warn};

use crate::component::{Health, Hooks, Kind, Location, Stop, TaskFailures, Tasks};
use crate::error::{Error, Result};
use crate::guard::{Code, Spot};
use crate::panics::{catch, contain, discard};
use crate::pipeline::Hold;
use crate::reason::Reason;
use crate::telemetry::caller::CallerId;
use crate::telemetry::names;

use super::budget::Budget;
use super::hook::{self, Silent};
use super::report::{CalledOff, ComponentFailure, Phase, PhaseReport};

const HEALTH_EVERY: Duration = Duration::from_secs(10);
const HEALTH_DEADLINE: Duration = Duration::from_secs(5);

/// Who a component is, for its hooks and for reports.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) kind: Kind,
    /// Its name; for a minion or a pipeline with a configuration of its own, with that.
    pub(super) name: Arc<str>,
    pub(super) caller: CallerId,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} `{}`", self.kind, self.name)
    }
}

/// What a hook may take, and what calls it off.
#[derive(Clone)]
pub(super) struct Bounds {
    pub(super) deadline: Duration,
    pub(super) cancel: CancellationToken,
}

impl Identity {
    /// Makes a value: on behalf of the component, within its bounds, with panics as errors.
    pub(super) async fn create<T: Send + 'static>(
        &self,
        bounds: &Bounds,
        create: impl Future<Output = Result<T>> + Send + 'static,
    ) -> (PhaseReport, Option<T>) {
        let began = Instant::now();
        let (this, inner) = (self.clone(), bounds.clone());
        let work = async move { this.bounded(Phase::Create, inner, create).await };
        let made = self.apart(Phase::Create, bounds, work).await;
        self.told(Phase::Create, began, made.and_then(|made| made))
    }

    /// Runs a hook of `instance`; gives the instance back, unless the hook blocks its thread and has it for ever.
    pub(super) async fn hook<I: Send + 'static>(
        &self,
        phase: Phase,
        bounds: &Bounds,
        mut instance: I,
        hook: impl for<'a> FnOnce(&'a mut I) -> BoxFuture<'a, Result<()>> + Send + 'static,
    ) -> (PhaseReport, Option<I>) {
        let began = Instant::now();
        let (this, inner) = (self.clone(), bounds.clone());
        let work = async move {
            let ended = this.bounded(phase, inner, hook(&mut instance)).await;
            (instance, ended)
        };
        match self.apart(phase, bounds, work).await {
            Ok((instance, ended)) => (self.told(phase, began, ended).0, Some(instance)),
            Err(error) => (self.told::<()>(phase, began, Err(error)).0, None),
        }
    }

    /// Runs the shutdown hook of `instance` and drops it: a value is the user's to drop, and that may take for ever too.
    pub(super) async fn end<I: Send + 'static>(
        &self,
        bounds: &Bounds,
        mut instance: I,
        hook: impl for<'a> FnOnce(&'a mut I) -> BoxFuture<'a, Result<()>> + Send + 'static,
    ) -> PhaseReport {
        let began = Instant::now();
        let (this, inner) = (self.clone(), bounds.clone());
        let work = async move {
            let ended = this.bounded(Phase::Shutdown, inner, hook(&mut instance)).await;
            // Nobody else may hold it any more.
            if let Some(panic) = discard(instance) {
                warn!(component = &*this.name, panic, "the component panicked while it was dropped");
            }
            ended
        };
        let ended = self.apart(Phase::Shutdown, bounds, work).await;
        self.told(Phase::Shutdown, began, ended.and_then(|ended| ended)).0
    }

    fn bounded<T>(
        &self,
        phase: Phase,
        bounds: Bounds,
        hook: impl Future<Output = Result<T>>,
    ) -> impl Future<Output = Result<T>> {
        let span = error_span!("hook", component = &*self.name, kind = self.kind.as_str(), phase = %phase);
        let hook = self.caller.scope(contain(hook));
        async move {
            tokio::select! {
                biased;
                ended = tokio::time::timeout(bounds.deadline, hook) => {
                    ended.unwrap_or_else(|_| Err(Error::new(format!("it did not end within {:?}", bounds.deadline))))
                }
                () = bounds.cancel.cancelled() => Err(Error::new(CalledOff)),
            }
        }
        .instrument(span)
    }

    async fn apart<T: Send + 'static>(
        &self,
        phase: Phase,
        bounds: &Bounds,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T> {
        let silent = match hook::run(format!("{self} in {phase}"), bounds, work).await {
            Ok(ended) => return Ok(ended),
            Err(silent) => silent,
        };
        Err(Error::new(match silent {
            Silent::Blocks => format!(
                "it blocks its thread: it neither ended within {:?} nor came to an await where it could be dropped",
                bounds.deadline
            ),
            Silent::Gone => "its thread could not be started, or ended under it".to_owned(),
        }))
    }

    fn told<T>(&self, phase: Phase, began: Instant, ended: Result<T>) -> (PhaseReport, Option<T>) {
        let (value, error) = match ended {
            Ok(value) => (Some(value), None),
            Err(error) => (None, Some(Arc::new(error))),
        };
        let report = PhaseReport { kind: self.kind, name: self.name.to_string(), phase, took: began.elapsed(), error };
        (report, value)
    }

    /// Where the watchdog sees its hook `what`.
    pub(super) fn spot(&self, program: u64, what: &'static str, location: Location) -> Spot {
        let (kind, component, orchestration) = (self.kind, self.name.clone(), self.caller.caller().orchestration);
        Spot::new(Code { program, kind, component, orchestration, what, location })
    }

    /// The report of a phase that failed.
    pub(super) fn failed(&self, phase: Phase, took: Duration, error: impl Into<Arc<Error>>) -> PhaseReport {
        PhaseReport { kind: self.kind, name: self.name.to_string(), phase, took, error: Some(error.into()) }
    }

    pub(super) fn up(&self) -> Gauge {
        gauge!(names::COMPONENT_UP, "kind" => self.kind.as_str(), "component" => self.name.to_string())
    }

    pub(super) fn restarts(&self) -> Counter {
        counter!(names::COMPONENT_RESTARTS, "kind" => self.kind.as_str(), "component" => self.name.to_string())
    }
}

impl PhaseReport {
    /// The failure that it tells of, if any.
    pub(super) fn failure(&self) -> Option<ComponentFailure> {
        let error = self.error.clone()?;
        Some(ComponentFailure { kind: self.kind, name: self.name.clone(), phase: self.phase, took: self.took, error })
    }
}

/// What hears of a component that failed while it ran.
pub(super) type OnFailure = Box<dyn FnOnce(ComponentFailure) + Send>;

/// A resource or a minion after its startup.
pub(super) struct Live {
    identity: Identity,
    hooks: Arc<dyn Hooks>,
    tasks: Tasks,
    stop: CancellationToken,
    run: JoinHandle<()>,
    health: JoinHandle<()>,
    unhealthy: Unhealthy,
}

/// What a component says is wrong with it, and what keeps work away from it as long as it does.
#[derive(Clone)]
struct Unhealthy {
    what: Arc<Mutex<Option<String>>>,
    hold: Option<Arc<Hold>>,
}

impl Unhealthy {
    fn set(&self, name: &Arc<str>, what: Option<String>) {
        if let Some(hold) = &self.hold {
            match &what {
                Some(why) => hold.because(Reason::Unhealthy { resource: name.clone(), why: why.clone() }),
                None => hold.clear(),
            }
        }
        *self.what.lock() = what;
    }
}

impl Live {
    /// Starts the background task and the watch over its health.
    pub(super) fn start(
        identity: Identity,
        hooks: Arc<dyn Hooks>,
        tasks: Tasks,
        failures: TaskFailures,
        on_failure: OnFailure,
        spot: Spot,
        hold: Option<Arc<Hold>>,
    ) -> Self {
        identity.up().set(1.0);
        let stop = CancellationToken::new();
        let span = error_span!("component", component = &*identity.name, kind = identity.kind.as_str());
        let run = run(identity.clone(), hooks.clone(), stop.clone(), failures, on_failure, spot);
        let run = tokio::spawn(identity.caller.scope(run).instrument(span.clone()));
        let unhealthy = Unhealthy { what: Arc::default(), hold };
        let watch = watch(identity.clone(), hooks.clone(), stop.clone(), unhealthy.clone());
        let health = tokio::spawn(identity.caller.scope(watch).instrument(span));
        Self { identity, hooks, tasks, stop, run, health, unhealthy }
    }

    /// What the component says is wrong with it.
    pub(super) fn unhealthy(&self) -> Option<String> {
        self.unhealthy.what.lock().clone()
    }

    /// Ends the background tasks, then runs the shutdown hook.
    pub(super) async fn shutdown(self, budget: Budget) -> Vec<PhaseReport> {
        let Self { identity, hooks, tasks, stop, mut run, health, unhealthy } = self;
        let (began, mut phases) = (Instant::now(), Vec::new());
        let deadline = budget.for_hook();
        stop.cancel();
        health.abort();
        let _ = health.await;
        // The next instance may be well.
        unhealthy.set(&identity.name, None);
        tasks.request_stop();
        let ended = async {
            // A background task that was aborted or panicked has been reported before.
            let _ = (&mut run).await;
            tasks.ended().await;
        };
        if tokio::time::timeout(deadline, ended).await.is_err() {
            let what = if run.is_finished() { "a task of its own" } else { "its background task" };
            run.abort();
            tasks.drop_all();
            let error = Error::new(format!("{what} did not end within {deadline:?} after it was asked to"));
            phases.push(identity.failed(Phase::Run, began.elapsed(), error));
        }
        let bounds = Bounds { deadline: budget.for_hook(), cancel: CancellationToken::new() };
        let report = identity.end(&bounds, hooks, |hooks| {
            let hooks = hooks.clone();
            Box::pin(async move { hooks.shutdown().await })
        });
        phases.push(report.await);
        identity.up().set(0.0);
        phases
    }
}

async fn run(
    identity: Identity,
    hooks: Arc<dyn Hooks>,
    stop: CancellationToken,
    mut failures: TaskFailures,
    on_failure: OnFailure,
    spot: Spot,
) {
    let began = Instant::now();
    let ended = tokio::select! {
        ended = contain(spot.watch(hooks.run(Stop::new(stop.clone())))) => ended,
        // The senders live as long as the component.
        Some(error) = failures.recv() => Err(error),
    };
    let error = match ended {
        Ok(()) if stop.is_cancelled() => return,
        Ok(()) => Error::new("its background task ended although nobody asked it to"),
        Err(error) => error,
    };
    if stop.is_cancelled() {
        let cause: &dyn std::error::Error = error.as_std();
        warn!(error = cause, "the background task failed while it was being stopped");
    } else if let Some(failure) = identity.failed(Phase::Run, began.elapsed(), error).failure() {
        on_failure(failure);
    }
}

/// Asks for the health at intervals, and tells when it changes.
async fn watch(identity: Identity, hooks: Arc<dyn Hooks>, stop: CancellationToken, unhealthy: Unhealthy) {
    let gauge =
        gauge!(names::COMPONENT_HEALTHY, "kind" => identity.kind.as_str(), "component" => identity.name.to_string());
    let bounds = Bounds { deadline: HEALTH_DEADLINE, cancel: stop.clone() };
    let mut known = Health::Healthy;
    loop {
        let health = ask(&identity, &hooks, &bounds).await;
        if stop.is_cancelled() {
            return;
        }
        gauge.set(if health.is_healthy() { 1.0 } else { 0.0 });
        match &health {
            _ if health == known => {}
            Health::Healthy => info!("healthy again"),
            Health::Unhealthy(why) => warn!(why, "unhealthy"),
        }
        let what = match &health {
            Health::Healthy => None,
            Health::Unhealthy(why) => Some(why.clone()),
        };
        unhealthy.set(&identity.name, what);
        if known_to_block(&health) {
            // Asking again would cost another thread.
            return;
        }
        known = health;
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(HEALTH_EVERY) => {}
        }
    }
}

/// Asks once, where a hook that blocks its thread blocks nobody else.
async fn ask(identity: &Identity, hooks: &Arc<dyn Hooks>, bounds: &Bounds) -> Health {
    let (hooks, caller, deadline, cancel) = (hooks.clone(), identity.caller, bounds.deadline, bounds.cancel.clone());
    let work = async move {
        let asked = tokio::time::timeout(deadline, caller.scope(catch(hooks.health())));
        // Nobody wants to know any more when the component stops, and nothing of it is to stay behind.
        let answered = cancel.run_until_cancelled(asked).await;
        answered.unwrap_or(Ok(Ok(Health::Healthy)))
    };
    match hook::run(format!("{identity} in health"), bounds, work).await {
        Ok(Ok(Ok(health))) => health,
        Ok(Ok(Err(panic))) => Health::Unhealthy(panic),
        Ok(Err(_)) => Health::Unhealthy(format!("the health hook did not answer within {deadline:?}")),
        Err(Silent::Blocks) => Health::Unhealthy(BLOCKS.to_owned()),
        Err(Silent::Gone) => Health::Unhealthy("the health hook had no thread".to_owned()),
    }
}

const BLOCKS: &str = "the health hook blocks its thread, and is not asked again";

fn known_to_block(health: &Health) -> bool {
    matches!(health, Health::Unhealthy(why) if why == BLOCKS)
}
