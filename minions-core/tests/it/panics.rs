//! User code that panics where nobody expects it: while its error is shown, while its panic is dropped, while it is dropped
//! itself, before its first await.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use minions_core::Result;
use minions_core::component::{Assembly, Component, Dep, Inject, Need};
use minions_core::gru::{Durability, Finished};
use minions_core::minion::{Flow, Minion, StepInfo};
use minions_core::resource::Resource;
use minions_core::store::{MemoryStore, Status};
use minions_core::testing::Events;
use minions_core::workflow::Workflow;
use minions_core::{Error, Gru};
use parking_lot::Mutex;

use crate::support::{Feed, Job, Script, jobs, program, rows};

/// An error that cannot be shown.
#[derive(Debug)]
struct Unspeakable;

impl fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("no words")
    }
}

impl std::error::Error for Unspeakable {}

/// The message of a panic that panics again when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("dropped");
        }
    }
}

async fn quarantined_by(script: &Script) -> Vec<String> {
    let store = MemoryStore::new();
    let gru = program(&jobs([1, 2]), script.clone()).store(store.clone()).start().await.unwrap();
    assert_eq!(gru.finished().await, Finished::Done);
    let report = gru.shutdown().await;
    assert!(report.is_clean() && report.quarantined == 1, "{report}");
    let row = rows(&store).await.remove(0);
    assert_eq!((row.status, &*row.step), (Status::Quarantined, "second"));
    assert_eq!(script.ran_of(2), ["first", "second", "third"]);
    row.failures[0].error.clone()
}

fn at_second_of_1(trouble: impl Fn() -> Error + Send + Sync + 'static) -> Script {
    Script::new(move |wf, job, trail| {
        let error = (job.number == 1 && wf.step() == "second").then(&trouble);
        async move { error.map_or(Ok((Flow::Continue, trail)), Err) }
    })
}

#[tokio::test]
async fn s7_an_error_that_cannot_be_shown_sets_its_workflow_aside() {
    let error = quarantined_by(&at_second_of_1(|| Unspeakable.into())).await;
    assert!(error[0].contains("cannot be shown") && error[0].contains("no words"), "{error:?}");
}

#[tokio::test]
async fn s7_a_panic_that_panics_when_it_is_dropped_sets_its_workflow_aside() {
    quarantined_by(&at_second_of_1(|| std::panic::panic_any(Bomb))).await;
}

#[tokio::test]
async fn s7_an_error_of_a_source_that_cannot_be_shown_is_an_error_of_that_source() {
    let events = Events::new();
    events.fail(Unspeakable);
    events.push(Job { number: 1 });
    let script = Script::plain();
    let gru = program(&events, script.clone()).store(MemoryStore::new()).start().await.unwrap();
    drop(events);
    assert_eq!(gru.finished().await, Finished::Done);
    assert!(gru.shutdown().await.is_clean());
    assert_eq!(script.ran_of(1).len(), 3);
}

/// Whose value panics when it is dropped.
struct Fragile(Arc<Stages>);

/// Which shutdown hooks have run.
#[derive(Default)]
struct Stages {
    fragile: AtomicBool,
    below: AtomicBool,
    eager: Mutex<Option<&'static str>>,
}

impl Component for Fragile {
    const NAME: &'static str = "fragile";
    const FIELDS: &'static [Need] = &[Need::provided::<Arc<Stages>>(), Dep::<Below>::NEED];

    fn assemble(cx: &Assembly) -> Result<Self> {
        Ok(Self(Arc::clone(&*cx.provided::<Arc<Stages>>().unwrap())))
    }
}

impl Resource for Fragile {
    async fn shutdown(&self) -> Result<()> {
        self.0.fragile.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for Fragile {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "dropped");
    }
}

struct Below(Arc<Stages>);

impl Component for Below {
    const NAME: &'static str = "below";
    const FIELDS: &'static [Need] = &[Need::provided::<Arc<Stages>>()];

    fn assemble(cx: &Assembly) -> Result<Self> {
        Ok(Self(Arc::clone(&*cx.provided::<Arc<Stages>>().unwrap())))
    }
}

impl Resource for Below {
    // Not an `async fn`, so what it does at once happens before there is a future.
    fn startup(&mut self) -> impl Future<Output = Result<()>> + Send {
        assert_ne!(*self.0.eager.lock(), Some("startup"), "eager");
        async { Ok(()) }
    }

    async fn shutdown(&self) -> Result<()> {
        self.0.below.store(true, Ordering::Relaxed);
        Ok(())
    }
}

struct Taker {
    _fragile: Dep<Fragile>,
    stages: Arc<Stages>,
}

impl Component for Taker {
    const NAME: &'static str = "taker";
    const FIELDS: &'static [Need] = &[Dep::<Fragile>::NEED, Need::provided::<Arc<Stages>>()];

    fn assemble(cx: &Assembly) -> Result<Self> {
        Ok(Self { _fragile: Dep::inject(cx)?, stages: Arc::clone(&*cx.provided::<Arc<Stages>>().unwrap()) })
    }
}

impl Minion for Taker {
    type Event = Job;
    type Context = ();
    const STEPS: &'static [StepInfo] = &[StepInfo::new("take")];

    fn step<'a>(
        &'a self,
        _: usize,
        _: &'a Job,
        (): &'a mut (),
        _: &'a Workflow,
    ) -> impl Future<Output = Result<Flow>> + Send {
        assert_ne!(*self.stages.eager.lock(), Some("step"), "eager");
        async { Ok(Flow::Done) }
    }
}

fn fragile(stages: &Arc<Stages>) -> minions_core::GruBuilder {
    Gru::builder()
        .orchestrate::<Feed, Taker>()
        .provide(jobs([1]).source())
        .provide(stages.clone())
        .store(MemoryStore::new())
}

#[tokio::test]
async fn s7_a_component_that_panics_when_it_is_dropped_harms_no_other() {
    let stages = Arc::default();
    let gru = fragile(&stages).start().await.unwrap();
    assert_eq!(gru.finished().await, Finished::Done);
    let report = gru.shutdown().await;
    assert!(report.durability == Durability::Intact, "{report}");
    assert!(stages.fragile.load(Ordering::Relaxed) && stages.below.load(Ordering::Relaxed));
}

#[tokio::test]
async fn s7_code_that_panics_before_its_first_await_is_contained_as_well() {
    let stages = Arc::new(Stages { eager: Mutex::new(Some("step")), ..Stages::default() });
    let gru = fragile(&stages).start().await.unwrap();
    assert_eq!(gru.finished().await, Finished::Done);
    assert_eq!(gru.shutdown().await.quarantined, 1);

    let stages = Arc::new(Stages { eager: Mutex::new(Some("startup")), ..Stages::default() });
    let error = fragile(&stages).start().await.unwrap_err();
    assert!(error.to_string().contains("the resource `below` failed in startup: panicked: "), "{error}");
}
