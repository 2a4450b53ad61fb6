//! Two failures at once.

use std::time::Duration;

use minions_core::supervise::RestartPolicy;
use minions_core::testing::Gate;

use crate::support::stage::{Plan, Stage, on_demand};
use crate::support::until;

const EVEN: &str = "even/second";

#[tokio::test]
async fn s5_a_minion_that_fails_while_its_pipeline_restarts_leaves_its_seat_all_the_same() {
    let (stage, step, source, minion) = (Stage::default(), Gate::new(), Gate::new(), Gate::new());
    let policy = RestartPolicy::on_failure().backoff(Duration::from_millis(1), Duration::from_millis(2));
    let gru = on_demand(&stage).restart(policy).start().await.unwrap();
    gru.control().start(EVEN).await.unwrap();
    stage.plan("second one 1", Plan::Wait(step.clone()));
    stage.event("even", 1);
    step.arrivals(1).await;
    // The orchestration waits for its pipeline, its workflow goes on.
    stage.plan("even create", Plan::Wait(source.clone()));
    stage.panic("even");
    source.arrivals(1).await;
    stage.plan("second create", Plan::Wait(minion.clone()));
    stage.fail("second");
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(stage.count("second shutdown"), 0, "a step is under way on it");
    step.open();
    minion.arrivals(1).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(stage.count("second two 1"), 0, "the minion is down");
    minion.open();
    source.open();
    until("the workflow to end", async || stage.steps() == [("second", 1)]).await;
    let lines = stage.lines();
    let startup = lines.iter().rposition(|line| line == "second startup");
    let step = lines.iter().position(|line| line == "second two 1");
    assert!(startup < step, "{lines:?}");
    assert!(gru.shutdown().await.is_clean());
}
