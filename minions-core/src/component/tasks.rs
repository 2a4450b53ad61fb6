//! Background tasks that belong to a component.

use std::fmt;
use std::future::Future;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::error::{Error, Result};
use crate::panics::contain;
use crate::telemetry::caller::CallerId;

use super::{Assembly, Inject, Need, Stop};

/// Spawns tasks that belong to the component it is injected into.
///
/// A task that fails or panics is a failure of the component, with the same consequences as one of `run`; a task that
/// returns `Ok(())` has done its work. When the component stops, its tasks are asked to end before `shutdown` runs, and
/// dropped at the deadline, so that nothing of a component outlives it. Clones spawn for the same component.
///
/// ```
/// use minions_core::Result;
/// use minions_core::component::Tasks;
///
/// struct Cache { tasks: Tasks }
///
/// impl Cache {
///     async fn startup(&mut self) -> Result<()> {
///         self.tasks.spawn("evict", async move |stop| {
///             while !stop.is_requested() {
///                 tokio::select! {
///                     () = stop.requested() => {}
///                     () = tokio::task::yield_now() => { /* throw old entries out */ }
///                 }
///             }
///             Ok(())
///         });
///         Ok(())
///     }
/// }
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// Cache { tasks: Tasks::detached() }.startup().await.unwrap();
/// # }
/// ```
#[derive(Clone)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
    /// Requested when the tasks have to be dropped where they are.
    drop: CancellationToken,
    failures: mpsc::UnboundedSender<Error>,
}

/// Where the failures of a component's tasks arrive.
pub(crate) type TaskFailures = mpsc::UnboundedReceiver<Error>;

impl Tasks {
    pub(crate) fn new() -> (Self, TaskFailures) {
        let (failures, failed) = mpsc::unbounded_channel();
        let (stop, drop) = (CancellationToken::new(), CancellationToken::new());
        (Self { tracker: TaskTracker::new(), stop, drop, failures }, failed)
    }

    /// Tasks of nobody, for a component that is built by hand in a test: their failures are dropped.
    #[must_use]
    pub fn detached() -> Self {
        Self::new().0
    }

    /// Spawns a task, which is called `name` when it fails; `work` learns from its [`Stop`] when to end.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn spawn<F>(&self, name: impl Into<String>, work: impl FnOnce(Stop) -> F)
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let (name, drop, failures) = (name.into(), self.drop.clone(), self.failures.clone());
        let work = contain(work(Stop::new(self.stop.clone())));
        let task = async move {
            let ended = tokio::select! {
                biased;
                () = drop.cancelled() => return,
                ended = work => ended,
            };
            if let Err(error) = ended {
                // Nobody listens any more when the component is on its way down.
                let _ = failures.send(error.context(format!("its task `{name}` failed")));
            }
        };
        self.tracker.spawn(CallerId::current().scope(task.in_current_span()));
    }

    /// Asks the tasks to end.
    pub(crate) fn request_stop(&self) {
        self.stop.cancel();
    }

    /// Waits until they have.
    pub(crate) async fn ended(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// Drops them at their next await; answers how many there were.
    pub(crate) fn drop_all(&self) -> usize {
        let left = self.tracker.len();
        self.drop.cancel();
        left
    }
}

impl Inject for Tasks {
    const NEED: Need = Need::own::<Self>();

    fn inject(cx: &Assembly) -> Result<Self> {
        Ok(cx.tasks())
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").field("running", &self.tracker.len()).finish_non_exhaustive()
    }
}
