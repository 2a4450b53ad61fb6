//! Moves one workflow from step to step, with a durable checkpoint before each.
//!
//! What is not durable has not happened: when a step has failed, or what it came to cannot be stored, the workflow is as
//! its row is. So a workflow that has to wait is not kept: its row says until when, and [`waker`](super::waker) loads it
//! again. Only without a store does it wait where it is.

use std::sync::Arc;
use std::time::Instant;

use futures_util::future::BoxFuture;

use crate::error::Error;
use crate::store::{Op, StoreError, Wait};
use crate::telemetry::activity::Activity;
use crate::telemetry::handles::End;

mod change;
mod failed;

use change::Prepared;

use super::attempt::{Failed, Outcome, attempt};
use super::engine::NotDurable;
use super::orchestration::{Orchestration, Start};
use super::places::Place;
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

    /// Makes durable what was prepared, and goes where it leads.
    ///
    /// Small, because every step waits in it: whatever else may come is in boxes.
    async fn make_durable(&mut self) -> Then {
        if let Some(committed) = self.operation().map(|op| self.o.engine.share(op))
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

    /// What makes durable what was prepared, where there is a store.
    fn operation(&self) -> Option<&Arc<Op>> {
        let (op, _) = self.prepared.as_ref()?.stored.as_ref()?;
        Some(op)
    }

    async fn repeat_prepared(&mut self, error: StoreError) -> Option<Then> {
        let op = self.operation()?.clone();
        self.repeat(error, &op).await
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
