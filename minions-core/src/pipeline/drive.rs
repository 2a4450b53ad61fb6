//! Runs a pipeline: takes its events one by one and admits each to every minion that reacts to it.
//!
//! Two tasks share the work. The *producer* asks for an event, queues its admission and takes a place for each of its
//! workflows; the *admitter* waits until the admission is durable and wakes the workflows. So a pipeline does not wait for
//! the disk between two events, and yet no workflow runs before its first checkpoint is durable.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, error, error_span, warn};

use crate::backoff::Backoff;
use crate::clock::now_ms;
use crate::error::{Error, Result};
use crate::fair::Turns;
use crate::panics::{catch, contain_sync, presentable};
use crate::store::{Admit, Applied, Committed, Op};
use crate::telemetry::caller::CallerId;
use crate::telemetry::handles::PipelineMetrics;
use crate::workflow::{Engine, NotDurable, Orchestration, Start};

use super::stats::Stats;
use super::subscribers::{Feed, Subscribers, Taker};
use super::{ErasedPipeline, Item, Next};

/// A pipeline that has started up, without its value: who it is, and whom it feeds.
pub(crate) struct Source {
    pub(crate) id: Arc<str>,
    pub(crate) name: &'static str,
    pub(crate) idle: Duration,
    pub(crate) subscribers: Arc<Subscribers>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) engine: Arc<Engine>,
    pub(crate) caller: CallerId,
    /// Requested when this instance is to produce no more.
    pub(crate) stop: CancellationToken,
}

/// Why a pipeline produces no more.
#[derive(Debug)]
pub(crate) enum Silence {
    Stopped,
    /// The source has ended.
    Ended,
    /// `next` panicked, and may have left its value half changed.
    Panicked(Error),
}

/// One event on its way to durability.
struct Admission {
    /// The operation under way, and itself in case it has to be repeated; nothing without a store that keeps anything.
    committed: Option<(Committed, Op)>,
    /// One workflow for each subscriber, with its place once there is one.
    workflows: Vec<(Taker, Start, Option<OwnedSemaphorePermit>)>,
}

/// Produces until the source ends, and everything produced is admitted, or until it panics or is stopped.
///
/// Gives the instance back for its shutdown.
pub(crate) async fn drive(source: Source, mut instance: Box<dyn ErasedPipeline>) -> (Box<dyn ErasedPipeline>, Silence) {
    let span = error_span!("pipeline", component = source.name, pipeline = &*source.id);
    // Bounded by the places of the subscribers: every admission in it holds one of each.
    let (admissions, queue) = mpsc::unbounded_channel();
    let metrics = PipelineMetrics::register(&source.id);
    let admitter = admit_all(source.engine.clone(), metrics.refused.clone(), queue);
    let admitter = tokio::spawn(admitter.instrument(span.clone()));
    let silence = {
        let _idle = Idle(&source.subscribers);
        let feed = source.subscribers.watch();
        let mut producer = Producer { source: &source, feed, metrics: &metrics, admissions };
        producer.run(&mut *instance).instrument(span).await
    };
    let pipeline = source.id.clone();
    let admitted = async move {
        if let Err(error) = admitter.await {
            error!(pipeline = &*pipeline, %error, "the admission of events broke down");
        }
    };
    // A task of its own: the instance is shut down whatever the store does, and whoever takes the events waits for them.
    let mut admitted = tokio::spawn(admitted);
    if let Silence::Ended = silence {
        tokio::select! {
            _ = &mut admitted => {}
            () = source.stop.cancelled() => return (instance, Silence::Stopped),
        }
    }
    (instance, silence)
}

/// However the producer ends, it is out of `next`.
struct Idle<'a>(&'a Subscribers);

impl Drop for Idle<'_> {
    fn drop(&mut self) {
        self.0.set_idle(true);
    }
}

struct Producer<'a> {
    source: &'a Source,
    feed: watch::Receiver<Feed>,
    metrics: &'a PipelineMetrics,
    admissions: mpsc::UnboundedSender<Admission>,
}

/// How one call of `next` went.
enum Called {
    Answered(Result<Next<Item>>),
    Panicked(String),
    /// It was let go.
    Halted,
    Stopped,
}

impl Producer<'_> {
    async fn run(&mut self, instance: &mut dyn ErasedPipeline) -> Silence {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(30));
        let mut turns = Turns::default();
        tokio::select! {
            // After deaths of the process, what may have caused them runs alone first.
            () = self.source.engine.recovery.over() => {}
            () = self.source.stop.cancelled() => return Silence::Stopped,
        }
        loop {
            // A source that is always ready must not keep its thread for itself.
            turns.next().await;
            if !self.gate().await {
                return Silence::Stopped;
            }
            let pause = match self.call(instance).await {
                Called::Stopped => return Silence::Stopped,
                Called::Halted => continue,
                Called::Panicked(panic) => {
                    self.metrics.errors.increment(1);
                    return Silence::Panicked(Error::new(panic));
                }
                Called::Answered(Ok(next)) => {
                    backoff.reset();
                    self.source.stats.works();
                    match next {
                        Next::Event(item) => {
                            self.event(&item).await;
                            continue;
                        }
                        Next::Idle => self.source.idle,
                        Next::IdleFor(pause) => pause,
                        Next::End => {
                            debug!("the source has ended");
                            return Silence::Ended;
                        }
                    }
                }
                Called::Answered(Err(error)) => {
                    self.metrics.errors.increment(1);
                    self.source.stats.failure(&error);
                    let pause = backoff.next();
                    let cause: &dyn std::error::Error = error.as_std();
                    warn!(error = cause, again_in = ?pause, "next failed");
                    pause
                }
            };
            // Nothing is in hand, so nobody who leaves has to wait for the end of the pause.
            self.source.subscribers.set_idle(true);
            tokio::select! {
                () = self.source.stop.cancelled() => return Silence::Stopped,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Waits until events may be taken and every subscriber has room; false if the pipeline is stopped before.
    async fn gate(&mut self) -> bool {
        let mut waiting = Waiting::no(&self.metrics.waiting);
        loop {
            if self.source.stop.is_cancelled() {
                return false;
            }
            let feed = self.feed.borrow_and_update().clone();
            let stop = self.source.stop.cancelled();
            if !feed.flows() {
                self.source.subscribers.set_idle(true);
                tokio::select! {
                    () = stop => return false,
                    // The sender lives as long as the source.
                    _ = self.feed.changed() => {}
                }
                continue;
            }
            let Some(full) = feed.list.iter().find(|subscriber| subscriber.why_full().is_some()) else { return true };
            waiting.yes();
            tokio::select! {
                () = full.opens() => {}
                _ = self.feed.changed() => {}
                () = stop => return false,
            }
        }
    }

    /// Calls `next` and stays with it while the pipeline is paused.
    async fn call(&mut self, instance: &mut dyn ErasedPipeline) -> Called {
        self.source.subscribers.set_idle(false);
        let mut next = std::pin::pin!(self.source.caller.scope(catch(instance.next())));
        loop {
            let feed = self.feed.borrow_and_update().clone();
            if feed.halted || feed.list.is_empty() {
                return Called::Halted;
            }
            tokio::select! {
                biased;
                () = self.source.stop.cancelled() => return Called::Stopped,
                _ = self.feed.changed() => {}
                answer = &mut next, if !feed.paused => return match answer {
                    Ok(answer) => Called::Answered(answer.map_err(presentable)),
                    Err(panic) => Called::Panicked(panic),
                },
            }
        }
    }

    /// Admits one event to everyone who is there; waits for somebody if nobody is.
    async fn event(&mut self, item: &Item) {
        self.metrics.produced.increment(1);
        self.source.stats.event();
        let mut takers = self.source.subscribers.takers();
        while takers.is_empty() {
            // The last one was taken out by force while `next` held its thread: the event waits for the next one.
            tokio::select! {
                () = self.source.stop.cancelled() => {
                    error!("an event came after everyone who takes it had been stopped, and is gone");
                    self.metrics.refused.increment(1);
                    return;
                }
                _ = self.feed.changed() => takers = self.source.subscribers.takers(),
            }
        }
        match begin(&self.source.engine, takers, item) {
            Ok(admission) => self.take_places(admission).await,
            Err(error) => {
                self.metrics.refused.increment(1);
                let cause: &dyn std::error::Error = error.as_std();
                error!(error = cause, "an event cannot be stored and is refused");
            }
        }
    }

    /// Takes a place for each workflow, which is what holds a fast source back; then hands the admission over.
    async fn take_places(&self, mut admission: Admission) {
        self.metrics.fanned_out.increment(admission.workflows.len() as u64);
        for (taker, _, place) in &mut admission.workflows {
            // On a stop the event is in hand already: it is admitted all the same, and its workflows stay stored.
            tokio::select! {
                biased;
                taken = taker.orchestration.room() => *place = Some(taken),
                () = taker.orchestration.stopping.cancelled() => {}
                () = self.source.stop.cancelled() => {}
            }
        }
        // The admitter ends only after this sender is gone.
        let _ = self.admissions.send(admission);
    }
}

/// Makes the workflows of one event and queues their admission.
fn begin(engine: &Engine, takers: Vec<Taker>, item: &Item) -> Result<Admission> {
    // A user's `Default` or `Serialize` may panic as well as fail.
    contain_sync(|| {
        let workflows = takers.into_iter().map(|taker| {
            let seat = &taker.orchestration.seat;
            let instance = seat.instance();
            let loaded = seat.minion().begin(item.event.clone())?;
            let id = engine.ids.next();
            Ok((taker, Start::new(id, loaded, instance, now_ms()), None))
        });
        let workflows: Vec<_> = workflows.collect::<Result<_>>()?;
        if !engine.keeps {
            return Ok(Admission { committed: None, workflows });
        }
        let create = workflows.iter().map(|(taker, start, _)| taker.orchestration.row(start)).collect::<Result<_>>()?;
        let op = Op::from(Admit { event: item.encode()?.into(), create, at_ms: now_ms(), cursor: None, dedupe: None });
        Ok(Admission { committed: Some((engine.submit(op.clone()), op)), workflows })
    })
}

async fn admit_all(engine: Arc<Engine>, refused: metrics::Counter, mut queue: mpsc::UnboundedReceiver<Admission>) {
    let mut turns = Turns::default();
    while let Some(admission) = queue.recv().await {
        turns.next().await;
        let durable = match admission.committed {
            Some((committed, op)) => {
                let stop =
                    || join_all(admission.workflows.iter().map(|(taker, ..)| taker.orchestration.stopping.cancelled()));
                engine.settle(committed, || op.clone(), || async { drop(stop().await) }).await
            }
            None => Ok(Applied::Done),
        };
        if let Err(NotDurable::Rejected(cause) | NotDurable::Stopping(cause)) = durable {
            refused.increment(1);
            let cause: &dyn std::error::Error = &cause;
            error!(error = cause, "an event could not be stored and is refused");
            continue;
        }
        for (taker, start, place) in admission.workflows {
            wake(&taker.orchestration, start, place).await;
        }
    }
}

async fn wake(subscriber: &Arc<Orchestration>, start: Start, place: Option<OwnedSemaphorePermit>) {
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

/// Tells in a gauge that the pipeline waits, for as long as it does.
struct Waiting<'a> {
    gauge: &'a metrics::Gauge,
    waits: bool,
}

impl<'a> Waiting<'a> {
    fn no(gauge: &'a metrics::Gauge) -> Self {
        Self { gauge, waits: false }
    }

    fn yes(&mut self) {
        if !std::mem::replace(&mut self.waits, true) {
            self.gauge.set(1.0);
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.waits {
            self.gauge.set(0.0);
        }
    }
}
