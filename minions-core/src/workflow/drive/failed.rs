//! What becomes of a workflow whose step has failed: it is tried again, handed over, ended or set aside.

use std::sync::Arc;
use std::time::Duration;

use tracing::{error, info, warn};

use crate::clock::now_ms;
use crate::error::{Error, Result};
use crate::store::{Defer, FailureKind, Op, Outcome as Ending, Quarantine, StepFailure, Wait};
use crate::telemetry::handles::End;
use crate::workflow::attempt::Failed;
use crate::workflow::engine::NotDurable;
use crate::workflow::judge::{Decision, decide};
use crate::workflow::pending::Asked;

use super::change::{Change, Next, in_ms};
use super::{Left, OVER, Run, Then};

impl Run<'_> {
    /// What became of a failed attempt.
    pub(super) async fn failed(&mut self, failed: Failed) -> Then {
        let step = &self.o.steps[self.state.index];
        match decide(step, self.state.attempt, failed.kind, failed.error.verdict()) {
            Decision::Retry(after) => self.defer(failed, after, self.state.attempt).await,
            Decision::NotBefore(after) => self.defer(failed, after, self.state.attempt - 1).await,
            Decision::Abort => {
                let why = format!("{:#}", failed.error);
                self.abort_from_before(failed, why).await
            }
            Decision::GiveUp => match self.o.on_failure(self.state.index) {
                Some(index) if failed.kind != FailureKind::Panic => self.hand_over(index, failed).await,
                _ => self.give_up(failed).await,
            },
        }
    }

    /// Tries the step again later, with the context from before it.
    async fn defer(&mut self, failed: Failed, after: Duration, attempt: u32) -> Then {
        let (o, at_ms) = (self.o, now_ms());
        let wake_ms = in_ms(after);
        info!(
            workflow = %self.state.id,
            orchestration = &*o.id,
            component = o.name,
            step = self.step_name(),
            attempt = self.state.attempt,
            again_in = ?after,
            error = cause(&failed.error),
            "a step failed and is tried again"
        );
        o.metrics.steps[self.state.index].retried.increment(1);
        if !o.engine.keeps {
            return match self.state.loaded.set_context(&self.before) {
                Ok(()) => {
                    (self.state.attempt, self.state.may_have_run) = (attempt + 1, true);
                    self.wait_here(Wait { until_ms: wake_ms, signal: None }).await
                }
                Err(_) => self.give_up(failed).await,
            };
        }
        let failure = Some(self.failure(&failed, at_ms));
        let (id, revision) = (self.state.id, self.state.revision + 1);
        let op = Arc::new(Op::from(Defer { id, revision, attempt, failure, wake_ms, at_ms }));
        match self.o.engine.share(&op).await {
            Ok(_) => Then::Leave(Left::Rests(wake_ms)),
            Err(error) => self.repeat(error, &op).await.unwrap_or(Then::Leave(Left::Rests(wake_ms))),
        }
    }

    /// Goes on with the step that deals with failures, with the context from before the step that failed.
    async fn hand_over(&mut self, index: usize, failed: Failed) -> Then {
        let context = match self.context_before().await {
            Ok(Some(context)) => context,
            Ok(None) => return OVER,
            Err(error) => {
                warn!(workflow = %self.state.id, error = cause(&error), "the step that deals with failures cannot run");
                return self.give_up(failed).await;
            }
        };
        warn!(
            workflow = %self.state.id,
            orchestration = &*self.o.id,
            component = self.o.name,
            step = self.step_name(),
            attempt = self.state.attempt,
            error = cause(&failed.error),
            "a step failed for good; the step that deals with failures is next"
        );
        let failure = self.failure(&failed, now_ms());
        self.state.failure = Some(Arc::new(failure.clone()));
        let next = Next { failure: Some(Box::new(failure)), ..self.next(index, None) };
        self.make(Change::Comes(next), context).await
    }

    /// Takes the context back to what it was before the step; nothing if the runtime stops first.
    async fn context_before(&mut self) -> Result<Option<Vec<u8>>> {
        let context = if self.o.engine.keeps {
            match self.o.stored(self.state.id).await {
                Some(row) => row.ok_or("the workflow is not stored any more")?.context,
                None => return Ok(None),
            }
        } else {
            self.before.clone()
        };
        self.state.loaded.set_context(&context)?;
        Ok(Some(context))
    }

    /// The same for a step that failed, of which nothing is kept.
    async fn abort_from_before(&mut self, failed: Failed, why: String) -> Then {
        match self.o.on_failure(self.state.index) {
            Some(index) => {
                let failed = Failed { kind: FailureKind::Abort, ..failed };
                self.hand_over(index, failed).await
            }
            None => self.make(Change::Ends(Ending::Aborted, Some(why)), Vec::new()).await,
        }
    }

    /// Makes a change durable that was decided upon after a failure.
    async fn make(&mut self, change: Change, context: Vec<u8>) -> Then {
        match self.prepare_with(change, context, Asked::default()) {
            Ok(()) => self.make_durable().await,
            Err(failed) => self.give_up(failed).await,
        }
    }

    /// Sets the workflow aside with its error; it keeps the step and the context from before it.
    pub(super) async fn give_up(&mut self, failed: Failed) -> Then {
        let o = self.o;
        let failure = self.failure(&failed, now_ms());
        if o.engine.keeps {
            let (id, revision, at_ms) = (self.state.id, self.state.revision + 1, failure.at_ms);
            let op = Arc::new(Op::from(Quarantine { id, revision, failure, at_ms }));
            match o.engine.commit(&op, || o.stopping.cancelled()).await {
                Ok(_) => {}
                Err(NotDurable::Stopping(error)) => return self.stay(error),
                Err(NotDurable::Rejected(_)) if matches!(o.stored(id).await, Some(None)) => {
                    self.leave_lane();
                    info!(workflow = %id, orchestration = &*o.id, "a workflow was taken away while it ran");
                    return OVER;
                }
                Err(NotDurable::Rejected(rejected)) => {
                    // Nothing is kept that was not stored before: the row comes back with the next start.
                    error!(
                        workflow = %id,
                        orchestration = &*o.id,
                        component = o.name,
                        step = self.step_name(),
                        rejected = %rejected,
                        error = cause(&failed.error),
                        "a workflow failed and the store rejected its quarantine; it stays stored as it was"
                    );
                    return OVER;
                }
            }
        }
        error!(
            workflow = %self.state.id,
            orchestration = &*o.id,
            component = o.name,
            minion = o.name,
            step = self.step_name(),
            attempt = self.state.attempt,
            error = cause(&failed.error),
            "workflow quarantined"
        );
        self.count(End::Quarantined);
        OVER
    }

    fn failure(&self, failed: &Failed, at_ms: i64) -> StepFailure {
        let failure = StepFailure::new(self.step_name(), self.state.attempt, at_ms, failed.error.chain());
        failure.of_kind(failed.kind)
    }
}

fn cause(error: &Error) -> &(dyn std::error::Error + 'static) {
    error.as_std()
}
