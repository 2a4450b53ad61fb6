//! [`Control`]: orders to a running program.

use std::fmt;
use std::sync::{Arc, Weak};

use crate::component::{Assembly, Component};
use crate::error::Result as UserResult;
use crate::resource::Resource;
use crate::telemetry::caller::CallerId;

use super::part::Part;
use super::report::{ShutdownReport, StartError, StartReport, StopMode, StopReport};
use super::request::StartRequest;
use super::runtime::Runtime;
use super::snapshot::Snapshot;

/// A handle on a running program, to start, stop, pause and resume parts of it, and to look at it.
///
/// [`Gru::control`](super::Gru::control) gives one; a component takes one as `Dep<Control>`. Clones are the same program. It
/// does not keep the program alive: once that is gone, every order is refused.
///
/// ```
/// use minions_core::component::Dep;
/// use minions_core::gru::{Control, StartRequest, StopMode};
///
/// /// Moves a customer to a configuration of its own.
/// async fn reconfigure(control: &Control) -> minions_core::Result<()> {
///     control.stop("sitemap/auditor", StopMode::Park).await?;
///     control.start(StartRequest::named("sitemap/auditor").config("config/eu.toml")).await?;
///     Ok(())
/// }
/// ```
#[derive(Clone)]
pub struct Control {
    pub(super) runtime: Weak<Runtime>,
}

impl Control {
    pub(super) fn of(runtime: Weak<Runtime>) -> Self {
        Self { runtime }
    }

    /// Starts one orchestration, or one for each file of a pattern: all or none. Answers when events flow.
    ///
    /// # Errors
    ///
    /// What is wrong with it, or the first thing that failed; everything is as before then.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes the start back.
    pub async fn start(&self, what: impl Into<StartRequest>) -> Result<StartReport, StartError> {
        let runtime = self.runtime().map_err(StartError::Refused)?;
        if let Some(wait) = runtime.engine.holds.memory.waits().pop() {
            return Err(StartError::HeldBack(wait));
        }
        let resolved = what.into().resolve(&runtime.program)?;
        runtime.start(&resolved).await
    }

    /// Stops one orchestration, and what nobody else uses. Afterwards it is gone, whatever its components did; the report
    /// says what they did. One that is still being started is taken back.
    ///
    /// # Errors
    ///
    /// When there is none of that id, the program is shutting down, or a component of the orchestration waits for the
    /// stop of itself: [`request_stop`](Self::request_stop) does not wait.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not take the stop back.
    pub async fn stop(&self, id: &str, mode: StopMode) -> Result<StopReport, ControlError> {
        if &*CallerId::current().caller().orchestration == id {
            return Err(ControlError::WaitsForItself { id: id.to_owned() });
        }
        self.runtime()?.stop(id, mode).await
    }

    /// Asks for a [`stop`](Self::stop) without waiting for it.
    ///
    /// # Errors
    ///
    /// When there is none of that id, or the program is shutting down.
    pub fn request_stop(&self, id: &str, mode: StopMode) -> Result<(), ControlError> {
        let runtime = self.runtime()?;
        runtime.update(|state| state.begin_stop(&runtime, id, mode)).map(drop)
    }

    /// Lets the pipeline `id` take no more events until it is resumed, also when it is started again meanwhile.
    /// Workflows go on.
    ///
    /// # Errors
    ///
    /// When there is none of that id.
    pub fn pause(&self, id: &str) -> Result<(), ControlError> {
        self.set_paused(id, true)
    }

    /// Lets the pipeline `id` take events again.
    ///
    /// # Errors
    ///
    /// When there is none of that id.
    pub fn resume(&self, id: &str) -> Result<(), ControlError> {
        self.set_paused(id, false)
    }

    fn set_paused(&self, id: &str, paused: bool) -> Result<(), ControlError> {
        self.runtime()?.look(|state| {
            let node = state.pipelines.get(id).and_then(|node| state.parts.get(node));
            let Some(pipeline) = node.and_then(Part::pipeline) else {
                let mut known: Vec<_> = state.pipelines.keys().map(ToString::to_string).collect();
                known.sort_unstable();
                return Err(ControlError::NotFound { id: id.to_owned(), known });
            };
            pipeline.subscribers.set_paused(paused);
            Ok(())
        })
    }

    /// What runs at this moment.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        match self.runtime.upgrade() {
            Some(runtime) => runtime.look(|state| state.snapshot(&runtime.engine)),
            None => Snapshot::gone(),
        }
    }

    /// Takes the whole program down, in the program's stop mode unless told otherwise. Every caller gets the same report.
    ///
    /// A component that waits for it waits for itself, until the deadline: it should call
    /// [`request_shutdown`](Self::request_shutdown).
    ///
    /// # Errors
    ///
    /// When the program is gone already.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not take the shutdown back.
    pub async fn shutdown(&self, mode: impl Into<Option<StopMode>>) -> Result<Arc<ShutdownReport>, ControlError> {
        let mode = mode.into();
        Ok(self.runtime()?.shutdown(mode).await)
    }

    /// Asks for a [`shutdown`](Self::shutdown) without waiting for it.
    pub fn request_shutdown(&self, mode: impl Into<Option<StopMode>>) {
        if let Some(runtime) = self.runtime.upgrade() {
            runtime.begin_shutdown(mode.into());
        }
    }

    fn runtime(&self) -> Result<Arc<Runtime>, ControlError> {
        self.runtime.upgrade().ok_or(ControlError::ShuttingDown)
    }
}

// A program that lacks a half of its own component should not be told of this one.
#[diagnostic::do_not_recommend]
impl Component for Control {
    const NAME: &'static str = "control";

    fn assemble(cx: &Assembly) -> UserResult<Self> {
        let control = cx.provided::<Self>().ok_or("only a running program has a control")?;
        Ok(Self::clone(&control))
    }
}

/// Every program has it.
#[diagnostic::do_not_recommend]
impl Resource for Control {}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").finish_non_exhaustive()
    }
}

/// An order that a running program refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ControlError {
    /// The orchestration runs already.
    AlreadyRunning {
        /// Its id.
        id: String,
    },
    /// There is no such orchestration or pipeline.
    NotFound {
        /// What was asked for.
        id: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A step or a hook would wait for the stop of itself.
    WaitsForItself {
        /// The orchestration.
        id: String,
    },
    /// A component has the name or the id of another type that has run in this process.
    IdentityTaken {
        /// The name or id.
        id: String,
        /// The type that has it.
        by: &'static str,
        /// The type that was to be started.
        wanted: &'static str,
    },
    /// The start was taken back by a stop.
    Stopped {
        /// The orchestration.
        id: String,
    },
    /// The program is shutting down, or is down.
    ShuttingDown,
}

impl fmt::Display for ControlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyRunning { id } => write!(f, "the orchestration `{id}` runs already"),
            Self::NotFound { id, known } if known.is_empty() => write!(f, "there is no `{id}`; nothing runs"),
            Self::NotFound { id, known } => {
                let known: Vec<_> = known.iter().map(|id| format!("`{id}`")).collect();
                write!(f, "there is no `{id}`; there is {}", known.join(", "))
            }
            Self::WaitsForItself { id } => {
                write!(f, "a component of `{id}` cannot wait for the stop of itself; spawn a task that does")
            }
            Self::IdentityTaken { id, by, wanted } => write!(
                f,
                "`{wanted}` cannot be started as `{id}`, which is what `{by}` is; give one of them another name or id"
            ),
            Self::Stopped { id } => write!(f, "the orchestration `{id}` was stopped while it was being started"),
            Self::ShuttingDown => f.write_str("the program is shutting down"),
        }
    }
}

impl std::error::Error for ControlError {}
