//! The running program: one state behind one lock, and tasks that do what it decides.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::task::{AbortHandle, JoinHandle};
use tracing::info;

use crate::guard::Lag;
use crate::manifest::Resolved;
use crate::workflow::Engine;

use super::GruBuilder;
use super::control::ControlError;
use super::operation::OpId;
use super::pulse::Pulse;
use super::report::{Finished, ShutdownReport, StartError, StartReport, StopMode, StopReport};
use super::state::State;
use super::tidy::Tidying;

/// Shared by the owner of the program, its handles, and its own tasks.
pub(super) struct Runtime {
    /// What it was built from: more of it may be started later.
    pub(super) program: GruBuilder,
    pub(super) provided: Arc<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
    pub(super) engine: Arc<Engine>,
    pub(super) finished: watch::Sender<Option<Finished>>,
    pub(super) report: watch::Sender<Option<Arc<ShutdownReport>>>,
    /// Whether nothing is left of it.
    pub(super) empty: watch::Sender<bool>,
    /// While the program runs on a store that keeps.
    pub(super) tidying: Mutex<Option<Tidying>>,
    handle: Handle,
    _pulse: Pulse,
    state: Mutex<State>,
}

/// What became of an order that wants to start something.
pub(super) enum Begun {
    /// It is under way.
    Pending(OpId, oneshot::Receiver<Result<StartReport, StartError>>),
    /// One of its orchestrations is still on its way down; try again then.
    Wait(oneshot::Receiver<()>),
    Refused(ControlError),
}

impl Runtime {
    pub(super) fn new(
        program: GruBuilder,
        provided: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
        engine: Arc<Engine>,
    ) -> Self {
        let lag = Lag::new(program.options.lag, engine.program, engine.holds.lag.clone());
        Self {
            program,
            provided: Arc::new(provided),
            engine,
            finished: watch::Sender::new(None),
            report: watch::Sender::new(None),
            empty: watch::Sender::new(true),
            tidying: Mutex::default(),
            _pulse: Pulse::of(&Handle::current(), lag),
            handle: Handle::current(),
            state: Mutex::new(State::new()),
        }
    }

    /// Changes the state, and does everything that follows from it.
    pub(super) fn update<T>(self: &Arc<Self>, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock();
        let answer = change(&mut state);
        state.settle(self);
        answer
    }

    pub(super) fn look<T>(&self, at: impl FnOnce(&State) -> T) -> T {
        at(&self.state.lock())
    }

    /// Spawns a task of the runtime, wherever the caller runs.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.handle.spawn(work).abort_handle()
    }

    /// Spawns a task whose result somebody waits for.
    pub(super) fn spawn_joined<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.handle.spawn(work)
    }

    /// Calls what spawns tasks by itself, wherever the caller runs.
    pub(super) fn within<T>(&self, call: impl FnOnce() -> T) -> T {
        let _entered = self.handle.enter();
        call()
    }

    /// Starts what has been resolved: all or nothing.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future takes the start back.
    pub(super) async fn start(self: &Arc<Self>, resolved: &Resolved) -> Result<StartReport, StartError> {
        loop {
            match self.update(|state| state.begin_start(self, resolved)) {
                Begun::Pending(op, answer) => {
                    let mut pending = Pending { runtime: self, op, answer: Some(answer) };
                    let Some(answer) = &mut pending.answer else { continue };
                    let answered = answer.await;
                    pending.answer = None;
                    // The sender lies in the state until the operation ends.
                    return answered.unwrap_or(Err(StartError::Refused(ControlError::ShuttingDown)));
                }
                // An error means that it is gone already.
                Begun::Wait(gone) => drop(gone.await),
                Begun::Refused(error) => return Err(StartError::Refused(error)),
            }
        }
    }

    pub(super) async fn stop(self: &Arc<Self>, id: &str, mode: StopMode) -> Result<StopReport, ControlError> {
        let answer = self.update(|state| state.begin_stop(self, id, mode))?;
        answer.await.map_err(|_| ControlError::ShuttingDown)
    }

    /// Takes everything down, or joins whoever does; everyone gets the same report.
    pub(super) async fn shutdown(self: &Arc<Self>, mode: Option<StopMode>) -> Arc<ShutdownReport> {
        self.begin_shutdown(mode);
        let mut report = self.report.subscribe();
        let report = report.wait_for(Option::is_some).await;
        report
            .ok()
            .and_then(|report| report.clone())
            .expect("the sender lives in the runtime and always sends a report")
    }

    /// Announces the shutdown and lets it run; a second one changes nothing.
    pub(super) fn begin_shutdown(self: &Arc<Self>, mode: Option<StopMode>) {
        let mode = mode.unwrap_or(self.program.options.stop_mode);
        let early = self.finished.borrow().is_none();
        if self.update(|state| state.begin_shutdown(self, mode)) {
            if early {
                // Said only once it is true and workflows know of it, so that whoever hears it can rely on it.
                info!("stopping: sources take no more events");
            }
            let this = self.clone();
            self.spawn(async move { super::shutdown::finish(&this).await });
        }
    }
}

/// A start that is waited for: taken back if nobody waits any more.
struct Pending<'a> {
    runtime: &'a Arc<Runtime>,
    op: OpId,
    /// Nothing once the answer has been taken.
    answer: Option<oneshot::Receiver<Result<StartReport, StartError>>>,
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        let Some(mut answer) = self.answer.take() else { return };
        self.runtime.update(|state| match answer.try_recv() {
            // It has succeeded, and nobody will ever know.
            Ok(Ok(report)) => state.undo(self.runtime, &report.orchestrations),
            Ok(Err(_)) => {}
            Err(_) => state.take_back(self.runtime, self.op),
        });
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = self.look(|state| state.links.keys().cloned().collect::<Vec<_>>());
        f.debug_struct("Runtime").field("orchestrations", &ids).finish_non_exhaustive()
    }
}
