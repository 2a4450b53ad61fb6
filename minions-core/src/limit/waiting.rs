//! A call that waits for its turn.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::reason::Reason;
use crate::telemetry::activity::{Entered, Frames, Standing, Waits};

use super::limiter::{Permit, Shared};
use super::scheduler::{Refusal, Spot, Ticket};
use super::{Outcome, Rejected, Why};

/// What a call that waits and its limiter know of each other. Locked after the state of the limiter, never before it.
pub(super) struct Seat {
    shared: Arc<Shared>,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    spot: Option<Spot>,
    waker: Option<Waker>,
    /// Until when it looks at the clock for everybody.
    watch: Option<Instant>,
    answer: Option<Result<Ticket, Refusal>>,
}

impl Seat {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, told: Mutex::default() }
    }

    /// Gives the call its turn, or tells it that it has none.
    pub(super) fn answer(&self, answer: Result<Ticket, Refusal>) -> Option<Waker> {
        let mut told = self.told.lock();
        (told.answer, told.watch) = (Some(answer), None);
        told.waker.take()
    }

    /// Lets the call look at the clock, or no more.
    pub(super) fn watch(&self, until: Option<Instant>) -> Option<Waker> {
        let mut told = self.told.lock();
        told.watch = until;
        until.and(told.waker.take())
    }
}

impl Waits for Seat {
    fn reason(&self) -> Option<Reason> {
        let spot = self.told.lock().spot?;
        let (key, ahead) = self.shared.look(|scheduler, _| scheduler.ahead(spot))?;
        let key = Some(key).filter(|_| self.shared.limit.keyed);
        Some(Reason::Limit { limit: self.shared.name.clone(), key, ahead })
    }
}

/// Waits until its turn has come, or for as long as it may.
///
/// # Cancel safety
///
/// Safe: dropped, it leaves the queue, and gives back what it was given but has not taken.
pub(super) struct Waiting {
    seat: Arc<Seat>,
    spot: Spot,
    began: Instant,
    /// Until when it waits, and nothing if for ever.
    until: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
    /// The step's clock stands while it lives.
    entered: Option<Entered>,
    standing: Option<Standing>,
    is_over: bool,
}

impl Waiting {
    pub(super) fn new(
        seat: Arc<Seat>,
        spot: Spot,
        now: u64,
        patience: Option<Duration>,
        standing: Option<Standing>,
    ) -> Self {
        seat.told.lock().spot = Some(spot);
        let began = seat.shared.instant(now);
        seat.shared.metrics.waiting.increment(1.0);
        let entered = standing.as_ref().and_then(|standing| standing.enter(Frames::Waits(seat.clone()), began));
        let until = patience.and_then(|patience| began.checked_add(patience));
        Self { seat, spot, began, until, sleep: None, entered, standing, is_over: false }
    }

    /// What it was given, and when to look again if that is nothing.
    fn look(&self, waker: &Waker) -> Result<Result<Ticket, Refusal>, Option<Instant>> {
        let mut told = self.seat.told.lock();
        match told.answer.take() {
            Some(answer) => Ok(answer),
            None => {
                told.waker = Some(waker.clone());
                Err(told.watch.into_iter().chain(self.until).min())
            }
        }
    }

    fn ends(&mut self, answer: Result<Ticket, Refusal>) -> Result<Permit, Rejected> {
        let shared = &self.seat.shared;
        self.is_over = true;
        self.entered = None;
        shared.metrics.waiting.decrement(1.0);
        shared.metrics.waited.record(self.began.elapsed());
        let ticket = answer.map_err(|refusal| shared.rejected(refusal))?;
        shared.metrics.held.increment(1.0);
        Ok(Permit::new(shared.clone(), ticket, self.standing.clone()))
    }

    /// Leaves the queue; answers why, unless it was its turn at the last moment.
    fn give_up(&self) -> Option<Refusal> {
        self.seat.shared.with(|state, now| {
            let after = state.scheduler.expects(now, self.spot);
            state.scheduler.leave(self.spot).then_some(Refusal { why: Why::MaxWait, after })
        })
    }
}

impl Future for Waiting {
    type Output = Result<Permit, Rejected>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let at = match self.look(cx.waker()) {
                Ok(answer) => return Poll::Ready(self.ends(answer)),
                Err(None) => return Poll::Pending,
                Err(Some(at)) => at,
            };
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(at)));
            if sleep.deadline() != at {
                sleep.as_mut().reset(at);
            }
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if self.until.is_some_and(|until| until <= at) {
                if let Some(refusal) = self.give_up() {
                    return Poll::Ready(self.ends(Err(refusal)));
                }
            } else {
                // Somebody's turn has come, if not its own.
                self.seat.shared.with(|_, _| ());
            }
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let shared = &self.seat.shared;
        shared.metrics.waiting.decrement(1.0);
        if shared.with(|state, _| state.scheduler.leave(self.spot)) {
            return;
        }
        let answer = self.seat.told.lock().answer.take();
        if let Some(Ok(ticket)) = answer {
            // It was never seen by anyone, so it has never been counted as held.
            shared.metrics.held.increment(1.0);
            shared.end(ticket, Outcome::Unknown);
        }
    }
}
