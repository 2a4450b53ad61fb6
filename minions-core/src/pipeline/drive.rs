//! Runs a pipeline: takes its events one by one and admits each to every minion that reacts to it.
//!
//! Two tasks share the work. The *producer* asks for an event, queues its admission and takes a place for each of its
//! workflows; the *admitter* waits until the admission is durable and wakes the workflows. So a pipeline does not wait for
//! the disk between two events, and yet no workflow runs before its first checkpoint is durable.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, error, error_span, warn};

use crate::backoff::Backoff;
use crate::error::Result;
use crate::panics::{contain, contain_sync};
use crate::store::{Admit, Committed, Op};
use crate::telemetry::caller::CallerId;
use crate::telemetry::handles::PipelineMetrics;
use crate::workflow::{Engine, NotDurable, Orchestration, Start, now_ms};

use super::{ErasedPipeline, Item, Next};

/// A pipeline that has started up, without its value: who it is, and whom it feeds.
pub(crate) struct Source {
    pub(crate) id: Arc<str>,
    pub(crate) name: &'static str,
    pub(crate) idle: Duration,
    pub(crate) subscribers: Vec<Arc<Orchestration>>,
    pub(crate) engine: Arc<Engine>,
    pub(crate) caller: CallerId,
    /// Requested when no event is to be taken any more.
    pub(crate) stop: CancellationToken,
}

/// One event on its way to durability.
struct Admission {
    /// The operation under way, and itself in case it has to be repeated; nothing without a store that keeps anything.
    committed: Option<(Committed, Op)>,
    /// One workflow for each subscriber, with its place once there is one.
    workflows: Vec<(Start, Option<OwnedSemaphorePermit>)>,
}

/// Produces until the source ends or is stopped, and until everything produced is admitted.
///
/// Gives the instance back for its shutdown.
pub(crate) async fn drive(source: Source, mut instance: Box<dyn ErasedPipeline>) -> Box<dyn ErasedPipeline> {
    let span = error_span!("pipeline", component = source.name, pipeline = &*source.id);
    // Bounded by the places of the subscribers: every admission in it holds one of each.
    let (admissions, queue) = mpsc::unbounded_channel();
    let metrics = PipelineMetrics::register(&source.id);
    let admitter = admit_all(&source.subscribers, source.engine.clone(), metrics.refused.clone(), queue);
    let admitter = tokio::spawn(admitter.instrument(span.clone()));
    produce(&source, &mut *instance, &metrics, admissions).instrument(span).await;
    if let Err(error) = admitter.await {
        error!(pipeline = &*source.id, %error, "the admission of events broke down");
    }
    instance
}

async fn produce(
    source: &Source,
    instance: &mut dyn ErasedPipeline,
    metrics: &PipelineMetrics,
    admissions: mpsc::UnboundedSender<Admission>,
) {
    let stop = source.stop.clone();
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(30));
    loop {
        // A source that is always ready must not keep its thread for itself.
        tokio::task::consume_budget().await;
        if stop.is_cancelled() || !gate(source, metrics).await {
            return;
        }
        let next = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            next = source.caller.scope(contain(instance.next())) => next,
        };
        let pause = match next {
            Ok(Next::Event(item)) => {
                metrics.produced.increment(1);
                backoff.reset();
                match begin(source, &item) {
                    Ok(admission) => take_places(source, metrics, admission, &admissions).await,
                    Err(error) => {
                        metrics.refused.increment(1);
                        let cause: &dyn std::error::Error = error.as_std();
                        error!(error = cause, "an event cannot be stored and is refused");
                    }
                }
                continue;
            }
            Ok(Next::Idle) => source.idle,
            Ok(Next::IdleFor(pause)) => pause,
            Ok(Next::End) => {
                debug!("the source has ended");
                return;
            }
            Err(error) => {
                metrics.errors.increment(1);
                let pause = backoff.next();
                let cause: &dyn std::error::Error = error.as_std();
                warn!(error = cause, again_in = ?pause, "next failed");
                pause
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Waits until every subscriber has room; false if the pipeline is stopped before.
async fn gate(source: &Source, metrics: &PipelineMetrics) -> bool {
    if source.subscribers.iter().all(|subscriber| subscriber.has_room()) {
        return true;
    }
    metrics.waiting.set(1.0);
    let mut open = true;
    for subscriber in &source.subscribers {
        // The place is given back at once: an idle source must not hold what a resumed workflow could use.
        tokio::select! {
            place = subscriber.room() => drop(place),
            () = source.stop.cancelled() => { open = false; break }
        }
    }
    metrics.waiting.set(0.0);
    open
}

/// Makes the workflows of one event and queues their admission.
fn begin(source: &Source, item: &Item) -> Result<Admission> {
    // A user's `Default` or `Serialize` may panic as well as fail.
    contain_sync(|| {
        let workflows = source.subscribers.iter().map(|subscriber| {
            let loaded = subscriber.minion.clone().begin(item.event.clone())?;
            let id = source.engine.ids.next();
            Ok((Start { id, loaded, index: 0, seq: 0, attempt: 1, may_have_run: false }, None))
        });
        let workflows: Vec<_> = workflows.collect::<Result<_>>()?;
        if !source.engine.keeps {
            return Ok(Admission { committed: None, workflows });
        }
        let pairs = source.subscribers.iter().zip(&workflows);
        let create = pairs.map(|(subscriber, (start, _))| subscriber.row(start)).collect::<Result<_>>()?;
        let op = Op::from(Admit { event: item.encode()?.into(), create, at_ms: now_ms() });
        Ok(Admission { committed: Some((source.engine.submit(op.clone()), op)), workflows })
    })
}

/// Takes a place for each workflow, which is what holds a fast source back; then hands the admission over.
async fn take_places(
    source: &Source,
    metrics: &PipelineMetrics,
    mut admission: Admission,
    admissions: &mpsc::UnboundedSender<Admission>,
) {
    metrics.fanned_out.increment(admission.workflows.len() as u64);
    for (subscriber, (_, place)) in source.subscribers.iter().zip(&mut admission.workflows) {
        // On a stop the event is in hand already: it is admitted all the same, and its workflows stay stored.
        tokio::select! {
            biased;
            taken = subscriber.room() => *place = Some(taken),
            () = source.stop.cancelled() => break,
        }
    }
    // The admitter ends only after this sender is gone.
    let _ = admissions.send(admission);
}

fn admit_all(
    subscribers: &[Arc<Orchestration>],
    engine: Arc<Engine>,
    refused: metrics::Counter,
    mut queue: mpsc::UnboundedReceiver<Admission>,
) -> impl Future<Output = ()> + Send + use<> {
    let subscribers = subscribers.to_vec();
    async move {
        while let Some(admission) = queue.recv().await {
            let durable = match admission.committed {
                Some((committed, op)) => engine.settle(committed, || op.clone()).await,
                None => Ok(()),
            };
            if let Err(NotDurable::Rejected(cause) | NotDurable::Stopping(cause)) = durable {
                refused.increment(1);
                let cause: &dyn std::error::Error = &cause;
                error!(error = cause, "an event could not be stored and is refused");
                continue;
            }
            for (subscriber, (start, place)) in subscribers.iter().zip(admission.workflows) {
                wake(subscriber, start, place).await;
            }
        }
    }
}

async fn wake(subscriber: &Arc<Orchestration>, start: Start, place: Option<OwnedSemaphorePermit>) {
    if subscriber.engine.parks() {
        subscriber.count_parked();
        return;
    }
    let place = match place {
        Some(place) => place,
        // The pipeline was stopped while it waited for room, and workflows run on: this one as well.
        None => subscriber.room().await,
    };
    subscriber.metrics.started.increment(1);
    subscriber.spawn(start, place);
}
