//! What a step answers.

use std::any::TypeId;
use std::time::Duration;

use crate::error::{Error, Result};

/// Where a workflow goes after a step that did not fail.
///
/// ```
/// use minions_core::minion::Flow;
///
/// struct Watcher;
///
/// impl Watcher {
///     async fn compare(&self, changed: Option<bool>) -> Flow {
///         match changed {
///             Some(true) => Flow::to(Self::record),
///             Some(false) => Flow::Done,
///             None => Flow::abort("the page is gone"),
///         }
///     }
///
///     async fn record(&self) {}
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a step says where the workflow goes by returning it"]
#[non_exhaustive]
pub enum Flow {
    /// Checkpoint, then the next step; after the last one the workflow has succeeded.
    Continue,
    /// The workflow has succeeded; the remaining steps are not run.
    Done,
    /// Checkpoint, then that step; made by [`Flow::to`].
    To(StepId),
    /// Checkpoint, then sleep, then the next step; made by [`Flow::sleep`].
    Sleep(Duration),
    /// This step again, later; made by [`Flow::again`].
    Again {
        /// When.
        after: Duration,
        /// Why, for whoever looks at the workflow.
        why: String,
    },
    /// Checkpoint, then wait for a signal, then the next step; made by [`Flow::wait`].
    Wait {
        /// The name of the signal.
        signal: String,
        /// How long at most; for ever if nothing.
        at_most: Option<Duration>,
    },
    /// The workflow ends without success and without a failure; made by [`Flow::abort`].
    Abort(String),
}

impl Flow {
    /// Goes on with another step of the same minion, forward or back: `Flow::to(Self::record)`.
    ///
    /// The method path is a real one: the compiler checks it and editors follow it. A path that is no step of this
    /// minion does not compile; one that is hidden in a variable quarantines the workflow.
    #[expect(clippy::needless_pass_by_value, reason = "a function item has no size; its type is what counts")]
    pub fn to<F: 'static>(step: F) -> Self {
        let _ = step;
        Self::To(StepId::of::<F>())
    }

    /// Goes on with the next step after `time`. Meanwhile the workflow keeps no task and no memory, only its row.
    pub fn sleep(time: Duration) -> Self {
        Self::Sleep(time)
    }

    /// Runs this step again after `time`, to ask for something that is not ready: no attempt, and no error. The context is
    /// kept as it is now; the idempotency key stays.
    pub fn again(time: Duration, why: impl Into<String>) -> Self {
        Self::Again { after: time, why: why.into() }
    }

    /// Goes on with the next step when the signal of that name has come, or after `at_most`: the step finds out with
    /// [`Workflow::signal`](crate::workflow::Workflow::signal). A signal that came before is kept and ends the wait at once.
    pub fn wait(signal: impl Into<String>, at_most: Duration) -> Self {
        Self::Wait { signal: signal.into(), at_most: Some(at_most) }
    }

    /// The same, without an end of the wait.
    pub fn wait_for_ever(signal: impl Into<String>) -> Self {
        Self::Wait { signal: signal.into(), at_most: None }
    }

    /// Ends the workflow for a reason that is no failure: it is counted and logged as aborted.
    pub fn abort(why: impl Into<String>) -> Self {
        Self::Abort(why.into())
    }
}

/// The identity of a step's method: each function has a type of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StepId(TypeId);

impl StepId {
    /// The identity of the function type `F`.
    #[must_use]
    pub fn of<F: 'static>() -> Self {
        Self(TypeId::of::<F>())
    }

    /// The identity of a function: `StepId::of_fn(&Watcher::record)`.
    #[must_use]
    pub fn of_fn<F: 'static>(_step: &F) -> Self {
        Self::of::<F>()
    }
}

/// What a step may return: nothing, a [`Flow`], or a result of either with any error that converts into [`Error`].
#[diagnostic::on_unimplemented(
    message = "a step cannot return `{Self}`",
    label = "not what a step returns",
    note = "return nothing, `Flow`, `Result<()>` or `Result<Flow>`",
    note = "the error may be of any type that implements `std::error::Error`, a string, or `minions::Error`"
)]
pub trait IntoFlow {
    /// Converts it.
    ///
    /// # Errors
    ///
    /// The step's own.
    fn into_flow(self) -> Result<Flow>;
}

impl IntoFlow for () {
    fn into_flow(self) -> Result<Flow> {
        Ok(Flow::Continue)
    }
}

impl IntoFlow for Flow {
    fn into_flow(self) -> Result<Flow> {
        Ok(self)
    }
}

#[diagnostic::do_not_recommend]
impl<T: IntoFlow, E: Into<Error>> IntoFlow for Result<T, E> {
    fn into_flow(self) -> Result<Flow> {
        self.map_err(Into::into)?.into_flow()
    }
}
