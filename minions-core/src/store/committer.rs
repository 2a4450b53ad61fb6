//! Group commit: gathers operations into batches, so that one durable write serves many workflows.
//!
//! There is no timer. Whatever queued up while the last batch was written is the next batch, so a single workflow waits
//! for one write only, and a thousand share one.
//!
//! A store may hang, on a disk that is gone for example. Its waiters are told so after a while, and come again with the
//! same operation as after any failure whose outcome is unknown; the store gets nothing more until it has answered.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::fair::others_first;
use crate::telemetry::handles::CheckpointMetrics;

use super::{Applied, Op, StateStore, StoreError};

/// Beyond this a batch gains nothing and only delays the first waiter.
const MAX_BATCH: usize = 4096;

/// So many waiters are back with their next operation sooner than a disk has written. More of them are better off in two
/// groups, of which one runs while the operations of the other are written.
const FEW: usize = 128;

/// How long a waiter waits for a store that does not answer, before it is told.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the operations of a batch may weigh, if one alone is not heavier: a store may need several times as much to write
/// them, at once.
const MAX_WEIGHT: usize = 8 << 20;

/// The queue in front of a store.
///
/// It is unbounded by itself: every workflow in flight has at most one operation in it, so the in-flight caps bound it.
pub(crate) struct Committer {
    queue: mpsc::UnboundedSender<Request>,
    /// Asks for the end, behind everything that is queued.
    end: CancellationToken,
    tasks: TaskTracker,
}

struct Request {
    op: Arc<Op>,
    answer: oneshot::Sender<Result<Applied, StoreError>>,
}

impl Committer {
    /// Starts the task that feeds `store`; it ends when this is closed or dropped, and everything is answered.
    pub(crate) fn start(store: Arc<dyn StateStore>, metrics: CheckpointMetrics) -> Self {
        let (queue, requests) = mpsc::unbounded_channel();
        let tasks = TaskTracker::new();
        let end = CancellationToken::new();
        tasks.spawn(feed(store, requests, end.clone(), metrics, tasks.clone()));
        Self { queue, end, tasks }
    }

    /// Queues `op` at once; the answer tells when it is durable.
    ///
    /// # Cancel safety
    ///
    /// The operation is queued when this returns; dropping the answer does not take it back.
    pub(crate) fn submit(&self, op: Arc<Op>) -> Committed {
        let (answer, committed) = oneshot::channel();
        // A closed queue drops `answer`, which the waiter sees as "unavailable".
        let _ = self.queue.send(Request { op, answer });
        Committed(committed)
    }

    /// Waits until the store has answered everything queued so far and the task has ended. Nothing can be queued afterwards.
    pub(crate) async fn close(&self) {
        self.end.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Resolves when the operation is durable, or failed.
pub(crate) struct Committed(oneshot::Receiver<Result<Applied, StoreError>>);

impl Future for Committed {
    type Output = Result<Applied, StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0)
            .poll(cx)
            .map(|answer| answer.unwrap_or_else(|_| Err(StoreError::unavailable("the store has been closed"))))
    }
}

async fn feed(
    store: Arc<dyn StateStore>,
    mut requests: mpsc::UnboundedReceiver<Request>,
    end: CancellationToken,
    metrics: CheckpointMetrics,
    tasks: TaskTracker,
) {
    let slots = Arc::new(Semaphore::new(store.batches_in_flight().max(1)));
    // What was too heavy for the last batch comes first.
    let mut waiting = Vec::new();
    // How large the last batch was.
    let mut last = 0;
    loop {
        // The slot comes first: whatever arrives while the store is busy joins the batch.
        let slot = free(&slots, &mut waiting, &mut requests).await;
        if waiting.is_empty() {
            tokio::select! {
                biased;
                count = requests.recv_many(&mut waiting, MAX_BATCH) => {
                    if count == 0 {
                        return;
                    }
                }
                // What is queued already is still answered.
                () = end.cancelled(), if !requests.is_closed() => {
                    requests.close();
                    continue;
                }
            }
        }
        if last <= FEW {
            // Whoever woke together with the first one has not come yet: alone it would take the write that all can share.
            others_first().await;
        }
        while waiting.len() < MAX_BATCH
            && let Ok(request) = requests.try_recv()
        {
            waiting.push(request);
        }
        let (ops, answers): (Vec<_>, Vec<_>) =
            waiting.drain(..light(&waiting)).map(|request| (request.op, request.answer)).unzip();
        let began = Instant::now();
        last = ops.len();
        let committed = store.commit(ops);
        let metrics = metrics.clone();
        // Its own task, so that a store that panics harms only this batch, and so that the waiters are woken while the
        // next batch is already being written.
        tasks.spawn(async move {
            let mut committed = committed;
            let answered = timeout(PATIENCE, &mut committed).await;
            let held = answered.is_err().then_some((slot, committed));
            let results = answered.unwrap_or_else(|_| vec![Err(hangs()); answers.len()]);
            metrics.batch(&results, answers.len(), began.elapsed());
            answer(answers, results);
            if let Some((_slot, committed)) = held {
                // What it comes to is nobody's any more, but until then the store is busy.
                committed.await;
            }
        });
    }
}

fn answer(answers: Vec<oneshot::Sender<Result<Applied, StoreError>>>, results: Vec<Result<Applied, StoreError>>) {
    let mut results = results.into_iter();
    for answer in answers {
        let result = results.next().unwrap_or_else(|| {
            Err(StoreError::unavailable("the store answered fewer results than it was given operations"))
        });
        // A waiter that gave up needs no answer.
        let _ = answer.send(result);
    }
}

/// Waits until the store takes another batch; who is queued when it hangs meanwhile is told.
async fn free(
    slots: &Arc<Semaphore>,
    waiting: &mut Vec<Request>,
    requests: &mut mpsc::UnboundedReceiver<Request>,
) -> OwnedSemaphorePermit {
    loop {
        if let Ok(slot) = timeout(PATIENCE, slots.clone().acquire_owned()).await {
            return slot.expect("the semaphore is never closed");
        }
        for request in waiting.drain(..).chain(std::iter::from_fn(|| requests.try_recv().ok())) {
            let _ = request.answer.send(Err(hangs()));
        }
    }
}

fn hangs() -> StoreError {
    StoreError::unavailable(format!("the store has not answered for {} s", PATIENCE.as_secs()))
}

/// How many of the first requests make a batch: at least one.
fn light(requests: &[Request]) -> usize {
    let mut weight = 0;
    let fits = |request: &&Request| {
        weight += request.op.weight();
        weight <= MAX_WEIGHT
    };
    requests.iter().take_while(fits).count().max(1)
}

#[cfg(test)]
mod tests {
    use metrics_util::debugging::{DebugValue, DebuggingRecorder};
    use tokio::task::yield_now;

    use crate::store::{MemoryStore, Resolve};
    use crate::telemetry::names;
    use crate::workflow::WorkflowIds;

    use super::*;

    /// How large the batches are in which `work` is written.
    fn batches(work: impl AsyncFnOnce(&Arc<Committer>)) -> Vec<f64> {
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        metrics::with_local_recorder(&recorder, || {
            runtime.block_on(async {
                let committer = Committer::start(Arc::new(MemoryStore::new()), CheckpointMetrics::register());
                let committer = Arc::new(committer);
                yield_now().await;
                work(&committer).await;
                committer.close().await;
            });
        });
        let samples = |(key, _, _, value): (metrics_util::CompositeKey, _, _, DebugValue)| match value {
            DebugValue::Histogram(samples) if key.key().name() == names::CHECKPOINT_BATCH => Some(samples),
            _ => None,
        };
        let samples = snapshotter.snapshot().into_vec().into_iter().find_map(samples).unwrap();
        samples.into_iter().map(|sample| sample.into_inner()).collect()
    }

    /// Changes nothing.
    fn op() -> Arc<Op> {
        let id = WorkflowIds::after(None).next();
        Arc::new(Resolve { id, revision: 1, emits: Vec::new(), work: Vec::new(), history: None }.into())
    }

    /// Two of which the second one comes when the queue was woken by the first one already.
    async fn pair(committer: &Arc<Committer>) {
        let first = committer.submit(op());
        let behind = committer.clone();
        let second = tokio::spawn(async move { behind.submit(op()).await });
        assert!(first.await.is_ok() && second.await.unwrap().is_ok());
    }

    #[test]
    fn who_is_ready_when_a_batch_begins_is_in_it() {
        assert_eq!(batches(pair), [2.0]);
    }

    #[test]
    fn after_a_large_batch_nobody_is_waited_for() {
        let large = FEW + 1;
        let sizes = batches(async |committer| {
            let all: Vec<_> = (0..large).map(|_| committer.submit(op())).collect();
            for one in all {
                assert!(one.await.is_ok());
            }
            yield_now().await;
            pair(committer).await;
        });
        assert_eq!(sizes, [large as f64, 1.0, 1.0]);
    }

    #[test]
    fn what_is_queued_is_answered_before_the_end_and_nothing_after_it() {
        let sizes = batches(async |committer| {
            let queued = committer.submit(op());
            committer.close().await;
            assert!(queued.await.is_ok());
            assert!(committer.submit(op()).await.unwrap_err().to_string().contains("closed"));
        });
        assert_eq!(sizes, [1.0]);
    }
}
