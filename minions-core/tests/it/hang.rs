//! Whatever never returns, in every kind of component and every phase: orders come back, say who it is, and nobody else
//! notices.
//!
//! In real time and on two threads, because what blocks its thread is real. Each case has a runtime of its own; the outer
//! deadline is the only one that a slow machine could meet.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use minions_core::component::{Assembly, Component, Dep, Health, Inject, Kind, Need, Stop, Tasks};
use minions_core::gru::{ComponentFailure, Control, Phase, PhaseReport, StartError, StopMode, StopReport};
use minions_core::minion::{Flow, Minion, StepInfo};
use minions_core::pipeline::{Next, Pipeline, Produces};
use minions_core::resource::Resource;
use minions_core::store::MemoryStore;
use minions_core::supervise::RestartPolicy;
use minions_core::testing::Events;
use minions_core::workflow::Workflow;
use minions_core::{Gru, Result};
use tokio::sync::Semaphore;

use crate::support::{Job, Script, Worker, program};

const ID: &str = "spring/drinker";
const PATIENCE: Duration = Duration::from_secs(60);

/// Where something never returns.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Create,
    Startup,
    Run,
    Task,
    Next,
    Step,
    Health,
    Shutdown,
    Drop,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    /// It awaits for ever.
    Waits,
    /// It holds its thread.
    Blocks,
    /// It holds its thread after a timer has woken it: nobody else may be left who watches the clock.
    WakesAndBlocks,
}

#[derive(Clone, Copy, Debug)]
struct Case {
    kind: Kind,
    place: Place,
    way: Way,
}

/// Where the first one that comes is held.
#[derive(Clone)]
struct Trap(Arc<Inner>);

struct Inner {
    case: Case,
    caught: Semaphore,
    armed: Mutex<bool>,
    released: (Mutex<bool>, Condvar),
}

impl Trap {
    fn set(case: Case) -> Self {
        let released = (Mutex::new(false), Condvar::new());
        Self(Arc::new(Inner { case, caught: Semaphore::new(0), armed: Mutex::new(true), released }))
    }

    async fn pass(&self, kind: Kind, place: Place) {
        if !self.catches(kind, place) {
            return;
        }
        match self.0.case.way {
            Way::Waits => {
                self.0.caught.add_permits(1);
                std::future::pending().await
            }
            Way::Blocks => self.hold(),
            Way::WakesAndBlocks => {
                tokio::time::sleep(Duration::from_millis(20)).await;
                self.hold();
            }
        }
    }

    /// Whether this is the place; only once.
    fn catches(&self, kind: Kind, place: Place) -> bool {
        let here = kind == self.0.case.kind && place == self.0.case.place;
        here && std::mem::take(&mut *self.0.armed.lock().unwrap())
    }

    fn hold(&self) {
        self.0.caught.add_permits(1);
        let (released, told) = &self.0.released;
        let _held = told.wait_while(released.lock().unwrap(), |released| !*released).unwrap();
    }

    /// Lets the thread go that it holds.
    fn release(&self) {
        let (released, told) = &self.0.released;
        *released.lock().unwrap() = true;
        told.notify_all();
    }

    async fn caught(&self) {
        self.0.caught.acquire().await.unwrap().forget();
    }

    fn of(cx: &Assembly) -> Self {
        Self::clone(&*cx.provided::<Self>().unwrap())
    }
}

/// A component: its trap and its tasks.
struct Held {
    trap: Trap,
    tasks: Tasks,
    kind: Kind,
}

impl Held {
    async fn create(cx: &Assembly, kind: Kind) -> Result<Self> {
        let trap = Trap::of(cx);
        trap.pass(kind, Place::Create).await;
        Ok(Self { trap, tasks: Tasks::inject(cx)?, kind })
    }

    async fn startup(&self) -> Result<()> {
        self.trap.pass(self.kind, Place::Startup).await;
        let (trap, kind) = (self.trap.clone(), self.kind);
        self.tasks.spawn("helper", async move |stop| {
            trap.pass(kind, Place::Task).await;
            stop.requested().await;
            Ok(())
        });
        Ok(())
    }

    async fn pass(&self, place: Place) {
        self.trap.pass(self.kind, place).await;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.trap.catches(self.kind, Place::Drop) {
            self.trap.hold();
        }
    }
}

macro_rules! component {
    ($name:ident, $text:literal, $kind:expr, [$($need:expr),*]) => {
        struct $name(Held);

        impl Component for $name {
            const NAME: &'static str = $text;
            const FIELDS: &'static [Need] = &[Need::provided::<Trap>(), $($need),*];

            fn assemble(_: &Assembly) -> Result<Self> {
                unreachable!("it is created")
            }
        }
    };
}

component!(Well, "well", Kind::Resource, []);
component!(Spring, "spring", Kind::Pipeline, [Dep::<Well>::NEED]);
component!(Drinker, "drinker", Kind::Minion, [Dep::<Well>::NEED]);

macro_rules! hooks {
    ($kind:expr) => {
        async fn create(cx: Assembly) -> Result<Self> {
            Ok(Self(Held::create(&cx, $kind).await?))
        }

        async fn startup(&mut self) -> Result<()> {
            self.0.startup().await
        }

        async fn run(&self, stop: Stop) -> Result<()> {
            self.0.pass(Place::Run).await;
            stop.requested().await;
            Ok(())
        }

        async fn shutdown(&self) -> Result<()> {
            self.0.pass(Place::Shutdown).await;
            Ok(())
        }

        async fn health(&self) -> Health {
            self.0.pass(Place::Health).await;
            Health::Healthy
        }
    };
}

impl Resource for Well {
    hooks!(Kind::Resource);
}

impl Minion for Drinker {
    type Event = Job;
    type Context = ();
    const STEPS: &'static [StepInfo] = &[StepInfo::new("drink")];

    hooks!(Kind::Minion);

    async fn step<'a>(&'a self, _: usize, _: &'a Job, (): &'a mut (), _: &'a Workflow) -> Result<Flow> {
        self.0.pass(Place::Step).await;
        Ok(Flow::Continue)
    }
}

impl Pipeline for Spring {
    type Event = Job;

    async fn create(cx: Assembly) -> Result<Self> {
        Ok(Self(Held::create(&cx, Kind::Pipeline).await?))
    }

    async fn startup(&mut self) -> Result<()> {
        self.0.startup().await
    }

    async fn next(&mut self) -> Result<Next<Job>> {
        self.0.pass(Place::Next).await;
        let first = self.0.trap.0.case.place == Place::Step && *self.0.trap.0.armed.lock().unwrap();
        Ok(if first { Next::Event(Job { number: 0 }) } else { Next::IdleFor(Duration::from_millis(5)) })
    }

    async fn shutdown(&mut self) -> Result<()> {
        self.0.pass(Place::Shutdown).await;
        Ok(())
    }
}

impl Produces<Job> for Spring {}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Resource => "well",
        Kind::Pipeline => "spring",
        _ => "drinker",
    }
}

/// A program with the orchestration that hangs, which is not started, and another one that must never notice.
struct Scene {
    trap: Trap,
    control: Control,
    events: Events<Job>,
    script: Script,
    gru: Gru,
    /// How many events the other one was given.
    given: u64,
}

impl Scene {
    async fn set(trap: &Trap) -> Self {
        let (events, script) = (Events::new(), Script::plain());
        let gru = program(&events, script.clone())
            .orchestrate_with::<Spring, Drinker>(|options| options.start(false))
            .provide(trap.clone())
            .store(MemoryStore::new())
            .restart(RestartPolicy::never())
            .startup_deadline(Duration::from_millis(300))
            .shutdown_deadline(Duration::from_millis(800))
            .start()
            .await
            .unwrap();
        Self { trap: trap.clone(), control: gru.control(), events, script, gru, given: 0 }
    }

    /// The other orchestration does its work, all three steps of it.
    async fn others_go_on(&mut self) {
        self.given += 1;
        self.events.push(Job { number: self.given });
        while self.script.ran_of(self.given).len() < 3 {
            // The clock is part of what must go on.
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Starts it and waits until it is caught, if that is what it takes.
    async fn start(&mut self) {
        self.control.start(ID).await.unwrap();
        if !matches!(self.trap.0.case.place, Place::Shutdown | Place::Drop) {
            self.trap.caught().await;
        }
        self.others_go_on().await;
    }

    /// It is gone; it can be started again, and then stops as it should.
    async fn can_start_again(&mut self) {
        assert!(self.control.snapshot().pipelines.iter().all(|pipeline| pipeline.id != "spring"));
        self.control.start(ID).await.unwrap();
        let report = self.control.stop(ID, StopMode::Park).await.unwrap();
        assert!(report.is_clean(), "{report:?}");
        self.others_go_on().await;
    }
}

/// Plays each case on two threads of its own; all at the same time.
fn play<F>(cases: Vec<Case>, act: impl Fn(Trap) -> F + Copy + Send + 'static)
where
    F: Future<Output = ()>,
{
    let played = cases.into_iter().map(|case| {
        let (trap, (done, ended)) = (Trap::set(case), mpsc::channel());
        let held = trap.clone();
        let player = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
            // Also when it fails: the runtime waits for its threads.
            let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                runtime.block_on(act(held.clone()));
            }));
            held.release();
            drop(runtime);
            let _ = done.send(played.is_ok());
        });
        (case, trap, ended, player)
    });
    // All of them are begun before the first one is waited for.
    let played: Vec<_> = played.collect();
    let failed: Vec<_> = played
        .into_iter()
        .filter_map(|(case, trap, ended, player)| {
            let outcome = ended.recv_timeout(PATIENCE);
            trap.release();
            match outcome {
                Ok(true) => player.join().map_or(Some(format!("{case:?}: it panicked")), |()| None),
                Ok(false) => Some(format!("{case:?}: failed")),
                Err(_) => Some(format!("{case:?}: did not end within {PATIENCE:?}")),
            }
        })
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

const WAYS: [Way; 3] = [Way::Waits, Way::Blocks, Way::WakesAndBlocks];

fn cases(kinds: &[Kind], places: &[Place]) -> Vec<Case> {
    let each = kinds
        .iter()
        .flat_map(|kind| places.iter().flat_map(|place| WAYS.map(|way| Case { kind: *kind, place: *place, way })));
    each.collect()
}

#[test]
fn l8_a_start_whose_hook_never_returns_fails_and_names_it() {
    let all = cases(&[Kind::Resource, Kind::Pipeline, Kind::Minion], &[Place::Create, Place::Startup]);
    play(all, async |trap| {
        let case = trap.0.case;
        let mut scene = Scene::set(&trap).await;
        let control = scene.control.clone();
        let start = tokio::spawn(async move { control.start(ID).await });
        scene.trap.caught().await;
        scene.others_go_on().await;
        let error = start.await.unwrap().unwrap_err();
        let StartError::Component { failure, cleanup } = error else { panic!("{error}") };
        let phase = if case.place == Place::Create { Phase::Create } else { Phase::Startup };
        assert_eq!(told(&failure), (case.kind, name(case.kind), phase), "{failure}");
        assert!(cleanup.is_empty(), "{cleanup:?}");
        scene.can_start_again().await;
        let report = scene.gru.shutdown().await;
        assert!(report.is_clean(), "{report}");
    });
}

/// What the report of a stop has to say: the phase that failed, or nothing.
fn expected(case: Case) -> Option<Phase> {
    match case.place {
        Place::Shutdown => Some(Phase::Shutdown),
        // It is dropped where it waits, as it may be.
        Place::Next if case.way == Way::Waits => None,
        Place::Run | Place::Task | Place::Next => Some(Phase::Run),
        // A step is a workflow's; a question without an answer holds up nobody.
        Place::Step | Place::Health => None,
        Place::Create | Place::Startup | Place::Drop => unreachable!("it does not run then"),
    }
}

fn told(failure: &ComponentFailure) -> (Kind, &str, Phase) {
    (failure.kind, &failure.name, failure.phase)
}

fn stop_cases() -> Vec<Case> {
    let mut all = cases(&[Kind::Resource, Kind::Minion], &[Place::Run, Place::Task, Place::Health, Place::Shutdown]);
    all.extend(cases(&[Kind::Pipeline], &[Place::Task, Place::Next, Place::Shutdown]));
    all.extend(cases(&[Kind::Minion], &[Place::Step]));
    all
}

#[test]
fn l8_a_stop_comes_back_and_names_what_never_returns() {
    play(stop_cases(), async |trap| {
        let case = trap.0.case;
        let mut scene = Scene::set(&trap).await;
        scene.start().await;
        let control = scene.control.clone();
        let stop = tokio::spawn(async move { control.stop(ID, StopMode::Park).await });
        scene.others_go_on().await;
        let report = stop.await.unwrap().unwrap();
        check_stop(case, &report);
        scene.others_go_on().await;
        scene.can_start_again().await;
        let report = scene.gru.shutdown().await;
        assert!(report.failures.is_empty(), "{report}");
    });
}

fn check_stop(case: Case, report: &StopReport) {
    let failed: Vec<_> = report.phases.iter().filter(|phase| phase.error.is_some()).collect();
    match expected(case) {
        Some(phase) => {
            let named =
                |told: &&PhaseReport| told.kind == case.kind && told.name == name(case.kind) && told.phase == phase;
            assert!(!failed.is_empty() && failed.iter().all(named), "{report:#?}");
        }
        None => assert!(failed.is_empty(), "{report:#?}"),
    }
    assert_eq!(report.interrupted, u64::from(case.place == Place::Step), "{report:#?}");
}

#[test]
fn l8_a_shutdown_comes_back_and_names_what_never_returns() {
    play(stop_cases(), async |trap| {
        let case = trap.0.case;
        let mut scene = Scene::set(&trap).await;
        scene.start().await;
        let report = scene.gru.shutdown().await;
        let failed: Vec<_> = report.failures.iter().map(told).collect();
        match expected(case) {
            Some(phase) => {
                let this = (case.kind, name(case.kind), phase);
                assert!(!failed.is_empty() && failed.iter().all(|told| *told == this), "{report}");
            }
            None => assert!(failed.is_empty(), "{report}"),
        }
        assert_eq!(report.interrupted, u64::from(case.place == Place::Step), "{report}");
    });
}

#[test]
fn s7_a_value_whose_drop_never_returns_holds_up_nobody() {
    let all =
        [Kind::Resource, Kind::Pipeline, Kind::Minion].map(|kind| Case { kind, place: Place::Drop, way: Way::Blocks });
    play(all.into(), async |trap| {
        let mut scene = Scene::set(&trap).await;
        scene.start().await;
        scene.control.stop(ID, StopMode::Park).await.unwrap();
        scene.others_go_on().await;
        scene.can_start_again().await;
        scene.gru.shutdown().await;
    });
}

/// Says one job every few milliseconds, by the runtime's own clock.
struct Ticker(u64);

impl Component for Ticker {
    const NAME: &'static str = "ticker";

    fn assemble(_: &Assembly) -> Result<Self> {
        Ok(Self(0))
    }
}

impl Pipeline for Ticker {
    type Event = Job;

    async fn next(&mut self) -> Result<Next<Job>> {
        tokio::time::sleep(Duration::from_millis(5)).await;
        self.0 += 1;
        Ok(Next::Event(Job { number: self.0 }))
    }
}

impl Produces<Job> for Ticker {}

#[test]
fn s7_what_blocks_a_thread_does_not_stop_the_clock_of_the_others() {
    let places = [
        (Kind::Resource, Place::Run),
        (Kind::Resource, Place::Task),
        (Kind::Pipeline, Place::Next),
        (Kind::Minion, Place::Step),
    ];
    for (kind, place) in places {
        let trap = Trap::set(Case { kind, place, way: Way::WakesAndBlocks });
        let script = Script::plain();
        let (held, seen) = (trap.clone(), script.clone());
        let (done, ended) = mpsc::channel::<()>();
        let player = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
            runtime.block_on(async {
                let gru = Gru::builder()
                    .orchestrate::<Ticker, Worker>()
                    .orchestrate::<Spring, Drinker>()
                    .provide(held.clone())
                    .provide(seen)
                    .store(MemoryStore::new())
                    .shutdown_deadline(Duration::from_millis(800))
                    .start()
                    .await
                    .unwrap();
                held.caught().await;
                // Nobody looks in from outside any more until the test has seen enough.
                let _ = tokio::task::spawn_blocking(move || ended.recv()).await;
                gru.shutdown().await;
            });
            held.release();
        });
        let begun = std::time::Instant::now();
        let held_at = loop {
            if !*trap.0.armed.lock().unwrap() {
                break script.ran().len();
            }
            thread::sleep(Duration::from_millis(5));
        };
        // Three steps each, of more events than were on their way.
        let goes_on = loop {
            match script.ran().len() {
                ran if ran > held_at + 60 => break true,
                _ if begun.elapsed() > Duration::from_secs(20) => break false,
                _ => thread::sleep(Duration::from_millis(5)),
            }
        };
        drop(done);
        trap.release();
        player.join().unwrap();
        assert!(goes_on, "nothing happened any more after {kind:?} blocked in {place:?}");
    }
}

impl fmt::Debug for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Trap").field(&self.0.case).finish()
    }
}
