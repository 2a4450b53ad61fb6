//! Waits until events are durable, one after the other, then tells their source and wakes their workflows.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::sync::mpsc;
use tracing::{error, warn};

use crate::error::Error;
use crate::fair::Turns;
use crate::store::{Applied, Op, StoreError};
use crate::workflow::{NotDurable, Orchestration, Place, Start};

use super::admission::{Admission, Answer};
use super::drive::Source;
use super::{Admitted, Refused};

/// The admissions of one pipeline, in the order in which its source gave the events.
pub(super) struct Admitter {
    source: Arc<Source>,
    queue: mpsc::UnboundedReceiver<Admission>,
    /// Taken out of the queue before their turn.
    behind: VecDeque<Admission>,
}

impl Admitter {
    pub(super) fn new(source: Arc<Source>, queue: mpsc::UnboundedReceiver<Admission>) -> Self {
        Self { source, queue, behind: VecDeque::new() }
    }

    /// Goes on until the producer is gone and everything is settled.
    pub(super) async fn run(mut self) {
        let mut turns = Turns::default();
        while let Some(mut admission) = self.next().await {
            turns.next().await;
            let verdict = self.verdict(&mut admission).await;
            let is_new = matches!(verdict, Ok(Admitted::New));
            admission.settle(verdict);
            if is_new {
                for offer in std::mem::take(&mut admission.offers) {
                    let (waits, orchestration) = (offer.waits(), &offer.taker.orchestration);
                    match offer.start {
                        Some(start) if waits => orchestration.wait_in_lane(start),
                        Some(start) => {
                            if let Some(lane) = &start.lane {
                                orchestration.lanes.is_stored(lane, start.id);
                            }
                            wake(orchestration, start, offer.place).await;
                        }
                        None => {}
                    }
                }
            }
        }
    }

    async fn next(&mut self) -> Option<Admission> {
        match self.behind.pop_front() {
            Some(admission) => Some(admission),
            None => self.queue.recv().await,
        }
    }

    async fn verdict(&mut self, admission: &mut Admission) -> Result<Admitted, Refused> {
        let stored = match admission.op.take() {
            Some((answer, op)) => self.durable(admission, answer, &op).await,
            None => Ok(Applied::Done),
        };
        match stored {
            Ok(applied) => {
                admission.has_moved();
                admission.verdict(applied)
            }
            Err(NotDurable::Rejected(cause)) => {
                error!(error = &cause as &dyn std::error::Error, "an event could not be stored and is refused");
                if let Some(op) = admission.skip() {
                    self.skip(admission, op).await;
                }
                Err(Refused::invalid(Error::new(cause)))
            }
            Err(NotDurable::Stopping(cause)) => {
                let why = &cause as &dyn std::error::Error;
                error!(error = why, "an event could not be stored before the stop and is refused");
                if admission.moved.is_some() {
                    self.source.broken.because(&cause);
                }
                Err(Refused::Undurable(cause))
            }
        }
    }

    /// Moves the cursor past an event that the store rejects, or nothing behind it could ever be stored.
    async fn skip(&mut self, admission: &mut Admission, op: Op) {
        let op = Arc::new(op);
        let committed = self.source.engine.share(&op);
        match self.durable(admission, Answer::Awaited(committed), &op).await {
            Ok(_) => admission.has_moved(),
            Err(NotDurable::Rejected(cause) | NotDurable::Stopping(cause)) => self.source.broken.because(&cause),
        }
    }

    /// Waits until an operation is durable, however long the store fails, unless everyone whom it is for is stopped.
    async fn durable(&mut self, admission: &Admission, answer: Answer, op: &Arc<Op>) -> Result<Applied, NotDurable> {
        let engine = self.source.engine.clone();
        let mut first = match answer {
            Answer::Awaited(committed) => committed.await,
            Answer::Known(answer) => answer,
        };
        let numbered = admission.moved.is_some();
        if numbered && first.as_ref().is_err_and(|error| !error.is_rejected()) {
            // Perhaps it only came too early: what is before it is settled by now.
            first = engine.share(op).await;
        }
        match first {
            Ok(applied) => Ok(applied),
            Err(error) => {
                let answer = engine.retry(error, op, self.hopeless(admission, numbered)).await;
                self.hand_over_again();
                answer
            }
        }
    }

    /// Waits until nobody is left to store an event for, or the events before it were given up.
    async fn hopeless(&self, admission: &Admission, numbered: bool) {
        let stopping = async {
            if admission.offers.is_empty() {
                self.source.stop.cancelled().await;
            } else {
                let offers = admission.offers.iter();
                join_all(offers.map(|offer| offer.taker.orchestration.stopping.cancelled())).await;
            }
        };
        tokio::select! {
            () = stopping => {}
            () = self.source.broken.broken(), if numbered => {}
        }
    }

    /// Whatever failed together with an event that is stored by now is queued once more, all at once: one after the other
    /// would take as many writes.
    fn hand_over_again(&mut self) {
        while let Ok(admission) = self.queue.try_recv() {
            self.behind.push_back(admission);
        }
        for admission in &mut self.behind {
            let Some((answer, op)) = &mut admission.op else { continue };
            if let Answer::Awaited(committed) = answer
                && let Some(answered) = committed.now_or_never()
            {
                *answer = Answer::Known(answered);
            }
            if matches!(answer, Answer::Known(Err(error)) if !error.is_rejected()) {
                *answer = Answer::Awaited(self.source.engine.share(op));
            }
        }
    }
}

/// Says that the events of an instance were given up: what comes after them must not be stored, and the instance has to
/// begin again where they did.
#[derive(Default)]
pub(crate) struct Broken {
    cause: std::sync::OnceLock<StoreError>,
    token: tokio_util::sync::CancellationToken,
}

impl Broken {
    fn because(&self, cause: &StoreError) {
        if self.cause.set(cause.clone()).is_ok() {
            warn!(error = cause as &dyn std::error::Error, "the pipeline begins again where its cursor is");
        }
        self.token.cancel();
    }

    pub(super) async fn broken(&self) {
        self.token.cancelled().await;
    }

    /// Why, if it is.
    pub(super) fn cause(&self) -> Option<Error> {
        let cause = self.cause.get()?;
        Some(Error::new(cause.clone()).context("what it gave could not be stored"))
    }
}

async fn wake(subscriber: &Arc<Orchestration>, start: Box<Start>, place: Option<Place>) {
    let place = match place {
        Some(place) if !subscriber.parks() => place,
        _ => tokio::select! {
            biased;
            () = subscriber.parked() => {
                subscriber.count_parked();
                return;
            }
            // The pipeline was stopped while it waited for room, and workflows run on: this one as well.
            place = subscriber.room() => place,
        },
    };
    subscriber.metrics.started.increment(1);
    subscriber.spawn(start, place);
}
