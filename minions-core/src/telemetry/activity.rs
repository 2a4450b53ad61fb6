//! What a workflow does while it is awake: inside which call, waiting for which permit, or on its way to the store.
//!
//! The tracked calls of an attempt are *frames* in a cell that its tasks share. The clock of a step stands still while all
//! innermost frames wait for permits, because that is not the step's time.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::clock::now_ms;
use crate::reason::{Reason, Wait};
use crate::resource::TrackedMethod;
use crate::workflow::{Ambient, Asked, WorkflowId};

use super::current::CurrentStep;

/// The cell of one workflow that is awake.
pub(crate) struct Activity {
    ambient: Arc<Ambient>,
    workflow: WorkflowId,
    /// Whether the end of the workflow is durable and booked.
    has_ended: AtomicBool,
    doing: Mutex<Doing>,
}

struct Doing {
    /// Counts the attempts, so that tasks which outlive theirs change nothing.
    attempt: u32,
    /// The step that runs or has run last, and which attempt at it that is.
    step: (&'static str, u32),
    phase: Phase,
    /// When the attempt has begun, or the phase after it.
    since: Instant,
    timeout: Option<Duration>,
    /// What the attempt has asked for so far.
    asked: Option<Box<Asked>>,
    /// In the order in which they were entered.
    frames: Vec<Frame>,
    last_frame: u32,
    /// How many of the innermost frames run, and how many wait.
    running: u32,
    waiting: u32,
    /// For how long the clock has stood, and since when it does now.
    stood: Duration,
    stands: Option<Instant>,
    /// Whoever watches over the timeout, while the clock stands.
    watcher: Option<Waker>,
    overrun: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Between,
    Step,
    Store,
}

struct Frame {
    id: u32,
    parent: u32,
    /// How many frames were entered from inside this one and are not left.
    inner: u32,
    since: Instant,
    what: Frames,
}

/// What a frame stands for.
pub(crate) enum Frames {
    Call(&'static TrackedMethod),
    Waits(Arc<dyn Waits>),
}

/// Somebody who waits for a permit, and can tell how long the queue is.
pub(crate) trait Waits: Send + Sync {
    /// Nothing if it waits no more.
    fn reason(&self) -> Option<Reason>;
}

/// The frames beyond which nobody is interested; only bounds what a step can make of its own calls.
const MOST_FRAMES: usize = 256;

/// What is left of a step's time.
pub(crate) enum Left {
    Nothing,
    Until(Instant),
    /// The clock stands; whoever asked is woken when it goes on.
    Stands,
}

impl Activity {
    pub(crate) fn new(ambient: Arc<Ambient>, workflow: WorkflowId) -> Arc<Self> {
        let doing = Mutex::new(Doing {
            attempt: 0,
            step: ("", 0),
            phase: Phase::Between,
            since: Instant::now(),
            timeout: None,
            asked: None,
            frames: Vec::new(),
            last_frame: 0,
            running: 0,
            waiting: 0,
            stood: Duration::ZERO,
            stands: None,
            watcher: None,
            overrun: false,
        });
        Arc::new(Self { ambient, workflow, has_ended: AtomicBool::new(false), doing })
    }

    pub(crate) fn workflow(&self) -> WorkflowId {
        self.workflow
    }

    /// The workflow has ended, durably.
    pub(crate) fn ends(&self) {
        self.has_ended.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Relaxed)
    }

    /// An attempt begins at `now`: of which step, and which number it has.
    pub(crate) fn begin(
        self: &Arc<Self>,
        step: (&'static str, u32),
        timeout: Option<Duration>,
        now: Instant,
    ) -> Standing {
        let mut doing = self.doing.lock();
        doing.attempt = doing.attempt.wrapping_add(1);
        doing.step = step;
        (doing.phase, doing.since, doing.timeout, doing.overrun) = (Phase::Step, now, timeout, false);
        (doing.running, doing.waiting, doing.stood, doing.stands) = (0, 0, Duration::ZERO, None);
        doing.frames.clear();
        Standing { activity: self.clone(), attempt: doing.attempt, frame: 0 }
    }

    /// The attempt has ended, and what it came to goes to the store; answers how long its clock has stood, and what it has
    /// asked for.
    pub(crate) fn end(&self, now: Instant) -> (Duration, Asked) {
        let mut doing = self.doing.lock();
        let stood = doing.stood_until(now);
        doing.attempt = doing.attempt.wrapping_add(1);
        (doing.phase, doing.since, doing.stands) = (Phase::Store, now, None);
        doing.frames.clear();
        (stood, doing.asked.take().map(|asked| *asked).unwrap_or_default())
    }

    /// What was on its way to the store has got there.
    pub(crate) fn pause(&self) {
        self.doing.lock().phase = Phase::Between;
    }

    /// What is left before `deadline`, which moves on by the time that the clock stands; `watcher` is woken when it goes on.
    pub(crate) fn left(&self, deadline: Instant, watcher: &Waker) -> Left {
        let now = Instant::now();
        let mut doing = self.doing.lock();
        let deadline = deadline + doing.stood;
        match doing.stands {
            Some(since) if deadline > since => {
                doing.watcher = Some(watcher.clone());
                Left::Stands
            }
            None if deadline > now => Left::Until(deadline),
            _ => {
                doing.overrun = true;
                Left::Nothing
            }
        }
    }

    /// What keeps the workflow from going on; nothing while its step just runs.
    pub(crate) fn wait(&self) -> Option<Wait> {
        let (reason, since) = {
            let doing = self.doing.lock();
            match (doing.phase, doing.frames.last()) {
                (Phase::Store, _) => (Told::Reason(Reason::Store), doing.since),
                (Phase::Step, Some(frame)) => (frame.what.told(), frame.since),
                (Phase::Step, None) | (Phase::Between, _) => return None,
            }
        };
        let reason = match reason {
            Told::Reason(reason) => reason,
            Told::Ask(waits) => waits.reason()?,
        };
        let since_ms = now_ms().saturating_sub(i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX));
        Some(Wait::new(reason, since_ms))
    }
}

/// What a frame says; the queue of a limit is asked after the lock is let go.
enum Told {
    Reason(Reason),
    Ask(Arc<dyn Waits>),
}

impl Frames {
    fn told(&self) -> Told {
        match self {
            Self::Call(method) => Told::Reason(Reason::Call { call: method.to_string().into() }),
            Self::Waits(waits) => Told::Ask(waits.clone()),
        }
    }

    const fn waits(&self) -> bool {
        matches!(self, Self::Waits(_))
    }
}

impl Doing {
    fn stood_until(&self, now: Instant) -> Duration {
        self.stood + self.stands.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    fn enter(&mut self, parent: u32, what: Frames, since: Instant) -> u32 {
        if let Some(parent) = self.frames.iter_mut().rev().find(|frame| frame.id == parent) {
            parent.inner += 1;
            if parent.inner == 1 {
                let waits = parent.what.waits();
                self.count(waits, false);
            }
        }
        self.last_frame = self.last_frame.wrapping_add(1).max(1);
        self.count(what.waits(), true);
        self.frames.push(Frame { id: self.last_frame, parent, inner: 0, since, what });
        self.last_frame
    }

    fn leave(&mut self, id: u32) {
        let Some(at) = self.frames.iter().rposition(|frame| frame.id == id) else { return };
        let left = self.frames.remove(at);
        if left.inner == 0 {
            self.count(left.what.waits(), false);
        }
        if let Some(parent) = self.frames.iter_mut().rev().find(|frame| frame.id == left.parent) {
            parent.inner -= 1;
            if parent.inner == 0 {
                let waits = parent.what.waits();
                self.count(waits, true);
            }
        }
    }

    fn count(&mut self, waits: bool, more: bool) {
        let count = if waits { &mut self.waiting } else { &mut self.running };
        *count = if more { *count + 1 } else { *count - 1 };
    }

    /// Stops the clock or lets it go on, as the innermost frames say; answers who is to be told.
    fn settle(&mut self) -> Option<Waker> {
        let stands = self.waiting > 0 && self.running == 0;
        match (self.stands, stands) {
            (None, true) => self.stands = Some(Instant::now()),
            (Some(since), false) => {
                self.stood += since.elapsed();
                self.stands = None;
                return self.watcher.take();
            }
            _ => {}
        }
        None
    }
}

/// Where a task stands: in which attempt of which workflow, inside which frame.
#[derive(Clone)]
pub(crate) struct Standing {
    activity: Arc<Activity>,
    attempt: u32,
    /// 0 outside of all calls.
    frame: u32,
}

impl Standing {
    /// Enters a frame, which is left when the answer is dropped.
    pub(crate) fn enter(&self, what: Frames, since: Instant) -> Option<Entered> {
        let mut doing = self.activity.doing.lock();
        if doing.attempt != self.attempt || doing.frames.len() >= MOST_FRAMES {
            return None;
        }
        let frame = doing.enter(self.frame, what, since);
        let watcher = doing.settle();
        drop(doing);
        if let Some(watcher) = watcher {
            watcher.wake();
        }
        Some(Entered(Self { activity: self.activity.clone(), attempt: self.attempt, frame }))
    }

    /// Whose task it is; nothing once the attempt is over.
    pub(crate) fn step(&self) -> Option<CurrentStep> {
        let ambient = self.ambient();
        let doing = self.activity.doing.lock();
        let (step, attempt) = doing.step;
        (doing.attempt == self.attempt).then(|| CurrentStep {
            minion: ambient.minion,
            orchestration: ambient.orchestration.clone(),
            workflow: self.activity.workflow,
            step,
            attempt,
        })
    }

    pub(crate) fn ambient(&self) -> &Ambient {
        &self.activity.ambient
    }

    pub(crate) fn workflow(&self) -> WorkflowId {
        self.activity.workflow
    }

    /// Looks at what the attempt has asked for, or asks for more; nothing once it is over.
    pub(crate) fn ask<T>(&self, ask: impl FnOnce(&mut Asked) -> T) -> Option<T> {
        let mut doing = self.activity.doing.lock();
        (doing.attempt == self.attempt).then(|| ask(doing.asked.get_or_insert_default()))
    }

    /// How long the clock of the step has stood so far.
    pub(crate) fn stood(&self) -> Duration {
        let now = Instant::now();
        let doing = self.activity.doing.lock();
        if doing.attempt == self.attempt { doing.stood_until(now) } else { Duration::ZERO }
    }

    /// How much of the step's time is left, if it has a timeout.
    pub(crate) fn time_left(&self) -> Option<Duration> {
        let now = Instant::now();
        let doing = self.activity.doing.lock();
        let timeout = doing.timeout.filter(|_| doing.attempt == self.attempt)?;
        Some((timeout + doing.stood_until(now)).saturating_sub(now.saturating_duration_since(doing.since)))
    }

    /// Whether the attempt has run out of time.
    pub(crate) fn is_overrun(&self) -> bool {
        let doing = self.activity.doing.lock();
        doing.attempt == self.attempt && doing.overrun
    }
}

impl fmt::Debug for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Standing").finish_non_exhaustive()
    }
}

/// A frame that is not left yet.
pub(crate) struct Entered(Standing);

impl Entered {
    /// Where the tasks stand that run inside the frame.
    pub(crate) fn inside(&self) -> Standing {
        self.0.clone()
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut doing = self.0.activity.doing.lock();
        if doing.attempt != self.0.attempt {
            return;
        }
        doing.leave(self.0.frame);
        let watcher = doing.settle();
        drop(doing);
        if let Some(watcher) = watcher {
            watcher.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::WorkflowIds;

    static GET: TrackedMethod = TrackedMethod::new("http", "get");
    static SAVE: TrackedMethod = TrackedMethod::new("db", "save");

    struct Third;

    impl Waits for Third {
        fn reason(&self) -> Option<Reason> {
            Some(Reason::Limit { limit: "http.get".into(), key: None, ahead: 2 })
        }
    }

    fn waits() -> Frames {
        Frames::Waits(Arc::new(Third))
    }

    fn told(activity: &Activity) -> Option<String> {
        activity.wait().map(|wait| wait.reason.to_string())
    }

    #[tokio::test(start_paused = true)]
    async fn a_workflow_says_what_it_does_and_since_when() {
        let activity = Activity::new(Arc::new(Ambient::detached()), WorkflowIds::after(None).next());
        assert_eq!(told(&activity), None);
        let standing = activity.begin(("fetch", 1), None, Instant::now());
        assert_eq!(told(&activity), None);
        let save = standing.enter(Frames::Call(&SAVE), Instant::now()).unwrap();
        let get = save.inside().enter(Frames::Call(&GET), Instant::now()).unwrap();
        assert_eq!(told(&activity).unwrap(), "inside `http.get`");
        drop(get);
        assert_eq!(told(&activity).unwrap(), "inside `db.save`");
        let wait = save.inside().enter(waits(), Instant::now()).unwrap();
        assert_eq!(told(&activity).unwrap(), "waits for a permit of `http.get`, with 2 before it");
        drop((wait, save));
        activity.end(Instant::now());
        assert_eq!(activity.wait().unwrap().reason, Reason::Store);
        assert!(standing.enter(Frames::Call(&GET), Instant::now()).is_none(), "its attempt is over");
        activity.pause();
        assert_eq!(told(&activity), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_clock_stands_only_while_all_innermost_calls_wait() {
        let second = || tokio::time::advance(Duration::from_secs(1));
        let activity = Activity::new(Arc::new(Ambient::detached()), WorkflowIds::after(None).next());
        let standing = activity.begin(("fetch", 1), Some(Duration::from_secs(9)), Instant::now());
        let save = standing.enter(Frames::Call(&SAVE), Instant::now()).unwrap();
        second().await;
        let first = save.inside().enter(waits(), Instant::now()).unwrap();
        second().await;
        assert_eq!(standing.stood().as_secs(), 1, "the outer call runs only as far as the inner one does");
        let beside = standing.enter(Frames::Call(&GET), Instant::now()).unwrap();
        second().await;
        assert_eq!(standing.stood().as_secs(), 1, "another call of the step runs");
        drop(beside);
        second().await;
        drop(first);
        second().await;
        assert_eq!((standing.stood().as_secs(), standing.time_left().unwrap().as_secs()), (2, 6));
        assert_eq!(activity.end(Instant::now()).0.as_secs(), 2);
    }
}
