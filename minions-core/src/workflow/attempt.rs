//! One attempt at a step: identity, span, metrics, timeout, and what a panic becomes.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::poll_fn;
use tokio::task::unconstrained;
use tokio::time::{Instant, sleep_until};
use tracing::{Instrument, error_span};

use crate::error::Error;
use crate::minion::Flow;
use crate::panics::{catch, presentable};
use crate::store::FailureKind;
use crate::telemetry::activity::{Activity, Left};
use crate::telemetry::current;
use crate::telemetry::handles::StepEnd;

use super::Workflow;
use super::orchestration::{Orchestration, Start};
use super::pending::Asked;

/// What an attempt came to.
pub(super) enum Outcome {
    Goes(Flow, Asked),
    Failed(Failed),
}

/// A failed attempt.
pub(super) struct Failed {
    pub(super) error: Error,
    pub(super) kind: FailureKind,
}

impl Failed {
    pub(super) fn new(error: Error) -> Self {
        Self { error, kind: FailureKind::Error }
    }
}

/// Runs the step that is next, once.
pub(super) async fn attempt(o: &Orchestration, state: &mut Start, activity: &Arc<Activity>) -> Outcome {
    let (step, metrics) = (&o.steps[state.index], &o.metrics.steps[state.index]);
    let began = Instant::now();
    let standing = activity.begin((step.name, state.attempt), step.timeout, began);
    let workflow = Workflow {
        standing: standing.clone(),
        step: step.name,
        seq: state.seq,
        attempt: state.attempt,
        may_have_run: state.may_have_run,
        deadline: step.timeout.map(|timeout| began + timeout),
        payload: state.payload.clone(),
        failure: state.failure.clone().filter(|_| step.on_failure),
    };
    // An error span, because a filter that lets only errors through should still say whose they are.
    let span = error_span!(
        target: current::TARGET,
        current::SPAN,
        component = o.name,
        minion = o.name,
        orchestration = &*o.id,
        workflow = %state.id,
        step = step.name,
        attempt = state.attempt,
    );
    let in_flight = metrics.begin();
    let step_runs = o.spots[state.index].watch(state.loaded.step(state.index, &workflow));
    let running = o.caller.scope_at(standing, catch(step_runs)).instrument(span);
    let answer = match workflow.deadline {
        // Boxed, so that a timer does not lie in the memory of every workflow without one.
        Some(deadline) => Box::pin(within(activity, deadline, running)).await,
        None => Some(running.await),
    };
    let ended = Instant::now();
    let (stood, asked) = activity.end(ended);
    let (end, outcome) = match answer {
        Some(Ok(Ok(flow))) => {
            let end = if let Flow::Abort(_) = flow { StepEnd::Aborted } else { StepEnd::Succeeded };
            (end, Outcome::Goes(flow, asked))
        }
        Some(Ok(Err(error))) => (StepEnd::Failed, Outcome::Failed(Failed::new(presentable(error)))),
        Some(Err(panic)) => {
            (StepEnd::Panicked, Outcome::Failed(Failed { error: Error::new(panic), kind: FailureKind::Panic }))
        }
        None => {
            let error = Error::new(format!("it took longer than its timeout of {:?}", timeout_of(step.timeout)));
            (StepEnd::TimedOut, Outcome::Failed(Failed { error, kind: FailureKind::Timeout }))
        }
    };
    // What it waited for permits is not its time.
    metrics.end(end, (ended - began).saturating_sub(stood));
    drop(in_flight);
    outcome
}

/// Runs `step` until its deadline, which moves on while its clock [stands](crate::telemetry::activity).
async fn within<F: Future>(activity: &Activity, deadline: Instant, step: F) -> Option<F::Output> {
    let (mut step, mut timer) = (pin!(step), pin!(sleep_until(deadline)));
    poll_fn(|cx| {
        if let Poll::Ready(ended) = step.as_mut().poll(cx) {
            return Poll::Ready(Some(ended));
        }
        // A step that uses up what tokio grants to its task is out of time all the same.
        while pin!(unconstrained(timer.as_mut())).poll(cx).is_ready() {
            match activity.left(deadline, cx.waker()) {
                Left::Nothing => return Poll::Ready(None),
                Left::Until(later) => timer.as_mut().reset(later),
                Left::Stands => return Poll::Pending,
            }
        }
        Poll::Pending
    })
    .await
}

fn timeout_of(timeout: Option<Duration>) -> Duration {
    timeout.expect("only a step with a timeout runs out of time")
}
