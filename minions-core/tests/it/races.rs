//! Two failures at once.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use parking_lot::Mutex;

use minions_core::gru::StopMode;
use minions_core::minion::Flow;
use minions_core::store::MemoryStore;
use minions_core::supervise::RestartPolicy;
use minions_core::testing::{Events, Gate};

use crate::support::stage::{Plan, Stage, on_demand};
use crate::support::{ID, Job, Script, program, until};

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workflow_that_survives_its_stop_is_not_run_a_second_time_beside_itself() {
    let (events, inside) = (Events::new(), Gate::new());
    inside.open();
    let (release, blocked) = mpsc::channel::<()>();
    let (here, blocked) = (inside.clone(), Arc::new(Mutex::new(blocked)));
    let script = Script::new(move |wf, job, trail| {
        let (here, blocked) = (here.clone(), (job.number == 1 && wf.step() == "first").then(|| blocked.clone()));
        async move {
            if let Some(blocked) = blocked {
                here.pass().await;
                // Blocks its thread, so that no stop can drop it, until the other end is gone.
                let _ = blocked.lock().recv();
            }
            Ok((Flow::Continue, trail))
        }
    });
    let gru = program(&events, script.clone())
        .store(MemoryStore::new())
        .shutdown_deadline(Duration::from_millis(300))
        .start()
        .await
        .unwrap();
    let control = gru.control();
    events.push(Job { number: 1 });
    inside.arrivals(1).await;
    let report = control.stop(ID, StopMode::Park).await.unwrap();
    assert_eq!(report.interrupted, 1);
    control.start(ID).await.unwrap();
    events.push(Job { number: 2 });
    until("the other one", async || script.ran_of(2).len() == 3).await;
    assert_eq!(script.ran_of(1), ["first"], "it still runs");
    drop(release);
    until("the end", async || script.ran_of(1).len() == 3).await;
    assert_eq!(script.ran_of(1), ["first", "second", "third"]);
    assert!(gru.shutdown().await.is_clean());
}
