//! Orders to a running program: start, stop, shutdown, alone and against each other.

use std::time::Duration;

use futures_util::future::join;

use minions_core::component::{Assembly, Component, Dep, Inject, Need};
use minions_core::gru::{
    ControlError, Durability, Finished, Phase, RuntimePhase, StartError, StartRequest, State, StopMode,
};
use minions_core::minion::{Flow, Minion, StepInfo};
use minions_core::store::MemoryStore;
use minions_core::testing::{FaultyStore, Gate};
use minions_core::workflow::Workflow;
use minions_core::{Gru, Result, gru::Control};

use crate::support::stage::{Even, First, Odd, Plan, Second, Stage, idle, on_demand, state, users};
use crate::support::{Feed, Job, jobs, rows, until};

const FIRST: &str = "odd/first";
const SECOND: &str = "odd/second";
const EVEN: &str = "even/second";

fn refusal(error: StartError) -> ControlError {
    match error {
        StartError::Refused(error) => error,
        error => panic!("{error}"),
    }
}

#[tokio::test]
async fn l3_what_is_started_later_runs_and_leaves_nothing() {
    let stage = Stage::default();
    let (gru, control) = idle(&stage).await;
    let before = control.snapshot();
    let report = control.start(FIRST).await.unwrap();
    assert_eq!(report.orchestrations, [FIRST]);
    let names: Vec<_> = report.phases.iter().map(|phase| (&*phase.name, phase.phase)).collect();
    assert_eq!(names.len(), 2 * 5, "three resources, a pipeline and a minion, each made and started: {names:?}");
    assert_eq!(names[..2], [("base", Phase::Create), ("base", Phase::Startup)]);
    stage.event("odd", 1);
    until("the step", async || stage.steps() == [("first", 1)]).await;
    let report = control.stop(FIRST, StopMode::Drain).await.unwrap();
    assert!(report.is_clean() && report.durability == Durability::Intact, "{report:?}");
    assert_eq!(report.phases.len(), 5, "each shut down once: {report:?}");
    assert_eq!(report.phases[4].name, "base");
    let mut after = control.snapshot();
    assert_eq!(after.orchestrations.remove(0).state, State::Stopped);
    assert_eq!(after, before);
    assert!(gru.shutdown().await.is_clean());
}

#[tokio::test]
async fn l4_a_running_orchestration_is_not_started_again_and_an_unknown_one_is_not_found() {
    let stage = Stage::default();
    let (_gru, control) = idle(&stage).await;
    control.start(StartRequest::of::<Odd, First>()).await.unwrap();
    let before = control.snapshot();
    let error = control.start(FIRST).await.unwrap_err();
    assert_eq!(refusal(error), ControlError::AlreadyRunning { id: FIRST.to_owned() });
    let unknown = ControlError::NotFound { id: SECOND.to_owned(), known: vec![FIRST.to_owned()] };
    assert_eq!(control.stop(SECOND, StopMode::Park).await.unwrap_err(), unknown);
    assert_eq!(control.snapshot(), before);
    control.stop(FIRST, StopMode::Park).await.unwrap();
    let error = control.stop(FIRST, StopMode::Park).await.unwrap_err();
    assert_eq!(error, ControlError::NotFound { id: FIRST.to_owned(), known: vec![] });
}

#[tokio::test]
async fn l4_an_order_that_makes_no_sense_says_what_would() {
    let stage = Stage::default();
    let (_gru, control) = idle(&stage).await;
    for (id, why) in [
        ("odd", "`odd` is no orchestration; write `pipeline/minion` or `pipeline/minion@configuration`"),
        ("add/first", "the program knows no pipeline `add`; it knows `even`, `odd`"),
        ("odd/third", "the program knows no minion `third`; it knows `first`, `second`"),
        ("odd/first@eu", "`odd/first` is not declared with a configuration `eu` (without one); name its file"),
    ] {
        let error = control.start(id).await.unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    // A pair that no line of the program declares.
    let report = control.start("even/first").await.unwrap();
    assert_eq!(report.orchestrations, ["even/first"]);
}

#[tokio::test]
async fn l5_of_two_equal_orders_one_wins_and_a_start_waits_for_a_stop() {
    let stage = Stage::default();
    let (_gru, control) = idle(&stage).await;
    let (one, other) = join(control.start(FIRST), control.start(FIRST)).await;
    assert!(one.is_ok());
    assert_eq!(refusal(other.unwrap_err()), ControlError::AlreadyRunning { id: FIRST.to_owned() });
    let (one, other) = join(control.stop(FIRST, StopMode::Park), control.stop(FIRST, StopMode::Park)).await;
    assert!(one.is_ok() && matches!(other, Err(ControlError::NotFound { .. })));

    control.start(FIRST).await.unwrap();
    let gate = Gate::new();
    stage.plan("first shutdown", Plan::Wait(gate.clone()));
    let stop = control.stop(FIRST, StopMode::Park);
    let open = async {
        gate.arrivals(1).await;
        // Another one does not wait.
        control.start(EVEN).await.unwrap();
        gate.open();
    };
    let ((stopped, ()), started) = join(join(stop, open), async {
        gate.arrivals(0).await;
        control.start(FIRST).await
    })
    .await;
    assert!(stopped.is_ok());
    match started {
        Ok(_) => assert_eq!(state(&control, FIRST), Some(State::Running)),
        // It came before the stop.
        Err(error) => assert_eq!(refusal(error), ControlError::AlreadyRunning { id: FIRST.to_owned() }),
    }
}

#[tokio::test]
async fn l5_a_start_during_a_stop_makes_a_new_instance() {
    let (stage, gate) = (Stage::default(), Gate::new());
    let (_gru, control) = idle(&stage).await;
    control.start(FIRST).await.unwrap();
    stage.plan("first shutdown", Plan::Wait(gate.clone()));
    let mut stop = Box::pin(control.stop(FIRST, StopMode::Park));
    assert!(futures_util::poll!(&mut stop).is_pending());
    gate.arrivals(1).await;
    let mut start = Box::pin(control.start(FIRST));
    assert!(futures_util::poll!(&mut start).is_pending());
    gate.open();
    let (stopped, started) = join(stop, start).await;
    assert!(stopped.unwrap().is_clean());
    started.unwrap();
    assert_eq!(state(&control, FIRST), Some(State::Running));
    assert_eq!((stage.count("first create"), stage.count("first shutdown")), (2, 1));
}

#[tokio::test]
async fn l5_a_stop_takes_back_a_start_that_is_under_way() {
    let stage = Stage::default();
    let (_gru, control) = idle(&stage).await;
    let before = control.snapshot();
    stage.plan("first startup", Plan::Hang);
    let mut start = Box::pin(control.start(FIRST));
    assert!(futures_util::poll!(&mut start).is_pending());
    until("the startup", async || stage.count("first startup") == 1).await;
    let (started, stopped) = join(start, control.stop(FIRST, StopMode::Park)).await;
    assert_eq!(refusal(started.unwrap_err()), ControlError::Stopped { id: FIRST.to_owned() });
    assert!(stopped.is_ok());
    assert_eq!(control.snapshot(), before);
    assert_eq!(stage.count("first shutdown"), 1);
}

#[tokio::test]
async fn l6_a_start_that_fails_anywhere_leaves_the_equal_snapshot_and_others_alone() {
    let stage = Stage::default();
    let (_gru, control) = idle(&stage).await;
    control.start(EVEN).await.unwrap();
    let (before, lines) = (control.snapshot(), stage.lines().len());
    for component in ["base", "left", "right", "odd", "first"] {
        for hook in ["create", "startup"] {
            for plan in [Plan::Fail, Plan::Panic] {
                let at = format!("{component} {hook}");
                stage.plan(&at, plan);
                // What fails afterwards does not replace it.
                stage.plan("base shutdown", Plan::Fail);
                let error = control.start(FIRST).await.unwrap_err();
                let StartError::Component { failure, .. } = &error else { panic!("{error}") };
                assert_eq!((&*failure.name, failure.phase.to_string()), (component, hook.to_owned()));
                assert!(error.to_string().contains(&at), "{error}");
                assert_eq!(control.snapshot(), before, "after {at}");
                stage.forget();
            }
        }
    }
    let shut = |line: &&String| line.ends_with(" shutdown");
    let started = |line: &&String| line.ends_with(" startup");
    let (all, new) = (stage.lines(), stage.lines().split_off(lines));
    assert_eq!(new.iter().filter(shut).count(), new.iter().filter(started).count(), "{all:?}");
    stage.event("even", 2);
    until("the other one to work", async || stage.steps() == [("second", 2)]).await;
    control.start(FIRST).await.unwrap();
}

#[tokio::test]
async fn l6_a_store_that_cannot_be_read_fails_the_start() {
    let (stage, store) = (Stage::default(), FaultyStore::new());
    let gru = on_demand(&stage).store(store.clone()).start().await.unwrap();
    let control = gru.control();
    let before = control.snapshot();
    store.fail();
    let error = control.start(FIRST).await.unwrap_err();
    assert!(matches!(error, StartError::Store(_)), "{error}");
    assert_eq!(control.snapshot(), before);
    store.work();
    control.start(FIRST).await.unwrap();
}

#[tokio::test]
async fn l7_a_start_that_is_dropped_at_any_await_leaves_the_equal_snapshot() {
    let stage = Stage::default();
    let (_gru, control) = idle(&stage).await;
    control.start(EVEN).await.unwrap();
    let before = control.snapshot();
    for polls in 0.. {
        let mut start = Box::pin(control.start(FIRST));
        let mut ready = false;
        for _ in 0..polls {
            ready = futures_util::poll!(&mut start).is_ready();
            if ready {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(start);
        if ready {
            control.stop(FIRST, StopMode::Park).await.unwrap();
            assert!(polls > 0, "a start takes several awaits");
            break;
        }
        until("everything to be as before", async || control.snapshot() == before).await;
        assert_eq!(stage.count("first startup"), stage.count("first shutdown"));
    }
    for at in ["base create", "left startup", "odd create", "odd startup", "first create", "first startup"] {
        let (gate, taken) = (Gate::new(), before.clone());
        stage.plan(at, Plan::Wait(gate.clone()));
        let mut start = Box::pin(control.start(FIRST));
        assert!(futures_util::poll!(&mut start).is_pending());
        gate.arrivals(1).await;
        drop(start);
        let running = |id: &str| taken.orchestrations.iter().any(|known| known.id == id);
        until("everything to be as before", async || {
            let mut now = control.snapshot();
            now.orchestrations.retain(|known| running(&known.id));
            now == taken
        })
        .await;
        stage.forget();
    }
}

#[tokio::test]
async fn l8_a_stop_whose_hooks_hang_is_bounded_and_names_each() {
    let stage = Stage::default();
    let gru = on_demand(&stage).shutdown_deadline(Duration::from_millis(200)).start().await.unwrap();
    let control = gru.control();
    control.start(FIRST).await.unwrap();
    control.start(EVEN).await.unwrap();
    let all = ["first shutdown", "odd shutdown", "left shutdown", "right shutdown", "base shutdown"];
    all.iter().for_each(|at| stage.plan(at, Plan::Hang));
    let report = control.stop(FIRST, StopMode::Park).await.unwrap();
    let mut named: Vec<_> =
        report.phases.iter().filter(|phase| phase.error.is_some()).map(|phase| &*phase.name).collect();
    named.sort_unstable();
    assert_eq!(named, ["base", "first", "left", "odd", "right"]);
    assert!(!report.is_clean());
    assert_eq!(state(&control, FIRST), Some(State::Stopped), "gone all the same");
    assert_eq!(state(&control, EVEN), Some(State::Running));
    stage.forget();
    control.start(FIRST).await.unwrap();
    assert!(gru.shutdown().await.is_clean());
}

#[tokio::test]
async fn l9_a_shutdown_refuses_new_orders_ends_those_under_way_and_tells_everyone_the_same() {
    let (stage, gate) = (Stage::default(), Gate::new());
    let (gru, control) = idle(&stage).await;
    control.start(EVEN).await.unwrap();
    stage.plan("first startup", Plan::Hang);
    stage.plan("second shutdown", Plan::Wait(gate.clone()));
    let starting = tokio::spawn({
        let control = control.clone();
        async move { control.start(FIRST).await }
    });
    until("the startup", async || stage.count("first startup") == 1).await;
    let shutdown = |control: Control| tokio::spawn(async move { control.shutdown(None).await.unwrap() });
    let (one, other) = (shutdown(control.clone()), shutdown(control.clone()));
    gate.arrivals(1).await;
    assert_eq!(control.snapshot().phase, RuntimePhase::Stopping);
    assert_eq!(refusal(control.start(SECOND).await.unwrap_err()), ControlError::ShuttingDown);
    assert_eq!(control.stop(EVEN, StopMode::Park).await.unwrap_err(), ControlError::ShuttingDown);
    assert_eq!(refusal(starting.await.unwrap().unwrap_err()), ControlError::ShuttingDown);
    gate.open();
    let (one, other) = (one.await.unwrap(), other.await.unwrap());
    assert!(std::sync::Arc::ptr_eq(&one, &other) && one.is_clean(), "{one}");
    assert_eq!(control.snapshot().phase, RuntimePhase::Stopped);
    assert_eq!(gru.finished().await, Finished::Stopped);
    assert!(std::sync::Arc::ptr_eq(&one, &control.shutdown(None).await.unwrap()));
    drop(gru);
    assert!(control.shutdown(None).await.is_err(), "the program is gone");
    assert_eq!(stage.count("first startup"), stage.count("first shutdown"));
}

#[tokio::test]
async fn l2_a_store_that_fails_to_open_leaves_nothing_behind() {
    let (stage, store) = (Stage::default(), FaultyStore::new());
    let program = || on_demand(&stage).orchestrate::<Even, First>().store(store.clone());
    store.fail();
    assert!(matches!(program().start().await.unwrap_err(), StartError::Store(_)));
    assert_eq!(stage.lines(), [""; 0]);
    store.work();
    let gru = program().start().await.unwrap();
    assert!(gru.shutdown().await.is_clean());
}

/// Stops its own orchestration from within a step.
struct Quitter(Dep<Control>);

impl Component for Quitter {
    const NAME: &'static str = "quitter";
    const FIELDS: &'static [Need] = &[Dep::<Control>::NEED];

    fn assemble(cx: &Assembly) -> Result<Self> {
        Ok(Self(Dep::inject(cx)?))
    }
}

impl Minion for Quitter {
    type Event = Job;
    type Context = ();
    const STEPS: &'static [StepInfo] = &[StepInfo::new("quit"), StepInfo::new("never")];

    async fn step<'a>(&'a self, index: usize, _: &'a Job, (): &'a mut (), wf: &'a Workflow) -> Result<Flow> {
        assert_eq!(index, 0, "it is parked before the second step");
        let id = wf.orchestration();
        let error = self.0.stop(id, StopMode::Park).await.unwrap_err();
        assert_eq!(error, ControlError::WaitsForItself { id: id.to_owned() });
        self.0.request_stop(id, StopMode::Park)?;
        Ok(Flow::Continue)
    }
}

#[tokio::test]
async fn a_component_has_the_control_of_its_program() {
    let store = MemoryStore::new();
    let gru = Gru::builder()
        .orchestrate::<Feed, Quitter>()
        .provide(jobs([1]).source())
        .store(store.clone())
        .start()
        .await
        .unwrap();
    let control = gru.control();
    until("the stop", async || state(&control, "source/quitter") == Some(State::Stopped)).await;
    assert_eq!(rows(&store).await.into_iter().map(|row| row.step).collect::<Vec<_>>(), ["never"]);
    assert!(gru.shutdown().await.is_clean());
}

#[tokio::test]
async fn p9_a_pause_holds_while_work_goes_on_and_events_wait() {
    let (stage, gate) = (Stage::default(), Gate::new());
    let (_gru, control) = idle(&stage).await;
    control.start(EVEN).await.unwrap();
    stage.plan("second two 1", Plan::Wait(gate.clone()));
    stage.event("even", 1);
    gate.arrivals(1).await;
    control.pause("even").unwrap();
    assert!(control.snapshot().pipelines[0].paused);
    stage.event("even", 2);
    gate.open();
    until("the work in flight", async || stage.steps() == [("second", 1)]).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(stage.count("second one 2"), 0, "no event is taken while it is paused");
    control.resume("even").unwrap();
    until("the event that waited", async || stage.steps() == [("second", 1), ("second", 2)]).await;
    let error = control.pause("odd").unwrap_err();
    assert_eq!(error, ControlError::NotFound { id: "odd".to_owned(), known: vec!["even".to_owned()] });
}

#[tokio::test]
async fn p5_an_orchestration_ends_with_its_source_and_a_stopped_one_keeps_the_process_alive() {
    let stage = Stage::default();
    let (gru, control) = idle(&stage).await;
    control.start(FIRST).await.unwrap();
    control.start(EVEN).await.unwrap();
    stage.event("even", 1);
    stage.end("even");
    until("the end", async || state(&control, EVEN) == Some(State::Ended)).await;
    assert_eq!(stage.steps(), [("second", 1)]);
    assert_eq!(stage.count("even shutdown"), 1);
    assert_eq!(users(&control.snapshot()).len(), 3, "only the diamond is left");
    control.stop(FIRST, StopMode::Park).await.unwrap();
    let mut finished = Box::pin(gru.finished());
    assert!(futures_util::poll!(&mut finished).is_pending(), "it may be started again");
    drop(finished);
    control.start(FIRST).await.unwrap();
    stage.end("odd");
    assert_eq!(gru.finished().await, Finished::Done);
}

#[tokio::test]
async fn l4_the_same_components_run_under_several_identities() {
    let stage = Stage::default();
    let (gru, control) = idle(&stage).await;
    for id in ["a", "b", "c"] {
        control.start(StartRequest::of::<Odd, Second>().id(id).max_in_flight(2)).await.unwrap();
    }
    let ids: Vec<_> =
        control.snapshot().orchestrations.into_iter().map(|known| (known.id, known.max_in_flight)).collect();
    assert_eq!(ids, [("odd/second@a".to_owned(), 2), ("odd/second@b".to_owned(), 2), ("odd/second@c".to_owned(), 2)]);
    assert_eq!(stage.count("odd startup"), 1, "one pipeline for all");
    stage.event("odd", 7);
    until("each to work", async || stage.steps().len() == 3).await;
    assert!(gru.shutdown().await.is_clean());
}

/// A minion of another type with the name of [`Second`].
struct Impostor;

impl Component for Impostor {
    const NAME: &'static str = "second";

    fn assemble(_: &Assembly) -> Result<Self> {
        Ok(Self)
    }
}

impl Minion for Impostor {
    type Event = Job;
    type Context = ();
    const STEPS: &'static [StepInfo] = &[StepInfo::new("one")];

    async fn step<'a>(&'a self, _: usize, _: &'a Job, (): &'a mut (), _: &'a Workflow) -> Result<Flow> {
        Ok(Flow::Continue)
    }
}

#[tokio::test]
async fn s8_a_type_that_takes_the_name_of_one_that_has_run_is_refused() {
    let stage = Stage::default();
    let builder = Gru::builder().orchestrate_with::<Odd, First>(|options| options.start(false)).provide(stage.clone());
    let gru = builder.start().await.unwrap();
    let control = gru.control();
    // The program itself declares neither of them.
    control.start(StartRequest::of::<Even, Second>()).await.unwrap();
    let error = refusal(control.start(StartRequest::of::<Odd, Impostor>()).await.unwrap_err());
    assert!(
        matches!(&error, ControlError::IdentityTaken { id, by, .. } if id == "second" && by.ends_with("Second")),
        "{error}"
    );
    control.stop(EVEN, StopMode::Park).await.unwrap();
    assert!(control.start(StartRequest::of::<Odd, Impostor>()).await.is_err(), "what is stored is still the other's");
}
