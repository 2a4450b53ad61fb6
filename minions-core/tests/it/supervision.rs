//! Components that fail while they run: started again, or lost with exactly those that need them.

use std::time::Duration;

use minions_core::Gru;
use minions_core::component::Kind;
use minions_core::gru::{Control, Finished, Phase, State, StopMode};
use minions_core::supervise::RestartPolicy;
use minions_core::testing::Gate;

use crate::support::stage::{Plan, Stage, idle, on_demand, state};
use crate::support::until;

const FIRST: &str = "odd/first";
const SECOND: &str = "odd/second";
const EVEN: &str = "even/second";

fn quick() -> RestartPolicy {
    RestartPolicy::on_failure().backoff(Duration::from_millis(1), Duration::from_millis(2)).limit(3)
}

async fn supervised(stage: &Stage, policy: RestartPolicy) -> (Gru, Control) {
    let gru = on_demand(stage).restart(policy).start().await.unwrap();
    let control = gru.control();
    control.start(FIRST).await.unwrap();
    control.start(EVEN).await.unwrap();
    (gru, control)
}

#[tokio::test]
async fn s5_a_lost_component_closes_over_exactly_its_dependents() {
    for (component, lost, left) in [
        // The pipeline stays for the one that does not need `right`.
        ("right", vec![FIRST], vec![EVEN, SECOND]),
        ("first", vec![FIRST], vec![EVEN, SECOND]),
        ("left", vec![FIRST, SECOND], vec![EVEN]),
        ("base", vec![FIRST, SECOND], vec![EVEN]),
    ] {
        let stage = Stage::default();
        let (gru, control) = idle(&stage).await;
        for id in [FIRST, SECOND, EVEN] {
            control.start(id).await.unwrap();
        }
        stage.fail(component);
        until("the loss", async || lost.iter().all(|id| state(&control, id) == Some(State::Lost))).await;
        for id in &left {
            assert_eq!(state(&control, id), Some(State::Running), "{id} after {component}");
        }
        let troubles = control.snapshot().troubles();
        assert_eq!(troubles.len(), lost.len());
        assert!(troubles[0].what.contains(&format!("{component} breaks")), "{troubles:?}");
        for ended in ["even", "odd"] {
            if control.snapshot().pipelines.iter().any(|pipeline| pipeline.id == ended) {
                stage.end(ended);
            }
        }
        let Finished::Failed(why) = gru.finished().await else { panic!("it has lost something") };
        assert!(why.contains(&format!("`{component}` failed in run: {component} breaks")), "{why}");
        let report = gru.shutdown().await;
        assert_eq!(report.failures[0].name, component);
    }
}

#[tokio::test]
async fn s5_a_failed_pipeline_takes_its_orchestrations_with_it() {
    let stage = Stage::default();
    let (_gru, control) = supervised(&stage, RestartPolicy::never()).await;
    stage.panic("even");
    until("the loss", async || state(&control, EVEN) == Some(State::Lost)).await;
    assert_eq!(state(&control, FIRST), Some(State::Running));
    assert_eq!(stage.count("even shutdown"), 1);
    let trouble = &control.snapshot().troubles()[0];
    assert!(
        trouble.what.contains("the pipeline `even` failed in run: next panicked: panicked: next panics"),
        "{trouble:?}"
    );
    // It may be tried again.
    control.start(EVEN).await.unwrap();
    assert_eq!(control.snapshot().troubles(), []);
}

#[tokio::test]
async fn s5_a_restart_rebuilds_exactly_the_dependents_and_keeps_their_work() {
    let (stage, gate) = (Stage::default(), Gate::new());
    let (_gru, control) = supervised(&stage, quick()).await;
    stage.plan("first one 1", Plan::Wait(gate.clone()));
    stage.event("odd", 1);
    gate.arrivals(1).await;
    let back = Gate::new();
    stage.plan("right create", Plan::Wait(back.clone()));
    stage.fail("right");
    until("the restart", async || state(&control, FIRST) == Some(State::Restarting)).await;
    let troubles = control.snapshot().troubles();
    assert!(
        troubles.iter().any(|trouble| trouble.name == "right" && trouble.what.contains("right breaks")),
        "{troubles:?}"
    );
    assert_eq!(stage.count("first shutdown"), 0, "the step in flight ends on the old instance");
    gate.open();
    back.arrivals(1).await;
    assert_eq!(stage.count("first shutdown"), 1);
    stage.event("odd", 2);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(stage.steps(), [], "nothing runs while it is down");
    back.open();
    until("both to go on", async || stage.steps() == [("first", 1), ("first", 2)]).await;
    assert_eq!(stage.count("first one 1"), 1, "what is done is not done again");
    let created =
        ["base", "left", "right", "odd", "first", "even", "apart"].map(|name| stage.count(&format!("{name} create")));
    assert_eq!(created, [1, 1, 2, 1, 2, 1, 1]);
    assert_eq!(control.snapshot().troubles(), []);
    let snapshot = control.snapshot();
    let right = snapshot.resources.iter().find(|resource| resource.name == "right").unwrap();
    assert_eq!((right.restarts, right.used_by.len()), (1, 1));
}

#[tokio::test]
async fn s5_a_pipeline_that_panics_is_started_again_and_its_workflows_go_on() {
    let (stage, gate) = (Stage::default(), Gate::new());
    let (_gru, control) = supervised(&stage, quick()).await;
    stage.plan("second one 1", Plan::Wait(gate.clone()));
    stage.event("even", 1);
    gate.arrivals(1).await;
    stage.panic("even");
    until("the new one", async || stage.count("even startup") == 2).await;
    until("it to run", async || state(&control, EVEN) == Some(State::Running)).await;
    stage.event("even", 2);
    gate.open();
    until("both events", async || stage.steps() == [("second", 1), ("second", 2)]).await;
    assert_eq!((stage.count("second create"), stage.count("even shutdown")), (1, 1));
}

#[tokio::test]
async fn s5_a_component_that_cannot_be_started_again_is_lost_when_the_policy_is_exhausted() {
    let stage = Stage::default();
    let (_gru, control) = supervised(&stage, quick()).await;
    stage.plan("left startup", Plan::Fail);
    stage.fail("left");
    until("the loss", async || state(&control, FIRST) == Some(State::Lost)).await;
    assert_eq!(stage.count("left startup"), 1 + 3, "the first one and three restarts");
    assert_eq!(stage.count("left startup"), stage.count("left shutdown"));
    assert_eq!(state(&control, EVEN), Some(State::Running));
    stage.forget();
    control.start(FIRST).await.unwrap();
}

#[tokio::test]
async fn s5_a_stop_while_something_restarts_ends_it() {
    let stage = Stage::default();
    let (gru, control) = supervised(&stage, RestartPolicy::on_failure()).await;
    stage.event("odd", 1);
    until("the event", async || stage.steps() == [("first", 1)]).await;
    stage.fail("left");
    until("the pause", async || stage.count("left shutdown") == 1).await;
    let report = control.stop(FIRST, StopMode::Drain).await.unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(state(&control, FIRST), Some(State::Stopped));
    assert_eq!(control.snapshot().resources.len(), 1, "only what the other one needs");
    assert!(gru.shutdown().await.failures.is_empty());
    assert_eq!(stage.count("left create"), 1);
}

#[tokio::test]
async fn p9_a_pause_holds_across_a_restart() {
    let stage = Stage::default();
    let (_gru, control) = supervised(&stage, quick()).await;
    control.pause("odd").unwrap();
    stage.fail("left");
    until("the restart", async || stage.count("odd create") == 2).await;
    until("it to run", async || state(&control, FIRST) == Some(State::Running)).await;
    assert!(control.snapshot().pipelines.iter().any(|pipeline| pipeline.id == "odd" && pipeline.paused));
    stage.event("odd", 3);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(stage.count("first one 3"), 0);
    control.resume("odd").unwrap();
    until("the event", async || stage.steps() == [("first", 3)]).await;
}

#[tokio::test]
async fn s5_always_starts_a_source_again_that_has_ended() {
    let stage = Stage::default();
    let gru = on_demand(&stage)
        .restart_of(
            "even",
            RestartPolicy::always().backoff(Duration::from_millis(1), Duration::from_millis(2)).limit(1),
        )
        .start()
        .await
        .unwrap();
    let control = gru.control();
    control.start(EVEN).await.unwrap();
    stage.event("even", 1);
    stage.end("even");
    until("the new one", async || stage.count("even startup") == 2).await;
    until("it to run", async || state(&control, EVEN) == Some(State::Running)).await;
    stage.event("even", 2);
    stage.end("even");
    until("the end", async || state(&control, EVEN) == Some(State::Ended)).await;
    assert_eq!(stage.steps(), [("second", 1), ("second", 2)]);
}

#[tokio::test]
async fn l11_tasks_of_a_component_are_supervised_and_end_with_it() {
    let stage = Stage::default();
    let (gru, control) = supervised(&stage, RestartPolicy::never()).await;
    let (ended, harmless) = (Gate::new(), Gate::new());
    harmless.open();
    stage.tasks("apart").spawn("harmless", {
        let harmless = harmless.clone();
        async move |_| {
            harmless.pass().await;
            Ok(())
        }
    });
    harmless.arrivals(1).await;
    stage.tasks("apart").spawn("patient", {
        let ended = ended.clone();
        async move |stop| {
            stop.requested().await;
            ended.open();
            Ok(())
        }
    });
    stage.tasks("right").spawn("fragile", async |_| Err("it broke".into()));
    until("the loss", async || state(&control, FIRST) == Some(State::Lost)).await;
    let cause = control.snapshot().troubles().remove(0).what;
    assert!(cause.contains("the resource `right` failed in run: its task `fragile` failed: it broke"), "{cause}");
    let report = control.stop(EVEN, StopMode::Park).await.unwrap();
    assert!(report.is_clean(), "{report:?}");
    ended.pass().await;

    control.start(EVEN).await.unwrap();
    stage.tasks("even").spawn("stubborn", async |_| std::future::pending().await);
    let report = gru.shutdown().await;
    let failure = report.failures.iter().find(|failure| failure.name == "even").unwrap();
    assert_eq!((failure.kind, failure.phase), (Kind::Pipeline, Phase::Run));
}

#[tokio::test]
async fn p1_a_next_that_fails_is_called_again_and_counts_as_trouble() {
    let stage = Stage::default();
    let (_gru, control) = supervised(&stage, RestartPolicy::never()).await;
    (0..3).for_each(|_| stage.error("even"));
    until("three failures", async || !control.snapshot().troubles().is_empty()).await;
    let troubles = control.snapshot().troubles();
    assert_eq!(troubles[0].what, "its last 3 calls of next failed: next says no");
    stage.event("even", 1);
    until("the event", async || stage.steps() == [("second", 1)]).await;
    assert_eq!(control.snapshot().troubles(), []);
    assert!(control.stop(EVEN, StopMode::Park).await.unwrap().is_clean());
}
