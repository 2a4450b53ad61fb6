//! Work of a step that blocks its thread, or computes for long: done where it holds up nobody.

use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::Span;

use crate::component::Stop;
use crate::error::{Error, Result};
use crate::telemetry::caller::CallerId;

use super::Workflow;

/// What work that blocks can ask while it runs.
#[derive(Clone, Debug)]
pub struct Blocking {
    unawaited: CancellationToken,
    stop: Stop,
}

impl Blocking {
    /// Whether nobody waits for the result any more: the step ran out of its time, or was dropped by a stop. Work that takes
    /// long should look now and then, and end.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.unawaited.is_cancelled()
    }

    /// Whether the runtime is stopping; long work may return early, but is not obliged to.
    #[must_use]
    pub fn stopping(&self) -> bool {
        self.stop.is_requested()
    }
}

impl Workflow {
    /// Does `work` on a thread where it may block or compute for as long as it likes, and waits for what it comes to.
    ///
    /// A step shares its thread with thousands of others: whoever calls a blocking library, reads large files or compresses in
    /// it holds them all up. No more than [`max_blocking`](crate::GruBuilder::max_blocking) of such pieces of work run at
    /// once; the others wait for their turn. Calls of resources count as those of the step, and a panic is a panic of the
    /// step.
    ///
    /// ```
    /// use minions_core::Result;
    /// use minions_core::workflow::Workflow;
    ///
    /// async fn digest(wf: &Workflow, bytes: Vec<u8>) -> Result<u64> {
    ///     wf.blocking(move |work| {
    ///         let mut sum = 0_u64;
    ///         for chunk in bytes.chunks(1 << 20) {
    ///             if work.is_cancelled() {
    ///                 return Err("nobody waits for it".into());
    ///             }
    ///             sum = chunk.iter().fold(sum, |sum, byte| sum.rotate_left(5) ^ u64::from(*byte));
    ///         }
    ///         Ok(sum)
    ///     })
    ///     .await
    /// }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
    /// assert_eq!(digest(&Workflow::detached(), vec![1, 2]).await?, 34);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of `work`; and when the runtime ends before it could begin.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes work back that has not begun. A thread cannot be taken from what runs: it learns from
    /// [`Blocking::is_cancelled`] that nobody waits, and keeps its turn until it ends.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Blocking) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let turn =
            self.standing.ambient().blocking.clone().acquire_owned().await.expect("the semaphore is never closed");
        let unawaited = CancellationToken::new();
        let _cancels: DropGuard = unawaited.clone().drop_guard();
        let blocking = Blocking { unawaited, stop: self.standing.ambient().stop.clone() };
        let (caller, span) = (CallerId::current(), Span::current());
        let work = move || {
            let _turn = turn;
            if blocking.is_cancelled() {
                return Err(Error::new("nobody waits for it any more"));
            }
            span.in_scope(|| caller.scope_sync(|| work(&blocking)))
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(done) => done,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(error) => Err(Error::new(error).context("the runtime ended before the work could begin")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn no_more_runs_at_once_than_may_and_the_next_one_has_its_turn() {
        let wf = Workflow::detached();
        let (release, released) = mpsc::channel::<()>();
        let first = wf.clone();
        let first = tokio::spawn(async move { first.blocking(move |_| Ok(released.recv().is_ok())).await });
        while wf.standing.ambient().blocking.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let mut second = Box::pin(wf.blocking(|_| Ok(2)));
        assert!(second.as_mut().now_or_never().is_none());
        release.send(()).unwrap();
        assert!(first.await.unwrap().unwrap());
        assert_eq!(second.await.unwrap(), 2);
    }

    #[tokio::test]
    async fn work_learns_that_nobody_waits_for_it_any_more_and_keeps_its_turn_until_it_ends() {
        let wf = Workflow::detached();
        let (begins, begun) = mpsc::channel();
        let (ends, mut ended) = tokio::sync::mpsc::unbounded_channel();
        let work = wf.clone();
        let step = tokio::spawn(async move {
            work.blocking(move |work| {
                begins.send(()).unwrap();
                while !work.is_cancelled() {
                    std::thread::yield_now();
                }
                ends.send(()).unwrap();
                Ok(())
            })
            .await
        });
        tokio::task::spawn_blocking(move || begun.recv()).await.unwrap().unwrap();
        step.abort();
        ended.recv().await.unwrap();
        assert_eq!(wf.blocking(|_| Ok(7)).await.unwrap(), 7);
    }

    #[tokio::test]
    #[should_panic(expected = "not like this")]
    async fn a_panic_is_one_of_the_step() {
        let _: Result<()> = Workflow::detached().blocking(|_| panic!("not like this")).await;
    }
}
