//! Runs a pipeline: takes its events one by one and admits each to every minion that reacts to it.
//!
//! Two tasks share the work. The *producer* asks for an event, queues its admission and takes a place for each of its
//! workflows; the [*admitter*](super::admitter) waits until the admission is durable and wakes the workflows. So a pipeline
//! does not wait for the disk between two events, and yet no workflow runs before its first checkpoint is durable.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, error, error_span, warn};

use crate::backoff::Backoff;
use crate::error::{Error, Result};
use crate::fair::Turns;
use crate::guard::Spot;
use crate::panics::{catch, presentable};
use crate::telemetry::caller::CallerId;
use crate::telemetry::handles::PipelineMetrics;
use crate::workflow::Engine;

use super::admission::{Admission, Offer};
use super::admitter::{Admitter, Broken};
use super::gate::{STAYS, Waiting};
use super::intake::Intake;
use super::stats::Stats;
use super::subscribers::{Feed, Subscribers};
use super::{Delivery, ErasedPipeline, Item, Next, Refused};

/// So many events that no minion holds a place for may be on their way to durability.
const UNPLACED: usize = 4096;

/// A pipeline that has started up, without its value: who it is, and whom it feeds.
pub(crate) struct Source {
    pub(crate) id: Arc<str>,
    pub(crate) name: &'static str,
    pub(crate) idle: Duration,
    /// How long its keys are remembered.
    pub(crate) keep_keys: Duration,
    pub(crate) subscribers: Arc<Subscribers>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) intake: Arc<Intake>,
    /// Which instance it is.
    pub(crate) instance: u64,
    pub(crate) engine: Arc<Engine>,
    pub(crate) metrics: PipelineMetrics,
    pub(crate) caller: CallerId,
    /// Where the watchdog sees its `next`.
    pub(crate) spot: Spot,
    /// Requested when this instance is to produce no more.
    pub(crate) stop: CancellationToken,
    pub(crate) broken: Broken,
}

/// What others offer through an inlet; none if nobody can any more.
pub(crate) type Requests = Option<mpsc::Receiver<Delivery<Item>>>;

/// Why a pipeline produces no more.
#[derive(Debug)]
pub(crate) enum Silence {
    Stopped,
    /// The source has ended.
    Ended,
    /// `next` panicked, and may have left its value half changed.
    Panicked(Error),
    /// What it gave was given up, and it has to begin again where its cursor is.
    Broken(Error),
}

/// Produces until the source ends, and everything produced is admitted, or until it panics or is stopped.
///
/// Gives the instance back for its shutdown.
pub(crate) async fn drive(
    source: Source,
    requests: Requests,
    mut instance: Box<dyn ErasedPipeline>,
) -> (Box<dyn ErasedPipeline>, Silence) {
    let span = error_span!("pipeline", component = source.name, pipeline = &*source.id);
    let source = Arc::new(source);
    // Bounded by the places of the subscribers: every admission in it holds one of each, or one of those without a place.
    let (admissions, queue) = mpsc::unbounded_channel();
    let admitter = tokio::spawn(Admitter::new(source.clone(), queue).run().instrument(span.clone()));
    let silence = {
        let _idle = Idle(&source.subscribers);
        let feed = source.subscribers.watch();
        let unplaced = Arc::new(Semaphore::new(UNPLACED));
        let mut producer = Producer {
            source: &source,
            feed,
            requests,
            requests_first: false,
            admissions,
            unplaced,
            turns: Turns::default(),
            tick: Box::pin(tokio::time::sleep(STAYS)),
        };
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
    match source.broken.cause() {
        Some(cause) if matches!(silence, Silence::Ended) => (instance, Silence::Broken(cause)),
        _ => (instance, silence),
    }
}

/// However the producer ends, it is out of `next`.
struct Idle<'a>(&'a Subscribers);

impl Drop for Idle<'_> {
    fn drop(&mut self) {
        self.0.set_idle(true);
    }
}

struct Producer<'a> {
    source: &'a Arc<Source>,
    feed: watch::Receiver<Feed>,
    requests: Requests,
    /// Whose turn it is to be asked first: nobody keeps the other one out by being always ready.
    requests_first: bool,
    admissions: mpsc::UnboundedSender<Admission>,
    unplaced: Arc<Semaphore>,
    turns: Turns,
    /// Goes off about once in so long while it waits; kept, because waits are short and many.
    tick: Pin<Box<Sleep>>,
}

/// How one call of `next` went.
enum Called {
    Answered(Result<Next<Item>>),
    Panicked(String),
    /// It was let go.
    Halted,
    Stopped,
    Broken(Error),
}

impl Producer<'_> {
    async fn run(&mut self, instance: &mut dyn ErasedPipeline) -> Silence {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(30));
        // When `next` is to be called again.
        let mut due = None;
        tokio::select! {
            // After deaths of the process, what may have caused them runs alone first.
            () = self.source.engine.recovery.over() => {}
            () = self.source.stop.cancelled() => return Silence::Stopped,
        }
        loop {
            // A source that is always ready must not keep its thread for itself.
            self.turns.next().await;
            if !self.flows().await {
                return Silence::Stopped;
            }
            let called = self.call(instance, due).await;
            if !matches!(called, Called::Halted) {
                due = None;
            }
            let pause = match called {
                Called::Stopped => return Silence::Stopped,
                Called::Broken(cause) => return Silence::Broken(cause),
                Called::Halted => continue,
                Called::Panicked(panic) => {
                    self.source.metrics.errors.increment(1);
                    return Silence::Panicked(Error::new(panic));
                }
                Called::Answered(Ok(next)) => {
                    backoff.reset();
                    self.source.stats.works();
                    match next {
                        Next::Event(item) => {
                            self.event(Delivery::new(item)).await;
                            continue;
                        }
                        Next::Delivery(delivery) => {
                            self.event(delivery).await;
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
                    self.source.metrics.errors.increment(1);
                    self.source.stats.failure(&error);
                    let pause = backoff.next();
                    let cause: &dyn std::error::Error = error.as_std();
                    warn!(error = cause, again_in = ?pause, "next failed");
                    pause
                }
            };
            // A pause beyond what the clock can express is as good as one for ever.
            let now = Instant::now();
            due = Some(now.checked_add(pause).unwrap_or_else(|| now + Duration::from_secs(86_400 * 365)));
            // Nothing is in hand, so nobody who leaves has to wait for the end of the pause.
            self.source.subscribers.set_idle(true);
        }
    }

    /// Waits until events may be taken; false if the pipeline is stopped before.
    async fn flows(&mut self) -> bool {
        loop {
            let feed = self.feed.borrow_and_update().clone();
            if feed.flows() {
                return true;
            }
            if self.source.stop.is_cancelled() {
                return false;
            }
            self.source.subscribers.set_idle(true);
            tokio::select! {
                () = self.source.stop.cancelled() => return false,
                // The sender lives as long as the source.
                _ = self.feed.changed() => {}
                mut request = poll_fn(|cx| poll_request(&mut self.requests, cx)), if feed.is_forsaken() => {
                    request.acknowledgement.tell(Err(Refused::NoSubscriber));
                }
            }
        }
    }

    /// Calls `next` when it is `due` and stays with it while the gate is closed; takes what comes through an inlet
    /// meanwhile.
    async fn call(&mut self, instance: &mut dyn ErasedPipeline, due: Option<Instant>) -> Called {
        let source = self.source;
        let called = AtomicBool::new(due.is_none());
        source.subscribers.set_idle(due.is_some());
        let next = async {
            if let Some(due) = due {
                tokio::time::sleep_until(due).await;
                called.store(true, Ordering::Relaxed);
                source.subscribers.set_idle(false);
            }
            catch(source.spot.watch(instance.next())).await
        };
        let mut next = std::pin::pin!(source.caller.scope(next));
        let gate = source.subscribers.gate();
        let mut waiting = Waiting::no(gate.told(), &source.metrics);
        loop {
            let feed = self.feed.borrow_and_update().clone();
            if feed.halted || feed.list.is_empty() {
                return Called::Halted;
            }
            let full = feed.list.iter().find_map(|full| Some((full, full.places.closed_by()?)));
            let held = if gate.is_open() { Vec::new() } else { gate.waits() };
            if full.is_some() || !held.is_empty() {
                let words = held.iter().map(|wait| wait.reason.as_str()).chain(full.map(|(_, word)| word));
                waiting.because(words);
                waiting.log(&held);
                let room = async {
                    match full.filter(|_| held.is_empty()) {
                        // The place is given back at once: an idle source must not hold what a resumed workflow could use.
                        Some((full, _)) => drop(full.room().await),
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    biased;
                    () = source.stop.cancelled() => return Called::Stopped,
                    _ = self.feed.changed() => {}
                    () = room => {}
                    () = self.tick.as_mut(), if !waiting.is_old() => {
                        self.tick.as_mut().reset(Instant::now() + STAYS);
                        waiting.log_if_it_stays(|| source.subscribers.waits_for());
                    }
                }
                continue;
            }
            waiting.ends();
            if source.stop.is_cancelled() {
                return Called::Stopped;
            }
            if let Some(cause) = source.broken.cause() {
                return Called::Broken(cause);
            }
            let mut either =
                |cx: &mut Context<'_>| poll_either(&mut self.requests, next.as_mut(), self.requests_first, cx);
            // Listened to everything only if nothing is there: that costs more than most answers do.
            let came = match poll_fn(|cx| Poll::Ready(either(cx))).await {
                Poll::Ready(came) => came,
                Poll::Pending => tokio::select! {
                    biased;
                    () = source.stop.cancelled() => return Called::Stopped,
                    () = source.broken.broken() => continue,
                    _ = self.feed.changed() => continue,
                    came = poll_fn(either) => came,
                },
            };
            self.requests_first = matches!(came, Came::Answer(_));
            match came {
                Came::Answer(Ok(answer)) => return Called::Answered(answer.map_err(presentable)),
                Came::Answer(Err(panic)) => return Called::Panicked(panic),
                // Whoever offered it has gone, so nobody would know that it was admitted.
                Came::Request(request) if request.acknowledgement.is_forsaken() => {}
                Came::Request(request) => {
                    source.subscribers.set_idle(false);
                    self.event(request).await;
                    source.subscribers.set_idle(!called.load(Ordering::Relaxed));
                }
            }
            self.turns.next().await;
        }
    }

    /// Admits one event to everyone who is there; waits for somebody if nobody is.
    async fn event(&mut self, delivery: Delivery<Item>) {
        self.source.metrics.produced.increment(1);
        self.source.stats.event();
        let mut admission = Admission::new(self.source.clone(), delivery);
        let mut offers = self.source.subscribers.takers(Offer::new);
        while offers.is_empty() {
            // The last one was taken out by force while `next` held its thread: the event waits for the next one.
            tokio::select! {
                () = self.source.stop.cancelled() => {
                    if !admission.can_come_again() {
                        error!("an event came after everyone who takes it had been stopped, and is gone");
                    }
                    return;
                }
                _ = self.feed.changed() => offers = self.source.subscribers.takers(Offer::new),
            }
        }
        admission.offer(offers);
        self.take_places(&mut admission).await;
        // The admitter ends only after this sender is gone.
        let _ = self.admissions.send(admission);
    }

    /// Takes a place for each workflow, which is what holds a fast source back.
    async fn take_places(&self, admission: &mut Admission) {
        let stop = || self.source.stop.cancelled();
        if admission.offers.iter().all(Offer::waits) {
            tokio::select! {
                biased;
                // The semaphore is never closed.
                room = self.unplaced.clone().acquire_owned() => admission.room = room.ok(),
                () = stop() => {}
            }
        }
        // Who waits in a lane takes a place when it is its turn.
        for offer in admission.offers.iter_mut().filter(|offer| !offer.waits()) {
            let orchestration = &offer.taker.orchestration;
            // Mostly there is one, and listening to a stop costs more than taking it.
            offer.place = match orchestration.places.try_take() {
                Some(place) => Some(place),
                // On a stop the event is in hand already: it is admitted all the same, and its workflows stay stored.
                None => tokio::select! {
                    biased;
                    place = orchestration.room() => Some(place),
                    () = orchestration.stopping.cancelled() => None,
                    () = stop() => None,
                },
            };
            if let (Some(place), Some(start)) = (&mut offer.place, &offer.start) {
                place.weigh(start.weight);
            }
        }
    }
}

/// What a pipeline that flows may come upon.
enum Came {
    Request(Delivery<Item>),
    Answer(Result<Result<Next<Item>>, String>),
}

type Answered = Result<Result<Next<Item>>, String>;

fn poll_either(
    requests: &mut Requests,
    next: Pin<&mut impl Future<Output = Answered>>,
    requests_first: bool,
    cx: &mut Context<'_>,
) -> Poll<Came> {
    if requests_first && let Poll::Ready(request) = poll_request(requests, cx) {
        return Poll::Ready(Came::Request(request));
    }
    if let Poll::Ready(answer) = next.poll(cx) {
        return Poll::Ready(Came::Answer(answer));
    }
    if requests_first { Poll::Pending } else { poll_request(requests, cx).map(Came::Request) }
}

fn poll_request(requests: &mut Requests, cx: &mut Context<'_>) -> Poll<Delivery<Item>> {
    let Some(open) = requests else { return Poll::Pending };
    match open.poll_recv(cx) {
        Poll::Ready(Some(request)) => Poll::Ready(request),
        Poll::Ready(None) => {
            *requests = None;
            Poll::Pending
        }
        Poll::Pending => Poll::Pending,
    }
}
