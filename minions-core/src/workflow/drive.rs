//! Moves one workflow from step to step, with a durable checkpoint before each.
//!
//! What is not durable has not happened: when a step has failed, or what it came to cannot be stored, the workflow is as
//! its row is. So a workflow that has to wait is not kept: its row says until when, and [`waker`](super::waker) loads it
//! again. Only without a store does it wait where it is.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use tracing::{debug, error, info, warn};

use crate::clock::now_ms;
use crate::error::{Error, Result};
use crate::minion::Flow;
use crate::store::{
    Admit, Advance, Committed, Defer, Ended, FailureKind, Op, Outcome as Ending, Quarantine, Resolve, StepFailure,
    StoreError, Wait,
};
use crate::telemetry::activity::Activity;
use crate::telemetry::handles::End;

use super::attempt::{Failed, Outcome, attempt};
use super::engine::NotDurable;
use super::judge::{Decision, decide};
use super::orchestration::{Orchestration, Start};
use super::pending::Asked;
use super::places::Place;
use super::routes::Emitting;
use super::seat::Taken;

/// What a workflow leaves behind when its task ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// It has ended, or stays stored as it is until somebody takes it up.
    Nothing,
    /// It rests, and is due at this time, in milliseconds since the Unix epoch.
    Rests(i64),
}

/// Runs a workflow until it ends, rests, or stays stored because the runtime stops.
pub(crate) async fn drive(
    orchestration: &Arc<Orchestration>,
    place: &mut Place,
    start: Box<Start>,
    activity: &Arc<Activity>,
) -> Left {
    let (began, before) = (Instant::now(), Vec::new());
    let mut run = Run { o: orchestration, place, state: start, activity, began, before, prepared: None };
    loop {
        match run.turn().await {
            Then::Step => {}
            Then::Leave(left) => return left,
        }
    }
}

struct Run<'a> {
    o: &'a Arc<Orchestration>,
    place: &'a mut Place,
    state: Box<Start>,
    activity: &'a Arc<Activity>,
    began: Instant,
    /// The context from before the step, where no store has it.
    before: Vec<u8>,
    /// What is about to be made durable.
    prepared: Option<Prepared>,
}

/// What comes after a step and its checkpoint.
enum Then {
    Step,
    Leave(Left),
}

const OVER: Then = Then::Leave(Left::Nothing);

/// What a step makes of its workflow.
enum Change {
    /// It comes to a step.
    Comes(Next),
    /// It ends, with the reason if a step gave one.
    Ends(Ending, Option<String>),
}

/// The step that a checkpoint leads to.
struct Next {
    index: usize,
    seq: u32,
    /// The number of the last failed attempt at it.
    attempt: u32,
    wait: Option<Wait>,
    failure: Option<StepFailure>,
}

/// A change that is ready to be stored.
struct Prepared {
    /// What makes it durable, where there is a store.
    op: Option<(Arc<Op>, Emitting)>,
    arrival: Arrival,
}

/// Where the workflow is once the change is durable.
enum Arrival {
    Step { index: usize, seq: u32, attempt: u32, stays: bool, wait: Option<Wait>, at_ms: i64 },
    End { outcome: Ending, why: Option<String> },
}

impl Run<'_> {
    /// Runs the step that is next and makes what follows durable.
    async fn turn(&mut self) -> Then {
        let o = self.o;
        // First, so that a workflow that comes to a step after the stop stays there.
        let seat = if o.parks() { None } else { o.seat.try_take() };
        let seat = match seat {
            Some(seat) => seat,
            None => {
                self.activity.pause();
                let Some(seat) = Box::pin(seat_for(o)).await else {
                    o.count_parked();
                    return OVER;
                };
                seat
            }
        };
        if self.state.instance != o.seat.instance() {
            self.state.instance = o.seat.instance();
            self.state.loaded.move_to(o.seat.minion());
        }
        if !o.engine.keeps {
            // Where it fails, nothing needs it unless the step is tried again, which it cannot be then.
            let _ = self.state.encode_context_into(&mut self.before);
            self.place.weigh(self.before.len() as u64);
        }
        let outcome = attempt(o, &mut self.state, self.activity).await;
        drop(seat);
        if let Some(instead) = self.takes(outcome) {
            return instead.await;
        }
        self.make_durable().await
    }

    /// Prepares what an attempt came to, or answers what comes instead.
    ///
    /// That is in a box, because it is much larger than a step that runs, and hardly ever there: a task is as large as the
    /// largest of what it awaits.
    fn takes(&mut self, outcome: Outcome) -> Option<BoxFuture<'_, Then>> {
        match outcome {
            Outcome::Goes(flow, asked) => {
                let failed = self.change(flow).and_then(|change| self.prepare(change, asked)).err()?;
                Some(Box::pin(self.give_up(failed)))
            }
            Outcome::Failed(failed) => Some(Box::pin(self.failed(failed))),
        }
    }

    /// What the answer of a step means for the workflow.
    fn change(&mut self, flow: Flow) -> Result<Change, Failed> {
        let wait = match flow {
            Flow::Continue => None,
            Flow::Sleep(time) => Some(Wait { until_ms: in_ms(time), signal: None }),
            Flow::Wait { signal, at_most } => {
                Some(Wait { until_ms: at_most.map_or(i64::MAX, in_ms), signal: Some(signal.into()) })
            }
            Flow::Done => return Ok(self.success()),
            Flow::Abort(why) => return Ok(self.abort(why)),
            Flow::Again { after, why } => {
                debug!(workflow = %self.state.id, step = self.step_name(), again_in = ?after, why, "the step polls");
                let wait = Some(Wait { until_ms: in_ms(after), signal: None });
                let (index, seq, attempt) = (self.state.index, self.state.seq, self.state.attempt - 1);
                return Ok(Change::Comes(Next { index, seq, attempt, wait, failure: None }));
            }
            Flow::To(step) => {
                let index = self.state.loaded.position(step).ok_or_else(|| Failed::new(jumped_nowhere()))?;
                return Ok(Change::Comes(self.next(index, None)));
            }
        };
        Ok(match self.o.step_after(self.state.index) {
            Some(index) => Change::Comes(self.next(index, wait)),
            None => self.success(),
        })
    }

    fn next(&self, index: usize, wait: Option<Wait>) -> Next {
        Next { index, seq: self.state.seq + 1, attempt: 0, wait, failure: None }
    }

    fn success(&self) -> Change {
        let outcome = match self.state.failure.as_ref().filter(|_| self.o.steps[self.state.index].on_failure) {
            None => Ending::Succeeded,
            Some(failure) if failure.kind == FailureKind::Abort => Ending::Aborted,
            Some(_) => Ending::Failed,
        };
        Change::Ends(outcome, None)
    }

    fn abort(&mut self, why: String) -> Change {
        let Some(index) = self.o.on_failure(self.state.index) else {
            return Change::Ends(Ending::Aborted, Some(why));
        };
        let failure = StepFailure::new(self.step_name(), self.state.attempt, now_ms(), vec![why]);
        let failure = failure.of_kind(FailureKind::Abort);
        self.state.failure = Some(Arc::new(failure.clone()));
        Change::Comes(Next { failure: Some(failure), ..self.next(index, None) })
    }

    /// Makes of a change what is to be stored, with the context as it is.
    fn prepare(&mut self, change: Change, asked: Asked) -> Result<(), Failed> {
        let context = match change {
            Change::Comes(_) if self.o.engine.keeps => encode(&self.state).map_err(Failed::new)?,
            _ => Vec::new(),
        };
        self.prepare_with(change, context, asked)
    }

    fn prepare_with(&mut self, change: Change, context: Vec<u8>, asked: Asked) -> Result<(), Failed> {
        let (o, at_ms) = (self.o, now_ms());
        if !o.engine.keeps {
            o.engine.deliver(o.name, asked).map_err(Failed::new)?;
            self.prepared = Some(Prepared { op: None, arrival: self.arrival(change, at_ms).0 });
            return Ok(());
        }
        let emits = self.emits(&asked, at_ms).map_err(Failed::new)?;
        let (arrival, failure) = self.arrival(change, at_ms);
        let op = match &arrival {
            Arrival::Step { index, seq, attempt, stays, wait, .. } => {
                self.place.weigh(self.state.event_weight + context.len() as u64);
                Op::from(Advance {
                    id: self.state.id,
                    revision: self.state.revision + 1,
                    step: o.steps[*index].name.into(),
                    steps_hash: o.steps_hash,
                    version: o.version,
                    seq: *seq,
                    attempt: *attempt,
                    context,
                    event: None,
                    wait: wait.clone(),
                    stays: *stays,
                    failure,
                    consumed: self.consumed().filter(|_| !stays),
                    emits,
                    work: asked.work,
                    at_ms,
                })
            }
            Arrival::End { outcome, .. } => Op::from(Resolve {
                id: self.state.id,
                revision: self.state.revision + 1,
                emits,
                work: asked.work,
                history: self.history(*outcome, at_ms),
            }),
        };
        let op = Arc::new(op);
        let emitting = o.engine.emitting(&op);
        self.prepared = Some(Prepared { op: Some((op, emitting)), arrival });
        Ok(())
    }

    fn arrival(&self, change: Change, at_ms: i64) -> (Arrival, Option<StepFailure>) {
        match change {
            Change::Comes(Next { index, seq, attempt, wait, failure }) => {
                let stays = index == self.state.index && seq == self.state.seq;
                (Arrival::Step { index, seq, attempt, stays, wait, at_ms }, failure)
            }
            Change::Ends(outcome, why) => (Arrival::End { outcome, why }, None),
        }
    }

    /// Makes durable what was prepared, and goes where it leads.
    ///
    /// Small, because every step waits in it: whatever else may come is in boxes.
    async fn make_durable(&mut self) -> Then {
        if let Some(committed) = self.submitted()
            && let Err(error) = committed.await
            && let Some(then) = Box::pin(self.repeat_prepared(error)).await
        {
            return then;
        }
        match self.arrive() {
            Ok(then) => then,
            Err(wait) => Box::pin(self.wait_here(wait)).await,
        }
    }

    /// Queues what was prepared, where there is a store.
    fn submitted(&self) -> Option<Committed> {
        let (op, _) = self.prepared.as_ref()?.op.as_ref()?;
        Some(self.o.engine.share(op))
    }

    async fn repeat_prepared(&mut self, error: StoreError) -> Option<Then> {
        let op = self.prepared.as_ref().and_then(|prepared| Some(prepared.op.as_ref()?.0.clone()))?;
        let instead = self.repeat(error, &op).await;
        if instead.is_some() {
            self.prepared = None;
        }
        instead
    }

    /// Goes where the change leads that is durable now; answers what is to be waited for in memory, if nothing is stored.
    fn arrive(&mut self) -> Result<Then, Wait> {
        let Some(Prepared { op, arrival }) = self.prepared.take() else { return Ok(OVER) };
        if let Some((op, emitting)) = op {
            self.o.engine.emitted(&op, emitting);
        }
        Ok(match arrival {
            Arrival::Step { index, seq, attempt, stays, wait, at_ms } => {
                self.state.revision += 1;
                (self.state.index, self.state.seq) = (index, seq);
                (self.state.attempt, self.state.may_have_run) = (attempt + 1, stays);
                if !stays {
                    (self.state.signal, self.state.payload) = (None, None);
                }
                match wait {
                    None => Then::Step,
                    // A signal may be there already, so whoever wakes workflows looks at once.
                    Some(wait) if self.o.engine.keeps => {
                        Then::Leave(Left::Rests(if wait.signal.is_some() { at_ms } else { wait.until_ms }))
                    }
                    Some(wait) => return Err(wait),
                }
            }
            Arrival::End { outcome, why } => {
                self.ended(outcome, why);
                OVER
            }
        })
    }

    /// The signal that is used up by a step that is left behind.
    fn consumed(&self) -> Option<Cow<'static, str>> {
        self.state.signal.clone().filter(|_| self.state.payload.is_some()).map(Into::into)
    }

    /// Waits in memory, because nothing is stored; somebody else may have the place meanwhile.
    async fn wait_here(&mut self, wait: Wait) -> Then {
        self.activity.pause();
        self.place.give_back();
        let payload = self.o.engine.mailbox.wait(self.state.id, &wait).await;
        if let Some(signal) = wait.signal {
            (self.state.signal, self.state.payload) = (Some(signal.into_owned()), payload);
        }
        self.place.take_again().await;
        Then::Step
    }

    /// What became of a failed attempt.
    async fn failed(&mut self, failed: Failed) -> Then {
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
        let next = Next { failure: Some(failure), ..self.next(index, None) };
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

    /// Its row is gone.
    fn ended(&self, outcome: Ending, why: Option<String>) {
        let o = self.o;
        let (id, step) = (self.state.id, self.step_name());
        match outcome {
            Ending::Succeeded => {
                debug!(workflow = %id, orchestration = &*o.id, "workflow succeeded");
                self.count(End::Succeeded);
            }
            Ending::Aborted => {
                let why = why.or_else(|| self.state.failure.as_ref().map(|it| it.error.join(": ")));
                info!(workflow = %id, orchestration = &*o.id, component = o.name, step, why, "workflow aborted");
                self.count(End::Aborted);
            }
            Ending::Failed => {
                warn!(workflow = %id, orchestration = &*o.id, component = o.name, step, "workflow failed, and that was dealt with");
                self.count(End::Failed);
            }
        }
    }

    fn history(&mut self, outcome: Ending, ended_ms: i64) -> Option<Ended> {
        if self.o.history.is_none() {
            return None;
        }
        Some(Ended {
            id: self.state.id,
            orchestration: self.o.id.clone(),
            outcome,
            step: self.step_name().to_owned(),
            seq: self.state.seq,
            revision: self.state.revision + 1,
            created_ms: self.state.created_ms,
            ended_ms,
            failures: self.state.failures.clone(),
        })
    }

    /// Sets the workflow aside with its error; it keeps the step and the context from before it.
    async fn give_up(&mut self, failed: Failed) -> Then {
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

    /// Repeats `op` until it is durable; otherwise says what comes instead.
    async fn repeat(&mut self, error: StoreError, op: &Arc<Op>) -> Option<Then> {
        let o = self.o;
        match o.engine.retry(error, op, o.stopping.cancelled()).await {
            Ok(_) => None,
            Err(NotDurable::Stopping(error)) => Some(self.stay(error)),
            // Boxed, because it leads back here.
            Err(NotDurable::Rejected(error)) if error.is_work_failed() => {
                let error = Error::new(error).context("what the step handed over to its checkpoint failed");
                Some(Box::pin(self.failed(Failed::new(error))).await)
            }
            Err(NotDurable::Rejected(error)) => {
                let error = Error::new(error).context("the checkpoint was rejected");
                Some(Box::pin(self.give_up(Failed::new(error))).await)
            }
        }
    }

    /// The admissions of what the step has emitted, where there is a store for them.
    fn emits(&self, asked: &Asked, at_ms: i64) -> Result<Vec<Admit>> {
        if !self.o.engine.keeps {
            return Ok(Vec::new());
        }
        asked.emits.iter().map(|emission| self.o.engine.admission(self.o.name, emission, at_ms)).collect()
    }

    fn failure(&self, failed: &Failed, at_ms: i64) -> StepFailure {
        let failure = StepFailure::new(self.step_name(), self.state.attempt, at_ms, failed.error.chain());
        failure.of_kind(failed.kind)
    }

    /// Leaves the workflow stored as it was before its last step, which could not be recorded.
    fn stay(&self, error: StoreError) -> Then {
        self.o.count_parked();
        self.o.count_undurable(error);
        OVER
    }

    /// It has ended, durably.
    fn count(&self, end: End) {
        self.o.ended(self.activity, end, self.began.elapsed());
        // Where nothing is kept, nobody can let it go on.
        if end != End::Quarantined || !self.o.engine.keeps || !self.o.lanes.holds() {
            self.leave_lane();
        }
    }

    /// Lets the next one of its lane have its turn.
    fn leave_lane(&self) {
        if let Some(lane) = &self.state.lane {
            self.o.lanes.leave(lane, self.state.id);
        }
    }

    fn step_name(&self) -> &'static str {
        self.o.steps[self.state.index].name
    }
}

/// Waits until there is a minion; nothing if workflows should stay where they are before that.
///
/// Apart from [`Run::turn`], which hardly ever has to wait, so that no step pays for listening to a stop.
async fn seat_for(o: &Orchestration) -> Option<Taken<'_>> {
    tokio::select! {
        biased;
        () = o.parked() => None,
        seat = o.seat.take() => Some(seat),
    }
}

/// The time of day after `time`, in milliseconds since the Unix epoch.
fn in_ms(time: Duration) -> i64 {
    // Rounded up: never earlier than asked for.
    let millis = i64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX);
    now_ms().saturating_add(millis)
}

fn cause(error: &Error) -> &(dyn std::error::Error + 'static) {
    error.as_std()
}

/// The context as it is stored.
fn encode(state: &Start) -> Result<Vec<u8>> {
    state.encode_context().map_err(|error| error.context("the context cannot be stored"))
}

fn jumped_nowhere() -> Error {
    Error::new("the step went to a function that is no step of this minion; write `Flow::to(Self::step)`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size<'a, F: Future>(
        _: impl FnOnce(&'a Arc<Orchestration>, &'a mut Place, Box<Start>, &'a Arc<Activity>) -> F,
    ) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_workflow_that_runs_a_step_is_small() {
        // Beyond a thousand bytes an allocator takes a slower path for the task, and in flight there are many.
        let size = size(drive);
        assert!(size <= 600, "the future of a workflow takes {size} bytes; box what is not there in most of its life");
    }
}
