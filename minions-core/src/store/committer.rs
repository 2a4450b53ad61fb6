//! Group commit: gathers operations into batches, so that one durable write serves many workflows.
//!
//! There is no timer. Whatever queued up while the last batch was written is the next batch, so a single workflow waits
//! for one write only, and a thousand share one.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::task::TaskTracker;

use crate::telemetry::handles::CheckpointMetrics;

use super::{Applied, Op, StateStore, StoreError};

/// Beyond this a batch gains nothing and only delays the first waiter.
const MAX_BATCH: usize = 4096;

/// What the operations of a batch may weigh, if one alone is not heavier: a store may need several times as much to write
/// them, at once.
const MAX_WEIGHT: usize = 8 << 20;

/// The queue in front of a store.
///
/// It is unbounded by itself: every workflow in flight has at most one operation in it, so the in-flight caps bound it.
#[derive(Clone)]
pub(crate) struct Committer {
    queue: mpsc::UnboundedSender<Request>,
    tasks: TaskTracker,
}

struct Request {
    op: Op,
    answer: oneshot::Sender<Result<Applied, StoreError>>,
}

impl Committer {
    /// Starts the task that feeds `store`; it ends when the last clone is dropped and everything is answered.
    pub(crate) fn start(store: Arc<dyn StateStore>, metrics: CheckpointMetrics) -> Self {
        let (queue, requests) = mpsc::unbounded_channel();
        let tasks = TaskTracker::new();
        tasks.spawn(feed(store, requests, metrics, tasks.clone()));
        Self { queue, tasks }
    }

    /// Queues `op` at once; the answer tells when it is durable.
    ///
    /// # Cancel safety
    ///
    /// The operation is queued when this returns; dropping the answer does not take it back.
    pub(crate) fn submit(&self, op: impl Into<Op>) -> Committed {
        let (answer, committed) = oneshot::channel();
        // A closed queue drops `answer`, which the waiter sees as "unavailable".
        let _ = self.queue.send(Request { op: op.into(), answer });
        Committed(committed)
    }

    /// Waits until everything queued so far is answered and the task has ended.
    pub(crate) async fn close(self) {
        let Self { queue, tasks } = self;
        drop(queue);
        tasks.close();
        tasks.wait().await;
    }
}

/// Resolves when the operation is durable, or failed.
pub(crate) struct Committed(oneshot::Receiver<Result<Applied, StoreError>>);

impl Committed {
    /// The answer of a queue that takes nothing any more.
    pub(crate) fn closed() -> Self {
        Self(oneshot::channel().1)
    }
}

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
    metrics: CheckpointMetrics,
    tasks: TaskTracker,
) {
    let slots = Arc::new(Semaphore::new(store.batches_in_flight().max(1)));
    // What was too heavy for the last batch comes first.
    let mut waiting = Vec::new();
    loop {
        // The slot comes first: whatever arrives while the store is busy joins the batch.
        let slot = slots.clone().acquire_owned().await.expect("the semaphore is never closed");
        if waiting.is_empty() && requests.recv_many(&mut waiting, MAX_BATCH).await == 0 {
            return;
        }
        while waiting.len() < MAX_BATCH
            && let Ok(request) = requests.try_recv()
        {
            waiting.push(request);
        }
        let (ops, answers): (Vec<_>, Vec<_>) =
            waiting.drain(..light(&waiting)).map(|request| (request.op, request.answer)).unzip();
        let began = Instant::now();
        let committed = store.commit(ops);
        let metrics = metrics.clone();
        // Its own task, so that a store that panics harms only this batch, and so that the waiters are woken while the
        // next batch is already being written.
        tasks.spawn(async move {
            let results = committed.await;
            drop(slot);
            metrics.batch(&results, answers.len(), began.elapsed());
            let mut results = results.into_iter();
            for answer in answers {
                let result = results.next().unwrap_or_else(|| {
                    Err(StoreError::unavailable("the store answered fewer results than it was given operations"))
                });
                // A waiter that gave up needs no answer.
                let _ = answer.send(result);
            }
        });
    }
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
