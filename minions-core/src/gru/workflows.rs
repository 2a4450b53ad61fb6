//! [`Workflows`]: what an operator sees of stored workflows, and does to them.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde::Serialize;
use tracing::{info, warn};

use crate::clock::now_ms;
use crate::minion::{MinionFactory, StepInfo};
use crate::reason::Reason;
use crate::store::{
    Amend, Applied, Discard, Ended, Filter, InLanes, Op, Requeue, Signal, StateStore, Status, StoreError,
    StoredWorkflow,
};
use crate::telemetry::handles::WorkflowMetrics;
use crate::workflow::{Engine, Orchestration, WorkflowId, WorkflowState};

use super::ahead::Ahead;
use super::runtime::Runtime;
use super::workflow_error::WorkflowError;
use super::{Control, Edge, GruBuilder};

/// How long a store may take for one order of an operator.
const PATIENCE: Duration = Duration::from_secs(30);

/// The stored workflows of a program: to look at them, to hand them signals, and to decide about those in quarantine.
///
/// [`Control::workflows`] gives those of a running program, [`Workflows::of_stopped`] those of one that does not run. Clones
/// mean the same ones. What changes something is durable when it returns, and a running program acts upon it at once.
///
/// ```
/// use minions_core::gru::{Control, Signalled, WorkflowError};
/// use minions_core::store::{Filter, Status};
/// use minions_core::workflow::WorkflowId;
///
/// /// What a web page does when somebody clicks "approve".
/// async fn approve(control: &Control, id: WorkflowId, by: &str) -> Result<bool, WorkflowError> {
///     let delivered = control.workflows().signal(id, "approval", &by).await?;
///     Ok(delivered == Signalled::Delivered)
/// }
///
/// /// Lets everything go on that failed in `fetch`, after whatever was wrong with that has been repaired.
/// async fn retry_fetches(control: &Control) -> Result<(), WorkflowError> {
///     let (workflows, failed) = (control.workflows(), Filter::all().status(Status::Quarantined).step("fetch"));
///     let mut next = failed.clone();
///     loop {
///         let page = workflows.list(next, 100).await?;
///         let Some(last) = page.last() else { return Ok(()) };
///         next = failed.clone().after(last.stored.id);
///         for found in page {
///             workflows.retry(found.stored.id).await?;
///         }
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Workflows {
    of: Of,
}

#[derive(Clone)]
enum Of {
    Running(Weak<Runtime>),
    Stopped { store: Arc<dyn StateStore>, program: Arc<[Known]> },
}

/// A pair of the program: by its identities a stored workflow knows its minion.
struct Known {
    pair: String,
    minion: &'static dyn MinionFactory,
}

/// A workflow as it is stored, and where it is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FoundWorkflow {
    /// The row.
    pub stored: StoredWorkflow,
    /// Where it is, and what it waits for.
    pub state: WorkflowState,
}

/// What became of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Signalled {
    /// It is kept until a step that waits for it has seen it, which may be at once.
    Delivered,
    /// One of that name is kept already, and stays as it is.
    Duplicate,
}

impl Control {
    /// The stored workflows of the program.
    #[must_use]
    pub fn workflows(&self) -> Workflows {
        Workflows { of: Of::Running(self.runtime.clone()) }
    }
}

impl Workflows {
    /// Those of a program that does not run: `store` is open, and `program` says what its workflows belong to.
    #[must_use]
    pub fn of_stopped(program: &GruBuilder, store: Arc<dyn StateStore>) -> Self {
        let program = program.edges.iter().map(|edge| Known { pair: pair(edge), minion: edge.minion }).collect();
        Self { of: Of::Stopped { store, program } }
    }

    /// Reads up to `limit` workflows that match `filter`, in ascending order of identity; [`Filter::after`] the last of them
    /// goes on.
    ///
    /// # Errors
    ///
    /// When the store cannot be read, or the program is down.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn list(&self, filter: Filter, limit: usize) -> Result<Vec<FoundWorkflow>, WorkflowError> {
        self.carry_out(move |desk| async move {
            let mut ahead = Ahead::along(&filter);
            let rows = desk.store().scan(filter, limit).await?;
            let mut found = Vec::with_capacity(rows.len());
            for row in rows {
                found.push(desk.found(row, &mut ahead).await?);
            }
            Ok(found)
        })
        .await
    }

    /// The workflow `id`.
    ///
    /// # Errors
    ///
    /// When it is not stored, the store cannot be read, or the program is down.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn get(&self, id: WorkflowId) -> Result<FoundWorkflow, WorkflowError> {
        self.carry_out(move |desk| async move { desk.found(desk.row(id).await?, &mut Ahead::alone()).await }).await
    }

    /// Reads up to `limit` ended workflows, the last one first; of all orchestrations unless one is named. Only minions that
    /// declare a history have any.
    ///
    /// # Errors
    ///
    /// When the store cannot be read, or the program is down.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn history(&self, orchestration: Option<String>, limit: usize) -> Result<Vec<Ended>, WorkflowError> {
        self.carry_out(move |desk| async move { Ok(desk.store().history(orchestration, limit).await?) }).await
    }

    /// Hands the signal `name` to a workflow: a step that waits for it, now or later, goes on with `payload`.
    ///
    /// # Errors
    ///
    /// When the workflow is not stored (or, in a program without a store, not awake), the payload cannot be encoded, the store
    /// fails, or the program is down.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not take the signal back.
    pub async fn signal<P: Serialize + ?Sized>(
        &self,
        id: WorkflowId,
        name: &str,
        payload: &P,
    ) -> Result<Signalled, WorkflowError> {
        // A user's `Serialize` may panic as well as fail.
        let payload =
            crate::panics::contain_sync(|| Ok(serde_json::to_vec(payload)?)).map_err(WorkflowError::Payload)?;
        let name = name.to_owned();
        self.carry_out(move |desk| async move { desk.signal(id, name, payload).await }).await
    }

    /// Lets a workflow in quarantine go on at its step, with fresh attempts; answers what it was before.
    ///
    /// # Errors
    ///
    /// When it is not stored, not in quarantine, or its orchestration is no part of the program; when the store fails or the
    /// program is down. Unless the store has failed, nothing is changed then.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not take it back.
    pub async fn retry(&self, id: WorkflowId) -> Result<StoredWorkflow, WorkflowError> {
        self.carry_out(move |desk| async move { desk.requeue(id, None).await }).await
    }

    /// Lets a workflow in quarantine go on at `step`, by its name or one that it had before; answers what it was before.
    ///
    /// # Errors
    ///
    /// As [`retry`](Self::retry), and when its minion has no such step.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not take it back.
    pub async fn go_to(&self, id: WorkflowId, step: &str) -> Result<StoredWorkflow, WorkflowError> {
        let step = step.to_owned();
        self.carry_out(move |desk| async move { desk.requeue(id, Some(step)).await }).await
    }

    /// Replaces the context of a workflow in quarantine, which stays there; answers what it was before. `context` is JSON, as
    /// [`get`](Self::get) shows the stored one.
    ///
    /// # Errors
    ///
    /// As [`retry`](Self::retry), and when the minion cannot read the context. One that an older version has stored is read
    /// as that version stored it, and migrated when the workflow goes on.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not take it back.
    pub async fn edit(&self, id: WorkflowId, context: impl Into<Vec<u8>>) -> Result<StoredWorkflow, WorkflowError> {
        let context = context.into();
        self.carry_out(move |desk| async move { desk.amend(id, context).await }).await
    }

    /// Removes a workflow that rests or is in quarantine, with everything that belongs to it; answers what it was. No step of
    /// it runs any more.
    ///
    /// # Errors
    ///
    /// When it is not stored, or is awake; when the store fails or the program is down.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does not take it back.
    pub async fn discard(&self, id: WorkflowId) -> Result<StoredWorkflow, WorkflowError> {
        self.carry_out(move |desk| async move { desk.discard(id).await }).await
    }

    /// Does the work in a task of its own, so that nobody who goes away leaves it half done, and for as long as an operator
    /// waits.
    async fn carry_out<T: Send + 'static, F>(&self, work: impl FnOnce(Desk) -> F) -> Result<T, WorkflowError>
    where
        F: Future<Output = Result<T, WorkflowError>> + Send + 'static,
    {
        let task = match &self.of {
            Of::Running(runtime) => {
                let runtime = runtime.upgrade().ok_or(WorkflowError::Down)?;
                let work = work(Desk::Running(runtime.clone()));
                runtime.spawn_joined(work)
            }
            Of::Stopped { store, program } => {
                tokio::spawn(work(Desk::Stopped { store: store.clone(), program: program.clone() }))
            }
        };
        match tokio::time::timeout(PATIENCE, task).await {
            Ok(Ok(done)) => done,
            Ok(Err(_)) => Err(StoreError::unavailable("the store has panicked").into()),
            Err(_) => {
                let late = format!("the store has not answered within {} s", PATIENCE.as_secs());
                Err(StoreError::unavailable(late).into())
            }
        }
    }
}

/// Where an order is carried out.
enum Desk {
    Running(Arc<Runtime>),
    Stopped { store: Arc<dyn StateStore>, program: Arc<[Known]> },
}

impl Desk {
    fn store(&self) -> &dyn StateStore {
        match self {
            Self::Running(runtime) => &*runtime.engine.store,
            Self::Stopped { store, .. } => &**store,
        }
    }

    fn engine(&self) -> Option<&Arc<Engine>> {
        match self {
            Self::Running(runtime) => Some(&runtime.engine),
            Self::Stopped { .. } => None,
        }
    }

    fn live(&self, orchestration: &str) -> Option<Arc<Orchestration>> {
        self.engine()?.routes.live(orchestration)
    }

    /// The minion of an orchestration, whether that runs or not.
    fn minion(&self, orchestration: &str) -> Option<&'static dyn MinionFactory> {
        let pair = orchestration.split('@').next().unwrap_or(orchestration);
        match self {
            Self::Running(runtime) => {
                let declared =
                    runtime.program.edges.iter().find(|edge| self::pair(edge) == pair).map(|edge| edge.minion);
                // One that was started by its types need not be declared.
                declared.or_else(|| runtime.look(|state| state.minion_of(orchestration)))
            }
            Self::Stopped { program, .. } => program.iter().find(|known| known.pair == pair).map(|known| known.minion),
        }
    }

    fn its_minion(&self, row: &StoredWorkflow) -> Result<&'static dyn MinionFactory, WorkflowError> {
        let orchestration = &row.orchestration;
        self.minion(orchestration)
            .ok_or_else(|| WorkflowError::NotInProgram { id: row.id, orchestration: orchestration.clone() })
    }

    async fn found(&self, stored: StoredWorkflow, counted: &mut Ahead) -> Result<FoundWorkflow, WorkflowError> {
        let awake = self.engine().is_some_and(|engine| engine.is_awake(&stored.orchestration, stored.id));
        let step = self.minion(&stored.orchestration).and_then(|minion| step_of(minion.steps(), &stored.step));
        let attempts = step.and_then(|step| step.retry).map(|retry| retry.limit());
        let mut state = WorkflowState::of(&stored, awake, attempts, now_ms());
        if let WorkflowState::Running { doing } = &mut state {
            *doing = self.engine().and_then(|engine| engine.doing(&stored.orchestration, stored.id));
        }
        if let WorkflowState::Waiting(wait) = &mut state
            && let Reason::Lane { lane, ahead } = &mut wait.reason
        {
            let orchestration = stored.orchestration.as_str();
            *ahead = match counted.known(orchestration, lane) {
                Some(ahead) => ahead,
                None => {
                    let which = InLanes::of(orchestration.into(), now_ms()).lane(lane.clone()).before(stored.id);
                    self.store().count_in_lanes(which).await?
                }
            };
            counted.note(orchestration, lane, *ahead);
            let live = self.live(&stored.orchestration).filter(|_| *ahead == 0);
            if let Some(until_ms) = live.and_then(|live| live.lanes.paced_until(lane)) {
                wait.reason = Reason::Pace { lane: lane.clone(), until_ms };
            }
        }
        Ok(FoundWorkflow { stored, state })
    }

    async fn row(&self, id: WorkflowId) -> Result<StoredWorkflow, WorkflowError> {
        let rows = self.store().scan(Filter::only(id), 1).await?;
        rows.into_iter().next().ok_or(WorkflowError::NotStored { id })
    }

    async fn quarantined(&self, id: WorkflowId) -> Result<StoredWorkflow, WorkflowError> {
        let row = self.row(id).await?;
        if row.status == Status::Quarantined { Ok(row) } else { Err(WorkflowError::NotQuarantined { id }) }
    }

    /// Keeps other orders from being carried out at the same time.
    async fn turn(&self) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        match self.engine() {
            Some(engine) => Some(engine.operator.lock().await),
            // Whoever has opened the store is alone.
            None => None,
        }
    }

    async fn commit(&self, op: impl Into<Op>) -> Result<Applied, StoreError> {
        match self.engine() {
            Some(engine) => engine.submit(op).await,
            None => {
                let answers = self.store().commit(vec![Arc::new(op.into())]).await;
                answers.into_iter().next().unwrap_or_else(|| Err(StoreError::unavailable("the store has not answered")))
            }
        }
    }

    async fn signal(&self, id: WorkflowId, name: String, payload: Vec<u8>) -> Result<Signalled, WorkflowError> {
        let applied = match self.engine().filter(|engine| !engine.keeps) {
            Some(engine) => in_memory(engine, id, name, payload)?,
            None => {
                let (row, at_ms) = (self.row(id).await?, now_ms());
                match self.commit(Signal::new(id, name, payload, at_ms)).await {
                    Ok(applied) => {
                        self.note(&row.orchestration, at_ms);
                        applied
                    }
                    // It may have ended in between.
                    Err(error) if error.is_rejected() && self.row(id).await.is_err() => {
                        return Err(WorkflowError::NotStored { id });
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        };
        Ok(if applied == Applied::Duplicate { Signalled::Duplicate } else { Signalled::Delivered })
    }

    async fn requeue(&self, id: WorkflowId, step: Option<String>) -> Result<StoredWorkflow, WorkflowError> {
        let _turn = self.turn().await;
        let row = self.quarantined(id).await?;
        let minion = self.its_minion(&row)?;
        let mut requeue = Requeue::new(id, now_ms());
        if let Some(step) = step {
            let steps = minion.steps();
            let known = step_of(steps, &step).ok_or_else(|| WorkflowError::NoSuchStep {
                step,
                minion: minion.entry().name,
                steps: steps.iter().map(|step| step.name).collect(),
            })?;
            requeue = requeue.at_step(known.name);
        }
        if let Some(engine) = self.engine() {
            // Before it is due: what is awake is passed over by those who wake.
            engine.lies_down(&row.orchestration, id).await;
        }
        let at = requeue.step.clone().unwrap_or_else(|| row.step.clone());
        // Its lane has gone on without it.
        let lane = row.lane.as_deref().filter(|_| minion.lets_pass());
        if lane.is_some() {
            requeue = requeue.in_turn();
        }
        self.commit(requeue).await?;
        self.left_quarantine(&row).await;
        match (self.engine(), lane) {
            (Some(engine), Some(lane)) => engine.arrive(&row.orchestration, &lane.into(), id),
            _ => self.note(&row.orchestration, now_ms()),
        }
        info!(workflow = %id, orchestration = row.orchestration, step = at, "an operator lets a workflow go on");
        Ok(row)
    }

    async fn amend(&self, id: WorkflowId, context: Vec<u8>) -> Result<StoredWorkflow, WorkflowError> {
        let _turn = self.turn().await;
        let row = self.quarantined(id).await?;
        let minion = self.its_minion(&row)?;
        minion
            .check_context(&row, &context)
            .map_err(|error| WorkflowError::Context { minion: minion.entry().name, error })?;
        self.commit(Amend::new(id, context, now_ms())).await?;
        self.look_at_ages(&row).await;
        info!(workflow = %id, orchestration = row.orchestration, "an operator has changed the context of a workflow");
        Ok(row)
    }

    async fn discard(&self, id: WorkflowId) -> Result<StoredWorkflow, WorkflowError> {
        let _turn = self.turn().await;
        let orchestration = self.row(id).await?.orchestration;
        let live = self.live(&orchestration);
        // Nobody wakes it from here on, nor gives it its turn.
        let _waking = match &live {
            Some(live) => Some((live.lanes.turns.write().await, live.waking.turn().await)),
            None => None,
        };
        let row = self.row(id).await?;
        if row.status == Status::Quarantined {
            if let Some(engine) = self.engine() {
                engine.lies_down(&orchestration, id).await;
            }
        } else if self.engine().is_some_and(|engine| engine.is_awake(&orchestration, id))
            || (live.is_some() && row.wake_ms.is_none() && row.status == Status::Running)
        {
            return Err(WorkflowError::Running { id });
        }
        self.commit(Discard::new(id)).await?;
        if let Some(live) = &live {
            live.waking.take_away(id);
            if let Some(lane) = &row.lane {
                let waited = row.status == Status::Waiting && row.wake_ms.is_none_or(|wake_ms| wake_ms <= now_ms());
                live.lanes.remove(&lane.as_str().into(), id, waited);
            }
        }
        if let Some(engine) = self.engine() {
            engine.ledger(&orchestration.as_str().into()).book(|ledger| ledger.dropped += 1);
        }
        if row.status == Status::Quarantined {
            self.left_quarantine(&row).await;
        }
        info!(workflow = %id, orchestration, step = row.step, "an operator has removed a workflow");
        Ok(row)
    }

    async fn left_quarantine(&self, row: &StoredWorkflow) {
        let Some(engine) = self.engine() else { return };
        let left = engine.quarantine.remove(&row.orchestration);
        if let Some(minion) = self.minion(&row.orchestration) {
            WorkflowMetrics::set_quarantined(&row.orchestration, minion.entry().name, left);
        }
        self.look_at_ages(row).await;
    }

    async fn look_at_ages(&self, row: &StoredWorkflow) {
        let Some(engine) = self.engine() else { return };
        if let Err(error) = engine.quarantine.look_at_ages(&*engine.store, &row.orchestration.as_str().into()).await {
            // What was ordered is done all the same.
            warn!(orchestration = row.orchestration, %error, "how old its quarantine is cannot be told");
        }
    }

    /// Tells whoever wakes workflows that one is due.
    fn note(&self, orchestration: &str, at_ms: i64) {
        if let Some(engine) = self.engine() {
            engine.note(orchestration, at_ms);
        }
    }
}

/// Keeps a signal for a workflow that no store keeps.
fn in_memory(engine: &Engine, id: WorkflowId, name: String, payload: Vec<u8>) -> Result<Applied, WorkflowError> {
    let gone = WorkflowError::NotStored { id };
    let Some(live) = engine.awake_in(id) else { return Err(gone) };
    let applied = engine.mailbox.put(id, name, payload);
    if live.is_awake(id) {
        return Ok(applied);
    }
    // It has ended in between, and nobody else would forget it.
    engine.mailbox.forget(id);
    Err(gone)
}

fn step_of<'a>(steps: &'a [StepInfo], name: &str) -> Option<&'a StepInfo> {
    // A name that it has is meant before a name that another one had.
    steps.iter().find(|step| step.name == name).or_else(|| steps.iter().find(|step| step.is_called(name)))
}

/// The part of an orchestration's id before its configuration.
fn pair(edge: &Edge) -> String {
    format!("{}/{}", edge.pipeline.entry().id, edge.minion.entry().id)
}

impl fmt::Debug for Workflows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = match &self.of {
            Of::Running(_) => "a running program",
            Of::Stopped { .. } => "a stopped program",
        };
        f.debug_struct("Workflows").field("of", &of).finish_non_exhaustive()
    }
}
