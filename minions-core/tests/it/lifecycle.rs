//! Start, share, stop: order, failures, roll-back.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;

use minions_core::component::{Assembly, Component, Dep, Inject, Kind, Need, Stop};
use minions_core::gru::{ControlError, Finished, Phase, RuntimePhase, StartError};
use minions_core::minion::{Flow, Minion, StepInfo};
use minions_core::resource::Resource;
use minions_core::store::MemoryStore;
use minions_core::supervise::RestartPolicy;
use minions_core::testing::{Events, Gate};
use minions_core::workflow::Workflow;
use minions_core::{Gru, GruBuilder, Result};

use crate::support::{Feed, Job, Script, jobs, program, rows, until};

/// What happened, in order; and what should go wrong.
#[derive(Clone, Default)]
struct Diary {
    lines: Arc<Mutex<Vec<String>>>,
    trouble: Arc<Mutex<Option<(&'static str, Trouble)>>>,
    /// Background tasks get into trouble only when it is open.
    go: Gate,
}

#[derive(Clone, Copy)]
enum Trouble {
    Fails,
    Panics,
    Hangs,
    Returns,
}

impl Diary {
    fn with(hook: &'static str, trouble: Trouble) -> Self {
        let diary = Self::default();
        *diary.trouble.lock() = Some((hook, trouble));
        diary
    }

    async fn note(&self, hook: &str) -> Result<()> {
        self.lines.lock().push(hook.to_owned());
        let trouble = self.trouble.lock().filter(|(at, _)| *at == hook);
        match trouble.map(|(_, trouble)| trouble) {
            Some(Trouble::Fails) => Err(format!("{hook} says no").into()),
            Some(Trouble::Panics) => panic!("{hook} panics"),
            Some(Trouble::Hangs) => std::future::pending().await,
            Some(Trouble::Returns) | None => Ok(()),
        }
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().clone()
    }

    fn position(&self, line: &str) -> usize {
        self.lines().iter().position(|known| known == line).unwrap_or_else(|| panic!("no {line} in {:?}", self.lines()))
    }
}

macro_rules! resource {
    ($type:ident, $name:literal, [$($need:ident),*]) => {
        struct $type(Diary);

        impl Component for $type {
            const NAME: &'static str = $name;
            const FIELDS: &'static [Need] = &[Need::provided::<Diary>(), $(Dep::<$need>::NEED),*];

            fn assemble(cx: &Assembly) -> Result<Self> {
                $(let _: Dep<$need> = Dep::inject(cx)?;)*
                Ok(Self(Diary::clone(&*cx.provided::<Diary>().unwrap())))
            }
        }

        impl Resource for $type {
            async fn startup(&mut self) -> Result<()> {
                self.0.note(concat!($name, " startup")).await
            }

            async fn run(&self, stop: Stop) -> Result<()> {
                let trouble = *self.0.trouble.lock();
                match trouble {
                    Some((concat!($name, " run"), _)) => self.0.go.pass().await,
                    _ => stop.requested().await,
                }
                self.0.note(concat!($name, " run")).await
            }

            async fn shutdown(&self) -> Result<()> {
                self.0.note(concat!($name, " shutdown")).await
            }
        }
    };
}

// A diamond: `app` over `left` and `right` over `base`.
resource!(Base, "base", []);
resource!(Left, "left", [Base]);
resource!(Right, "right", [Base]);

struct Taker(Diary);

impl Component for Taker {
    const NAME: &'static str = "taker";
    const FIELDS: &'static [Need] = &[Need::provided::<Diary>(), Dep::<Left>::NEED, Dep::<Right>::NEED];

    fn assemble(cx: &Assembly) -> Result<Self> {
        let (_, _): (Dep<Left>, Dep<Right>) = (Dep::inject(cx)?, Dep::inject(cx)?);
        Ok(Self(Diary::clone(&*cx.provided::<Diary>().unwrap())))
    }
}

impl Minion for Taker {
    type Event = Job;
    type Context = ();
    const STEPS: &'static [StepInfo] = &[StepInfo::new("take")];

    async fn startup(&mut self) -> Result<()> {
        self.0.note("taker startup").await
    }

    async fn shutdown(&self) -> Result<()> {
        self.0.note("taker shutdown").await
    }

    async fn step<'a>(&'a self, _: usize, _: &'a Job, (): &'a mut (), _: &'a Workflow) -> Result<Flow> {
        self.0.note("step").await?;
        Ok(Flow::Continue)
    }
}

fn diamond(diary: &Diary, events: &Events<Job>) -> GruBuilder {
    Gru::builder()
        .orchestrate::<Feed, Taker>()
        .provide(diary.clone())
        .provide(events.source())
        .store(MemoryStore::new())
        .shutdown_deadline(Duration::from_millis(500))
}

#[tokio::test]
async fn s2_dependencies_start_first_once_and_stop_last() {
    let diary = Diary::default();
    let gru = diamond(&diary, &jobs([1])).start().await.unwrap();
    assert_eq!(gru.manifest().levels, [vec!["base"], vec!["left", "right"]]);
    assert_eq!(gru.finished().await, Finished::Done);
    let report = gru.shutdown().await;
    assert!(report.is_clean(), "{report}");
    let order =
        |before: &str, after: &str| assert!(diary.position(before) < diary.position(after), "{:?}", diary.lines());
    for middle in ["left", "right"] {
        order("base startup", &format!("{middle} startup"));
        order(&format!("{middle} startup"), "taker startup");
        order("taker shutdown", &format!("{middle} shutdown"));
        order(&format!("{middle} shutdown"), "base shutdown");
        order(&format!("{middle} run"), &format!("{middle} shutdown"));
    }
    order("taker startup", "step");
    order("step", "taker shutdown");
    assert_eq!(diary.lines().len(), 3 * 3 + 2 + 1, "every hook once: {:?}", diary.lines());
}

#[tokio::test]
async fn l6_l10_a_failed_startup_stops_what_was_started_and_itself_but_nothing_else() {
    for trouble in [Trouble::Fails, Trouble::Panics, Trouble::Hangs] {
        let diary = Diary::with("right startup", trouble);
        let builder = diamond(&diary, &jobs([1])).startup_deadline(Duration::from_millis(50));
        let error = builder.start().await.unwrap_err();
        let StartError::Component { failure, cleanup } = error else { panic!("{error}") };
        assert_eq!((failure.kind, &*failure.name, failure.phase), (Kind::Resource, "right", Phase::Startup));
        assert!(cleanup.is_empty());
        let mut lines = diary.lines();
        lines.retain(|line| !line.ends_with("run"));
        lines.sort_unstable();
        let expected =
            ["base shutdown", "base startup", "left shutdown", "left startup", "right shutdown", "right startup"];
        assert_eq!(lines, expected);
    }
}

#[tokio::test]
async fn l6_a_failed_minion_rolls_back_and_the_next_start_works() {
    let diary = Diary::with("taker startup", Trouble::Fails);
    let error = diamond(&diary, &jobs([1])).start().await.unwrap_err();
    assert_eq!(error.to_string(), "the minion `taker` failed in startup: taker startup says no");
    assert!(diary.position("taker shutdown") < diary.position("base shutdown"));
    let diary = Diary::default();
    let gru = diamond(&diary, &jobs([1])).start().await.unwrap();
    assert_eq!(gru.finished().await, Finished::Done);
    gru.shutdown().await;
}

#[tokio::test]
async fn l7_a_dropped_start_leaves_nothing_running() {
    let diary = Diary::with("taker startup", Trouble::Hangs);
    let builder = diamond(&diary, &jobs([1])).startup_deadline(Duration::from_millis(50));
    let mut start = Box::pin(builder.start());
    assert!(futures_util::poll!(&mut start).is_pending());
    until("the minion's startup", async || diary.lines().contains(&"taker startup".to_owned())).await;
    drop(start);
    until("everything to be stopped", async || diary.lines().contains(&"base shutdown".to_owned())).await;
}

#[tokio::test]
async fn l7_a_shutdown_takes_a_start_back_in_order() {
    let diary = Diary::with("taker startup", Trouble::Hangs);
    let early = Arc::new(OnceLock::new());
    let hear = early.clone();
    let builder = diamond(&diary, &jobs([1])).on_control(move |control| hear.set(control).unwrap());
    let start = tokio::spawn(builder.start());
    until("the minion's startup", async || diary.lines().contains(&"taker startup".to_owned())).await;
    let control = early.get().unwrap();
    assert_eq!(control.snapshot().phase, RuntimePhase::Starting);
    let report = control.shutdown(None).await.unwrap();
    // Everything is down by then, in the reverse order of its start, also what had only begun to start.
    assert!(report.is_clean(), "{report}");
    assert!(diary.position("taker shutdown") < diary.position("base shutdown"));
    assert!(matches!(start.await.unwrap(), Err(StartError::Refused(ControlError::ShuttingDown))));
}

#[tokio::test]
async fn l8_a_shutdown_that_hangs_is_bounded_and_named_and_the_others_go_on() {
    let diary = Diary::with("left shutdown", Trouble::Hangs);
    let gru = diamond(&diary, &jobs([1])).start().await.unwrap();
    gru.finished().await;
    let report = gru.shutdown().await;
    let failed: Vec<_> = report.failures.iter().map(|failure| (&*failure.name, failure.phase)).collect();
    assert_eq!(failed, [("left", Phase::Shutdown)]);
    diary.position("right shutdown");
    diary.position("base shutdown");
}

#[tokio::test]
async fn l11_a_background_task_that_ends_early_loses_its_component() {
    for (trouble, why) in [
        (Trouble::Returns, "its background task ended although nobody asked it to"),
        (Trouble::Fails, "left run says no"),
        (Trouble::Panics, "panicked: left run panics"),
    ] {
        let (diary, events) = (Diary::with("left run", trouble), Events::new());
        let gru = diamond(&diary, &events).restart(RestartPolicy::never()).start().await.unwrap();
        diary.go.open();
        let finished = gru.finished().await;
        assert_eq!(finished, Finished::Failed(format!("the resource `left` failed in run: {why}")));
        gru.shutdown().await;
    }
}

#[tokio::test]
async fn s7_a_step_error_of_one_program_leaves_another_in_the_same_process_alone() {
    let (quiet, loud) = (Diary::default(), Diary::with("step", Trouble::Panics));
    let first = diamond(&loud, &jobs([1])).start().await.unwrap();
    let second = diamond(&quiet, &jobs([1, 2])).start().await.unwrap();
    assert_eq!((first.finished().await, second.finished().await), (Finished::Done, Finished::Done));
    assert_eq!((first.shutdown().await.quarantined, second.shutdown().await.quarantined), (1, 0));
    assert_eq!(quiet.lines().iter().filter(|line| *line == "step").count(), 2);
}

#[tokio::test]
async fn a_program_that_is_dropped_stops_at_once_and_leaves_its_work_stored() {
    let gate = Gate::new();
    let (events, store) = (Events::new(), MemoryStore::new());
    let script = Script::held(&gate, |step| step == "second");
    events.push(Job { number: 1 });
    let gru = program(&events, script.clone()).store(store.clone()).start().await.unwrap();
    gate.arrivals(1).await;
    drop(gru);
    gate.open();
    events.push(Job { number: 2 });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(script.ran(), [(1, "first"), (1, "second")]);
    assert_eq!(rows(&store).await.into_iter().map(|row| row.step).collect::<Vec<_>>(), ["second"]);
}

#[tokio::test]
async fn a_resource_can_be_replaced_by_a_value_whose_needs_are_not_started() {
    let (real, fake) = (Diary::default(), Diary::default());
    let (left, right) = (fake.clone(), fake.clone());
    let gru = diamond(&real, &jobs([1]))
        .resource(move || Left(left.clone()))
        .resource(move || Right(right.clone()))
        .start()
        .await
        .unwrap();
    assert_eq!(gru.manifest().levels, [vec!["left", "right"]]);
    assert_eq!(gru.finished().await, Finished::Done);
    gru.shutdown().await;
    assert_eq!(real.lines(), ["taker startup", "step", "taker shutdown"]);
    fake.position("left startup");
    fake.position("right shutdown");
}
