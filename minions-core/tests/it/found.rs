//! What the random operations have found, each as small as it gets.

use std::time::Duration;

use futures_util::poll;

use minions_core::gru::{State, StopMode};
use minions_core::supervise::RestartPolicy;
use minions_core::testing::{FaultyStore, Gate};

use crate::support::stage::{Plan, Stage, idle, on_demand, state};
use crate::support::until;

const FIRST: &str = "odd/first";
const SECOND: &str = "odd/second";

/// Long enough for every deadline.
async fn rest() {
    tokio::time::sleep(Duration::from_secs(60)).await;
}

#[tokio::test(start_paused = true)]
async fn l10_a_source_that_waits_for_the_store_is_shut_down_when_it_is_started_again() {
    let (stage, store) = (Stage::default(), FaultyStore::new());
    let gru = on_demand(&stage).store(store.clone()).restart(RestartPolicy::on_failure()).start().await.unwrap();
    let control = gru.control();
    control.start(FIRST).await.unwrap();
    store.fail();
    stage.event("odd", 1);
    until("the event", async || control.snapshot().pipelines[0].produced == 1).await;
    stage.fail("base");
    rest().await;
    assert_eq!((stage.count("odd startup"), stage.count("odd shutdown")), (2, 1));
    let position = |line: &str| stage.lines().iter().position(|known| known == line);
    assert!(position("odd shutdown") < position("left shutdown"), "{:?}", stage.lines());
    store.work();
    rest().await;
    assert_eq!(stage.steps(), [("first", 1)], "the event is neither lost nor doubled");
    gru.shutdown().await;
    assert_eq!((stage.count("odd startup"), stage.count("odd shutdown")), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn no_step_begins_after_the_deadline_of_a_draining_stop() {
    let (stage, store) = (Stage::default(), FaultyStore::new());
    let gru = on_demand(&stage).store(store.clone()).start().await.unwrap();
    let control = gru.control();
    control.start(FIRST).await.unwrap();
    control.start(SECOND).await.unwrap();
    store.fail();
    stage.event("odd", 1);
    until("the event", async || control.snapshot().pipelines[0].produced == 1).await;
    control.stop(SECOND, StopMode::Drain).await.unwrap();
    assert_eq!(stage.count("second shutdown"), 1);
    store.work();
    rest().await;
    assert_eq!(stage.steps(), [("first", 1)], "the second one is down, and its event waits in the store");
    control.start(SECOND).await.unwrap();
    rest().await;
    assert_eq!(stage.steps(), [("first", 1), ("second", 1)]);
    gru.shutdown().await;
}

#[tokio::test]
async fn l7_a_start_that_is_dropped_when_it_has_just_succeeded_restores_the_equal_snapshot() {
    let stage = Stage::default();
    let (gru, control) = idle(&stage).await;
    control.start(FIRST).await.unwrap();
    control.stop(FIRST, StopMode::Park).await.unwrap();
    let before = control.snapshot();
    let mut start = Box::pin(control.start(FIRST));
    assert!(poll!(&mut start).is_pending());
    until("the start", async || state(&control, FIRST) == Some(State::Running)).await;
    drop(start);
    until("its end", async || stage.count("base shutdown") == 2 && control.snapshot().resources.is_empty()).await;
    assert_eq!(control.snapshot(), before);
    gru.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn a_minion_that_is_lost_while_its_source_is_started_again_is_not_shut_down_under_its_steps() {
    let (stage, gate) = (Stage::default(), Gate::new());
    let policy = RestartPolicy::on_failure().backoff(Duration::from_millis(100), Duration::from_millis(100));
    let builder = on_demand(&stage).restart(policy).restart_of("second", RestartPolicy::never());
    let gru = builder.start().await.unwrap();
    let control = gru.control();
    control.start(SECOND).await.unwrap();
    stage.plan("second two 1", Plan::Wait(gate.clone()));
    stage.event("odd", 1);
    gate.arrivals(1).await;
    stage.panic("odd");
    until("the restart", async || state(&control, SECOND) == Some(State::Restarting)).await;
    stage.fail("second");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!((state(&control, SECOND), stage.count("second shutdown")), (Some(State::Stopping), 0));
    gate.open();
    rest().await;
    assert_eq!((state(&control, SECOND), stage.count("second shutdown")), (Some(State::Lost), 1));
    assert_eq!(stage.steps(), [("second", 1)]);
    gru.shutdown().await;
}
