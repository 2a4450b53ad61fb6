//! What the answer of a step makes of its workflow: the change, the operation that stores it, and where it leads.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use tracing::{debug, info, warn};

use crate::clock::now_ms;
use crate::error::{Error, Result};
use crate::minion::Flow;
use crate::store::{Admit, Advance, Ended, FailureKind, Op, Outcome as Ending, Resolve, StepFailure, Wait};
use crate::telemetry::handles::End;
use crate::workflow::attempt::Failed;
use crate::workflow::pending::Asked;
use crate::workflow::routes::Emitting;

use super::{Left, OVER, Run, Then};

/// What becomes of a workflow.
pub(super) enum Change {
    /// It comes to a step.
    Comes(Next),
    /// It ends, with the reason if a step gave one.
    Ends(Ending, Option<String>),
}

/// The step that a checkpoint leads to.
pub(super) struct Next {
    pub(super) index: usize,
    pub(super) seq: u32,
    /// The number of the last failed attempt at it.
    pub(super) attempt: u32,
    pub(super) wait: Option<Wait>,
    /// Why it is next, if a failure is why. In a box, because it hardly ever is.
    pub(super) failure: Option<Box<StepFailure>>,
}

/// A change that is about to be durable.
pub(super) struct Prepared {
    change: Change,
    at_ms: i64,
    /// What stores it, where there is a store.
    pub(super) stored: Option<(Arc<Op>, Emitting)>,
}

impl Run<'_> {
    /// What the answer of a step means for the workflow.
    pub(super) fn change(&mut self, flow: Flow) -> Result<Change, Failed> {
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

    pub(super) fn next(&self, index: usize, wait: Option<Wait>) -> Next {
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
        Change::Comes(Next { failure: Some(Box::new(failure)), ..self.next(index, None) })
    }

    /// Makes of a change what is to be stored, with the context as it is.
    pub(super) fn prepare(&mut self, change: Change, asked: Asked) -> Result<(), Failed> {
        let context = match change {
            Change::Comes(_) if self.o.engine.keeps => {
                let context = self.state.encode_context();
                context.map_err(|error| Failed::new(error.context("the context cannot be stored")))?
            }
            _ => Vec::new(),
        };
        self.prepare_with(change, context, asked)
    }

    pub(super) fn prepare_with(&mut self, mut change: Change, context: Vec<u8>, asked: Asked) -> Result<(), Failed> {
        let (o, at_ms) = (self.o, now_ms());
        let stored = if o.engine.keeps {
            let op = Arc::new(self.store(&mut change, context, asked, at_ms).map_err(Failed::new)?);
            let emitting = o.engine.emitting(&op);
            Some((op, emitting))
        } else {
            o.engine.deliver(o.name, asked).map_err(Failed::new)?;
            None
        };
        self.prepared = Some(Prepared { change, at_ms, stored });
        Ok(())
    }

    /// The operation that stores a change, whose failure it takes.
    fn store(&mut self, change: &mut Change, context: Vec<u8>, asked: Asked, at_ms: i64) -> Result<Op> {
        let (o, id, revision) = (self.o, self.state.id, self.state.revision + 1);
        let emits = self.emits(&asked, at_ms)?;
        let next = match change {
            Change::Comes(next) => next,
            Change::Ends(outcome, _) => {
                let history = self.history(*outcome, at_ms);
                return Ok(Resolve { id, revision, emits, work: asked.work, history }.into());
            }
        };
        self.place.weigh(self.state.event_weight + context.len() as u64);
        let stays = self.stays(next);
        Ok(Advance {
            id,
            revision,
            step: o.steps[next.index].name.into(),
            steps_hash: o.steps_hash,
            version: o.version,
            seq: next.seq,
            attempt: next.attempt,
            context,
            event: None,
            wait: next.wait.clone(),
            stays,
            failure: next.failure.take().map(|failure| *failure),
            consumed: self.consumed().filter(|_| !stays),
            emits,
            work: asked.work,
            at_ms,
        }
        .into())
    }

    /// Whether the next step is the one that it is at, and the visit the same.
    fn stays(&self, next: &Next) -> bool {
        next.index == self.state.index && next.seq == self.state.seq
    }

    /// Goes where the change leads that is durable now; answers what is to be waited for in memory, if nothing is stored.
    pub(super) fn arrive(&mut self) -> Result<Then, Wait> {
        let Prepared { change, at_ms, stored } = self.prepared.take().expect("only what was prepared is made durable");
        if let Some((op, emitting)) = stored {
            self.o.engine.emitted(&op, emitting);
        }
        let next = match change {
            Change::Comes(next) => next,
            Change::Ends(outcome, why) => {
                self.ended(outcome, why);
                return Ok(OVER);
            }
        };
        let stays = self.stays(&next);
        self.state.revision += 1;
        (self.state.index, self.state.seq) = (next.index, next.seq);
        (self.state.attempt, self.state.may_have_run) = (next.attempt + 1, stays);
        if !stays {
            (self.state.signal, self.state.payload) = (None, None);
        }
        match next.wait {
            None => Ok(Then::Step),
            // A signal may be there already, so whoever wakes workflows looks at once.
            Some(wait) if self.o.engine.keeps => {
                Ok(Then::Leave(Left::Rests(if wait.signal.is_some() { at_ms } else { wait.until_ms })))
            }
            Some(wait) => Err(wait),
        }
    }

    /// The signal that is used up by a step that is left behind.
    fn consumed(&self) -> Option<Cow<'static, str>> {
        self.state.signal.clone().filter(|_| self.state.payload.is_some()).map(Into::into)
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

    /// The admissions of what the step has emitted.
    fn emits(&self, asked: &Asked, at_ms: i64) -> Result<Vec<Admit>> {
        asked.emits.iter().map(|emission| self.o.engine.admission(self.o.name, emission, at_ms)).collect()
    }
}

/// The time of day after `time`, in milliseconds since the Unix epoch.
pub(super) fn in_ms(time: Duration) -> i64 {
    // Rounded up: never earlier than asked for.
    let millis = i64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX);
    now_ms().saturating_add(millis)
}

fn jumped_nowhere() -> Error {
    Error::new("the step went to a function that is no step of this minion; write `Flow::to(Self::step)`")
}
