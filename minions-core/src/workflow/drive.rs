//! Moves one workflow from step to step, with a durable checkpoint before each.

use std::sync::Arc;
use std::time::Instant;

use tracing::{Instrument, debug, error, error_span, info};

use crate::clock::now_ms;
use crate::component::Stop;
use crate::error::{Error, Result};
use crate::minion::Flow;
use crate::panics::{catch, presentable};
use crate::store::{Advance, FailureKind, Op, Quarantine, Resolve, StepFailure, StoreError};
use crate::telemetry::handles::End;

use super::Workflow;
use super::engine::NotDurable;
use super::orchestration::{Orchestration, Start};

/// Runs a workflow until it ends, or stays stored because the runtime stops.
pub(crate) async fn drive(orchestration: &Orchestration, start: Start) {
    let mut run = Run { orchestration, state: start, began: Instant::now() };
    while run.turn().await {}
}

struct Run<'a> {
    orchestration: &'a Orchestration,
    state: Start,
    began: Instant,
}

/// What a step came to.
enum Outcome {
    Goes(Flow),
    Failed(Error),
    Panicked(String),
}

impl Run<'_> {
    /// Runs the step that is next and makes what follows durable; whether there is another one to run.
    async fn turn(&mut self) -> bool {
        let o = self.orchestration;
        let seat = tokio::select! {
            biased;
            // First, so that a workflow that comes to a step after the stop stays there.
            () = o.parked() => {
                o.count_parked();
                return false;
            }
            seat = o.seat.take() => seat,
        };
        if self.state.instance != o.seat.instance() {
            self.state.instance = o.seat.instance();
            self.state.loaded.move_to(o.seat.minion());
        }
        let outcome = self.step().await;
        drop(seat);
        let next = match outcome {
            Outcome::Goes(Flow::Continue) => self.state.index + 1,
            Outcome::Goes(Flow::Done) => self.orchestration.steps.len(),
            Outcome::Goes(Flow::To(step)) => match self.state.loaded.position(step) {
                Some(next) => next,
                None => return self.fail(jumped_nowhere(), false).await,
            },
            Outcome::Goes(flow @ (Flow::Sleep(_) | Flow::Again { .. } | Flow::Wait { .. })) => {
                return self.fail(Error::new(format!("{flow:?} is not yet supported")), false).await;
            }
            Outcome::Goes(Flow::Abort(why)) => return self.abort(&why).await,
            Outcome::Failed(error) => return self.fail(error, false).await,
            Outcome::Panicked(message) => return self.fail(Error::new(message), true).await,
        };
        if next == self.orchestration.steps.len() { self.succeed().await } else { self.advance(next).await }
    }

    async fn step(&mut self) -> Outcome {
        let (o, state) = (self.orchestration, &mut self.state);
        let (step, metrics) = (&o.steps[state.index], &o.metrics.steps[state.index]);
        let workflow = Workflow {
            id: state.id,
            orchestration: o.id.clone(),
            minion: o.name,
            step: step.name,
            seq: state.seq,
            attempt: state.attempt,
            may_have_run: state.may_have_run,
            deadline: None,
            payload: None,
            failure: None,
            pending: Arc::default(),
            stop: Stop::new(o.stopping.clone()),
        };
        // An error span, because a filter that lets only errors through should still say whose they are.
        let span = error_span!(
            "step",
            component = o.name,
            minion = o.name,
            orchestration = &*o.id,
            workflow = %state.id,
            step = step.name,
            attempt = state.attempt,
        );
        metrics.started.increment(1);
        let _in_flight = GaugeGuard::enter(&metrics.in_flight);
        let began = Instant::now();
        let answer = o.caller.scope(catch(state.loaded.step(state.index, &workflow))).instrument(span).await;
        metrics.duration.record(began.elapsed());
        let (counter, outcome) = match answer {
            Ok(Ok(flow)) => match flow {
                Flow::Abort(_) => (&metrics.aborted, Outcome::Goes(flow)),
                _ => (&metrics.succeeded, Outcome::Goes(flow)),
            },
            Ok(Err(error)) => (&metrics.failed, Outcome::Failed(presentable(error))),
            Err(panic) => (&metrics.panicked, Outcome::Panicked(panic)),
        };
        counter.increment(1);
        outcome
    }

    /// The checkpoint before the step `next`.
    async fn advance(&mut self, next: usize) -> bool {
        let o = self.orchestration;
        if o.engine.keeps {
            let (state, at_ms) = (&self.state, now_ms());
            let mut context = Vec::with_capacity(128);
            if let Err(error) = encode(state, &mut context) {
                return self.fail(error, false).await;
            }
            let advance = || {
                Op::from(Advance {
                    id: state.id,
                    step: o.steps[next].name.into(),
                    steps_hash: o.steps_hash,
                    seq: state.seq + 1,
                    context: context.clone(),
                    revision: state.revision + 1,
                    version: 0,
                    attempt: 0,
                    event: None,
                    wait: None,
                    failure: None,
                    consumed: None,
                    emits: Vec::new(),
                    work: Vec::new(),
                    at_ms,
                })
            };
            match o.engine.commit(advance, || o.stopping.cancelled()).await {
                Ok(_) => {}
                Err(NotDurable::Stopping(error)) => return self.stay(error),
                Err(NotDurable::Rejected(error)) => {
                    let error = Error::new(error).context("the checkpoint was rejected");
                    return self.fail(error, false).await;
                }
            }
        }
        self.state.index = next;
        self.state.seq += 1;
        self.state.revision += 1;
        self.state.attempt = 1;
        self.state.may_have_run = false;
        true
    }

    async fn succeed(&mut self) -> bool {
        if self.resolve().await {
            debug!(workflow = %self.state.id, orchestration = &*self.orchestration.id, "workflow succeeded");
            self.end(End::Succeeded);
        }
        false
    }

    async fn abort(&mut self, why: &str) -> bool {
        if self.resolve().await {
            info!(
                workflow = %self.state.id,
                orchestration = &*self.orchestration.id,
                component = self.orchestration.name,
                step = self.step_name(),
                why,
                "workflow aborted"
            );
            self.end(End::Aborted);
        }
        false
    }

    /// Removes the row; false if the runtime stopped before that was durable.
    async fn resolve(&self) -> bool {
        let o = self.orchestration;
        if !o.engine.keeps {
            return true;
        }
        let id = self.state.id;
        match o.engine.commit(|| Resolve { id, revision: self.state.revision + 1, emits: Vec::new(), work: Vec::new(), history: None }.into(), || o.stopping.cancelled()).await {
            Ok(_) => true,
            Err(NotDurable::Stopping(error)) => self.stay(error),
            Err(NotDurable::Rejected(error)) => {
                let error: &dyn std::error::Error = &error;
                error!(workflow = %id, orchestration = &*o.id, component = o.name, error, "the end of a workflow was rejected by the store");
                false
            }
        }
    }

    /// Sets the workflow aside with its error; it keeps the step and the context from before it.
    async fn fail(&mut self, error: Error, panicked: bool) -> bool {
        let (o, state) = (self.orchestration, &self.state);
        let mut failure = StepFailure::new(self.step_name(), state.attempt, now_ms(), error.chain());
        if panicked {
            failure.kind = FailureKind::Panic;
        }
        if o.engine.keeps {
            let quarantine = || Quarantine { id: state.id, revision: state.revision + 1, failure: failure.clone(), at_ms: failure.at_ms }.into();
            match o.engine.commit(quarantine, || o.stopping.cancelled()).await {
                Ok(_) => {}
                Err(NotDurable::Stopping(error)) => return self.stay(error),
                Err(NotDurable::Rejected(rejected)) => {
                    // Nothing is kept that was not stored before: the row comes back with the next start.
                    let cause: &dyn std::error::Error = error.as_std();
                    error!(
                        workflow = %state.id,
                        orchestration = &*o.id,
                        component = o.name,
                        step = self.step_name(),
                        rejected = %rejected,
                        error = cause,
                        "a workflow failed and the store rejected its quarantine; it stays stored as it was"
                    );
                    return false;
                }
            }
        }
        let cause: &dyn std::error::Error = error.as_std();
        error!(
            workflow = %state.id,
            orchestration = &*o.id,
            component = o.name,
            minion = o.name,
            step = self.step_name(),
            attempt = state.attempt,
            error = cause,
            "workflow quarantined"
        );
        self.end(End::Quarantined);
        false
    }

    /// Leaves the workflow stored as it was before its last step, which could not be recorded.
    fn stay(&self, error: StoreError) -> bool {
        self.orchestration.count_parked();
        self.orchestration.count_undurable(error);
        false
    }

    fn end(&self, end: End) {
        self.orchestration.ended(self.state.id, end, self.began.elapsed());
    }

    fn step_name(&self) -> &'static str {
        self.orchestration.steps[self.state.index].name
    }
}

fn encode(state: &Start, out: &mut Vec<u8>) -> Result<()> {
    // A user's `Serialize` may panic as well as fail.
    crate::panics::contain_sync(|| state.loaded.encode_context(out))
        .map_err(|error| error.context("the context cannot be stored"))
}

fn jumped_nowhere() -> Error {
    Error::new("the step went to a function that is no step of this minion; write `Flow::to(Self::step)`")
}

/// Counts in a gauge for as long as it lives, also when its task is dropped.
struct GaugeGuard<'a>(&'a metrics::Gauge);

impl<'a> GaugeGuard<'a> {
    fn enter(gauge: &'a metrics::Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for GaugeGuard<'_> {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
