//! One pipeline × one minion × one configuration, as it runs: what its workflows share.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::warn;

use crate::backoff::Backoff;
use crate::component::{Kind, Stop};
use crate::guard::{Code, Spot};
use crate::minion::{ErasedMinion, ErasedWorkflow, History, StepInfo};
use crate::pipeline::Hold;
use crate::reason::Wait;
use crate::store::{Due, Filter, NewWorkflow, StepFailure, StoreError, StoredWorkflow};
use crate::telemetry::activity::Activity;
use crate::telemetry::caller::CallerId;
use crate::telemetry::handles::{End, WorkflowMetrics};
use crate::telemetry::{Kept, WorkflowLedger};

use super::boot::Boot;
use super::drive::{Left, drive};
use super::lanes::Lanes;
use super::operate::Waking;
use super::places::{Place, Places};
use super::seat::Seat;
use super::waker::{TakenUp, Waker};
use super::{Ambient, Engine, WorkflowId};

/// Everything that the workflows of one orchestration share.
pub(crate) struct Orchestration {
    pub(crate) id: Arc<str>,
    pub(crate) seat: Seat,
    pub(crate) name: &'static str,
    pub(crate) steps: &'static [StepInfo],
    pub(crate) steps_hash: u64,
    pub(crate) caller: CallerId,
    ambient: Arc<Ambient>,
    /// Where the watchdog sees each step.
    pub(crate) spots: Box<[Spot]>,
    pub(crate) metrics: WorkflowMetrics,
    pub(crate) engine: Arc<Engine>,
    pub(crate) ledger: Arc<Kept<WorkflowLedger>>,
    /// One for every workflow that may be awake.
    pub(crate) places: Arc<Places>,
    /// What else may keep events away from it, beside its quarantine: the resources that it and its pipeline need.
    needs: OnceLock<Vec<Arc<Hold>>>,
    /// How many tasks of workflows there are.
    tasks: AtomicUsize,
    /// Tasks that do something for a workflow which is about to wake.
    assistants: TaskTracker,
    awake: Mutex<HashMap<WorkflowId, Task, foldhash::fast::RandomState>>,
    /// Told whenever a workflow is awake no more.
    fewer: Notify,
    pub(crate) lanes: Lanes,
    pub(crate) waker: Waker,
    pub(crate) waking: Waking,
    pub(crate) taken_up: TakenUp,
    /// Workflows up to this one were admitted before this run.
    pub(crate) since: WorkflowId,
    pub(crate) version: u32,
    pub(crate) history: History,
    pub(crate) boot: Boot,
    /// How many workflows were taken up, by an event or from the store.
    begun: AtomicU64,
    /// Events of its pipeline that are on their way to durability.
    admissions: TaskTracker,
    /// Requested as soon as it stops, in every mode.
    pub(crate) stopping: CancellationToken,
    /// Whether workflows stay stored at their next step instead of running on.
    parking: AtomicBool,
    parked: AtomicU64,
    undurable: Mutex<Undurable>,
}

/// What could not be stored before the stop.
#[derive(Clone, Default)]
pub(crate) struct Undurable {
    pub(crate) workflows: u64,
    pub(crate) error: Option<StoreError>,
}

/// A workflow that is ready to run the step at `index`.
pub(crate) struct Start {
    pub(crate) id: WorkflowId,
    pub(crate) loaded: Box<dyn ErasedWorkflow>,
    /// Which instance of the minion it is loaded with.
    pub(crate) instance: u64,
    pub(crate) index: usize,
    pub(crate) seq: u32,
    /// Of the row, as the store has it.
    pub(crate) revision: u32,
    pub(crate) attempt: u32,
    pub(crate) may_have_run: bool,
    /// When it was admitted, in milliseconds since the Unix epoch.
    pub(crate) created_ms: i64,
    /// The signal that was waited for before this step, and what it says if it came.
    pub(crate) signal: Option<String>,
    pub(crate) payload: Option<Arc<[u8]>>,
    /// Why the step runs that deals with failures.
    pub(crate) failure: Option<Arc<StepFailure>>,
    /// Its last errors, if a history wants them.
    pub(crate) failures: Vec<StepFailure>,
    /// How many bytes its event takes when it is encoded; 0 where nothing is stored.
    pub(crate) event_weight: u64,
    /// The same with its context.
    pub(crate) weight: u64,
    /// The key of its lane, if it has one.
    pub(crate) lane: Option<Arc<str>>,
}

impl Start {
    /// A workflow before its first step, admitted at `created_ms`.
    pub(crate) fn new(id: WorkflowId, loaded: Box<dyn ErasedWorkflow>, instance: u64, created_ms: i64) -> Self {
        Self {
            id,
            loaded,
            instance,
            index: 0,
            seq: 0,
            revision: 0,
            attempt: 1,
            may_have_run: false,
            created_ms,
            signal: None,
            payload: None,
            failure: None,
            failures: Vec::new(),
            event_weight: 0,
            weight: 0,
            lane: None,
        }
    }
}

impl Start {
    /// The context as it is stored, in no more memory than it needs: one is kept for each workflow that waits for its checkpoint.
    pub(super) fn encode_context(&self) -> crate::Result<Vec<u8>> {
        let mut context = Vec::new();
        self.encode_context_into(&mut context)?;
        Ok(context)
    }

    /// The same in memory that is there already, if it is enough.
    pub(super) fn encode_context_into(&self, out: &mut Vec<u8>) -> crate::Result<()> {
        thread_local! {
            static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
        }
        /// A longer one is not kept for the next time.
        const KEPT: usize = 64 * 1024;
        out.clear();
        // Taken out while in use: a user's `Serialize` may come here again, and panic as well as fail.
        let mut scratch = SCRATCH.take();
        scratch.clear();
        let encoded = crate::panics::contain_sync(|| self.loaded.encode_context(&mut scratch));
        if encoded.is_ok() {
            out.reserve_exact(scratch.len());
            out.extend_from_slice(&scratch);
        }
        if scratch.capacity() <= KEPT {
            SCRATCH.set(scratch);
        }
        encoded
    }
}

impl Orchestration {
    pub(crate) fn new(
        id: Arc<str>,
        minion: Arc<dyn ErasedMinion>,
        caller: CallerId,
        max_in_flight: usize,
        engine: Arc<Engine>,
    ) -> Self {
        let (name, steps) = (minion.name(), minion.steps());
        let metrics = WorkflowMetrics::register(&id, name, steps);
        metrics.quarantined.set(engine.quarantine.found(&id, 0) as f64);
        let stopping = CancellationToken::new();
        let (stop, blocking) = (Stop::new(stopping.clone()), engine.blocking.clone());
        let ambient = Arc::new(Ambient { orchestration: id.clone(), minion: name, stop, blocking });
        let spot = |step: &StepInfo| {
            let (component, orchestration) = (name.into(), id.clone());
            let (program, what, location) = (engine.program, step.name, step.location);
            Spot::new(Code { program, kind: Kind::Minion, component, orchestration, what, location })
        };
        Self {
            spots: steps.iter().map(spot).collect(),
            ledger: engine.ledger(&id),
            lanes: Lanes::new(id.clone(), minion.lanes(), engine.keeps, metrics.waiting.clone()),
            places: Places::new(id.clone(), max_in_flight, engine.max_weight, metrics.bytes.clone()),
            metrics,
            steps_hash: minion.steps_hash(),
            needs: OnceLock::new(),
            tasks: AtomicUsize::new(0),
            assistants: TaskTracker::new(),
            awake: Mutex::default(),
            admissions: TaskTracker::new(),
            stopping,
            ambient,
            fewer: Notify::new(),
            waker: Waker::default(),
            waking: Waking::default(),
            taken_up: TakenUp::default(),
            since: engine.ids.last(),
            version: minion.version(),
            history: minion.history(),
            boot: Boot::default(),
            begun: AtomicU64::new(0),
            parking: AtomicBool::new(false),
            parked: AtomicU64::new(0),
            undurable: Mutex::default(),
            seat: Seat::new(minion),
            id,
            name,
            steps,
            caller,
            engine,
        }
    }

    /// Asks workflows to end; with `park` they stay stored at their next step, if there is a store that keeps them.
    pub(crate) fn request_stop(&self, park: bool) {
        self.parking.store(park && self.engine.keeps, Ordering::Relaxed);
        self.stopping.cancel();
    }

    /// Whether a workflow that comes to a step should stay there.
    pub(crate) fn parks(&self) -> bool {
        // In this order, because every step asks, and the token answers under a lock.
        self.parking.load(Ordering::Relaxed) && self.stopping.is_cancelled()
    }

    /// Waits until workflows should stay where they are.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub(crate) async fn parked(&self) {
        self.stopping.cancelled().await;
        if !self.parks() {
            // Draining: what is stored still runs.
            std::future::pending::<()>().await;
        }
    }

    /// Lies in an event that is on its way to durability.
    pub(crate) fn admission(&self) -> TaskTrackerToken {
        self.admissions.token()
    }

    /// Waits until no event is on its way; the pipeline must have let go of it before.
    pub(crate) async fn admitted(&self) {
        self.admissions.close();
        self.admissions.wait().await;
    }

    /// Waits until another workflow may wake up.
    ///
    /// # Cancel safety
    ///
    /// Safe; the place in the queue is lost.
    pub(crate) async fn room(&self) -> Place {
        self.places.take().await
    }

    /// Says what resources it and its pipeline need, once they are known.
    pub(crate) fn needs(&self, holds: Vec<Arc<Hold>>) {
        // It is engaged once.
        let _ = self.needs.set(holds);
    }

    /// What may keep events away from it, beside its places.
    pub(crate) fn holds(&self) -> impl Iterator<Item = Arc<Hold>> {
        let needs = self.needs.get().map_or(&[][..], Vec::as_slice);
        [self.engine.quarantine.hold(&self.id), self.lanes.hold()].into_iter().chain(needs.iter().cloned())
    }

    /// Why no more events may be taken because of it; empty if they may.
    pub(crate) fn holds_back(&self) -> Vec<Wait> {
        let holds = [self.engine.quarantine.hold(&self.id), self.lanes.hold()];
        holds.iter().flat_map(|hold| hold.waits()).chain(self.places.wait()).collect()
    }

    /// The row of a workflow that is about to begin, or `waits` for its turn in its lane.
    pub(crate) fn row(&self, start: &Start, waits: bool) -> crate::Result<NewWorkflow> {
        let context = start.encode_context()?;
        let step = self.steps[start.index].name.into();
        Ok(NewWorkflow {
            id: start.id,
            orchestration: self.id.clone(),
            step,
            steps_hash: self.steps_hash,
            version: self.version,
            context,
            wake_ms: None,
            lane: start.lane.clone(),
            waits,
        })
    }

    /// The step after `index` in their order; nothing after the last one, nor after the one that deals with failures.
    pub(crate) fn step_after(&self, index: usize) -> Option<usize> {
        let next = index + 1;
        self.steps.get(next).filter(|step| !step.on_failure && !self.steps[index].on_failure).map(|_| next)
    }

    /// The step that deals with the failure of the one at `index`, if there is one.
    pub(crate) fn on_failure(&self, index: usize) -> Option<usize> {
        self.steps.iter().position(|step| step.on_failure).filter(|_| !self.steps[index].on_failure)
    }

    /// A workflow as it is stored, however long the store fails; nothing only if the orchestration stops.
    pub(crate) async fn stored(&self, id: WorkflowId) -> Option<Option<StoredWorkflow>> {
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
        loop {
            match self.engine.store.scan(Filter::only(id), 1).await {
                Ok(rows) => return Some(rows.into_iter().next()),
                Err(error) => warn!(workflow = %id, %error, "a workflow cannot be read; trying again"),
            }
            tokio::select! {
                () = self.stopping.cancelled() => return None,
                () = tokio::time::sleep(backoff.next()) => {}
            }
        }
    }

    /// Runs a workflow in a task of its own; `place` is given back when it ends. False if it runs already.
    pub(crate) fn spawn(self: &Arc<Self>, start: Box<Start>, mut place: Place) -> bool {
        let id = start.id;
        // Held over the spawn, so that a workflow that ends at once finds itself in the map.
        let mut awake = self.awake.lock();
        if awake.contains_key(&id) {
            return false;
        }
        place.weigh(start.weight);
        self.begun.fetch_add(1, Ordering::Release);
        self.metrics.wakes();
        self.ledger.book(|ledger| ledger.running += 1);
        self.tasks.fetch_add(1, Ordering::Relaxed);
        let activity = Activity::new(self.ambient.clone(), id);
        let mut guard = Awake { orchestration: self.clone(), activity: activity.clone(), place, left: Left::Nothing };
        let task = tokio::spawn(async move {
            let Awake { orchestration, activity, place, .. } = &mut guard;
            let left = drive(orchestration, place, start, activity).await;
            guard.leaves(left);
        });
        awake.insert(id, Task { handle: task.abort_handle(), activity });
        true
    }

    /// Lets a workflow that is admitted wait for its turn in its lane.
    pub(crate) fn wait_in_lane(&self, start: Box<Start>) {
        let Some(lane) = start.lane.clone() else { return };
        if self.engine.keeps { self.lanes.arrive(&lane, start.id) } else { self.lanes.keep(&lane, start) }
    }

    /// Books the end of a workflow that is awake, once it is durable.
    pub(crate) fn ended(&self, activity: &Activity, end: End, took: Duration) {
        self.metrics.end(end, took);
        if end == End::Quarantined {
            // Stored where there is a store, dropped where there is none: as every workflow that just falls asleep.
            return self.count_quarantined();
        }
        activity.ends();
        self.ledger.book(|ledger| {
            ledger.running -= 1;
            match end {
                End::Succeeded => ledger.succeeded += 1,
                End::Aborted => ledger.aborted += 1,
                End::Failed | End::Quarantined => ledger.failed += 1,
            }
        });
    }

    /// Waits until nothing is awake and nothing rests; more may come from outside.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub(crate) async fn finished(&self) {
        loop {
            let mut fewer = std::pin::pin!(self.fewer.notified());
            fewer.as_mut().enable();
            if self.in_flight() > 0 {
                fewer.await;
                continue;
            }
            let before = self.stirred();
            if self.is_quiet().await && self.stirred() == before {
                return;
            }
            // What rests wakes, and is told of then; or it is taken away, which nobody tells of.
            let _ = tokio::time::timeout(Duration::from_secs(1), fewer).await;
        }
    }

    /// Waits until a workflow is awake no more.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub(crate) async fn left(&self, id: WorkflowId) {
        loop {
            let mut fewer = std::pin::pin!(self.fewer.notified());
            fewer.as_mut().enable();
            if !self.awake.lock().contains_key(&id) {
                return;
            }
            fewer.await;
        }
    }

    /// Whether nothing is awake, on its way, or rests.
    pub(crate) async fn is_quiet(&self) -> bool {
        let nobody = || self.in_flight() == 0 && self.admissions.is_empty() && self.lanes.beginning() == 0;
        let due = Due::until(self.id.clone(), i64::MAX);
        nobody()
            && matches!(self.engine.store.due(due, 1).await, Ok(rows) if rows.is_empty())
            && !self.lanes.is_busy()
            && nobody()
    }

    /// How often anything has begun or come to rest: equal answers mean that nothing did in between.
    pub(crate) fn stirred(&self) -> u64 {
        self.waker.count() + self.begun.load(Ordering::Acquire)
    }

    /// How many workflows are awake.
    pub(crate) fn in_flight(&self) -> usize {
        self.awake.lock().len()
    }

    /// Waits until no workflow is awake; none may be spawned any more.
    pub(crate) async fn drained(&self) {
        self.assistants.close();
        loop {
            self.assistants.wait().await;
            let mut fewer = std::pin::pin!(self.fewer.notified());
            fewer.as_mut().enable();
            if self.tasks.load(Ordering::Acquire) > 0 {
                fewer.await;
            } else if self.assistants.is_empty() {
                return;
            }
        }
    }

    /// Does something for a workflow that is about to wake, in a task that is waited for as its own would be.
    pub(super) fn assist(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.assistants.spawn(work);
    }

    /// Drops every workflow where it is, at its next await; answers how many there were.
    pub(crate) fn interrupt(&self) -> usize {
        // Only where no store keeps them: then they would begin in the places that become free.
        let waiting = self.lanes.drop_kept();
        self.ledger.book(|ledger| ledger.dropped += waiting as u64);
        let tasks: Vec<_> = self.awake.lock().values().map(|task| task.handle.clone()).collect();
        tasks.iter().for_each(AbortHandle::abort);
        tasks.len() + waiting
    }

    /// The workflows that are awake.
    pub(crate) fn awake(&self) -> Vec<WorkflowId> {
        self.awake.lock().keys().copied().collect()
    }

    /// Whether a workflow is awake.
    pub(crate) fn is_awake(&self, id: WorkflowId) -> bool {
        self.awake.lock().contains_key(&id)
    }

    /// What keeps a workflow that is awake from going on; nothing while its step just runs.
    pub(crate) fn doing(&self, id: WorkflowId) -> Option<Wait> {
        let activity = self.awake.lock().get(&id)?.activity.clone();
        activity.wait()
    }

    /// Counts a workflow that stays stored because it is stopped.
    pub(crate) fn count_parked(&self) {
        self.metrics.parked.increment(1);
        self.parked.fetch_add(1, Ordering::Relaxed);
    }

    /// How many workflows stay stored because of the stop.
    pub(crate) fn parked_so_far(&self) -> u64 {
        self.parked.load(Ordering::Relaxed)
    }

    /// Counts a workflow whose last checkpoint could not be stored before the stop.
    pub(crate) fn count_undurable(&self, error: StoreError) {
        let mut undurable = self.undurable.lock();
        undurable.workflows += 1;
        undurable.error = Some(error);
    }

    /// What could not be stored before the stop.
    pub(crate) fn undurable(&self) -> Undurable {
        self.undurable.lock().clone()
    }

    /// Counts a workflow that is in quarantine now.
    pub(crate) fn count_quarantined(&self) {
        self.metrics.quarantined.set(self.engine.quarantine.add(&self.id) as f64);
    }
}

/// The task of a workflow that is awake.
struct Task {
    handle: AbortHandle,
    activity: Arc<Activity>,
}

/// Lies in the task of a workflow and cleans up however it ends.
struct Awake {
    orchestration: Arc<Orchestration>,
    activity: Arc<Activity>,
    place: Place,
    left: Left,
}

impl Awake {
    fn leaves(&mut self, left: Left) {
        self.left = left;
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        let o = &self.orchestration;
        let id = self.activity.workflow();
        let task = o.awake.lock().remove(&id);
        drop(task);
        if !self.activity.has_ended() {
            o.ledger.book(|ledger| {
                ledger.running -= 1;
                // Where nothing is kept, it is gone.
                ledger.dropped += u64::from(!o.engine.keeps);
            });
        }
        o.metrics.leaves();
        if !o.engine.keeps {
            o.engine.mailbox.forget(id);
        }
        // Only now, see the waker: it passes over whoever is awake.
        if let Left::Rests(wake_ms) = self.left {
            o.waker.note(wake_ms);
        }
        // Last of all, because whoever waits for the end of all tasks reads what they have booked.
        o.tasks.fetch_sub(1, Ordering::Release);
        o.fewer.notify_waiters();
    }
}
