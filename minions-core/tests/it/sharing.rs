//! Components that several orchestrations share: one instance, exact counts, last one out.

use futures_util::future::join;

use minions_core::gru::{StartError, State, StopMode};
use minions_core::testing::Gate;

use crate::support::stage::{Plan, Stage, idle, state, users};
use crate::support::until;

const FIRST: &str = "odd/first";
const SECOND: &str = "odd/second";
const EVEN: &str = "even/second";

#[tokio::test]
async fn s1_counts_are_exact_and_the_last_one_out_stops_what_is_shared() {
    let stage = Stage::default();
    let (_gru, control) = idle(&stage).await;
    control.start(FIRST).await.unwrap();
    control.start(SECOND).await.unwrap();
    control.start(EVEN).await.unwrap();
    let snapshot = control.snapshot();
    assert_eq!(
        users(&snapshot),
        [
            ("apart", vec![EVEN, SECOND]),
            ("base", vec!["left", "right"]),
            // A pipeline counts once, however many it feeds.
            ("left", vec!["odd", FIRST]),
            ("right", vec![FIRST]),
        ]
    );
    let fed: Vec<_> = snapshot.pipelines.iter().map(|pipeline| (&*pipeline.id, pipeline.subscribers.len())).collect();
    assert_eq!(fed, [("even", 1), ("odd", 2)]);
    control.stop(FIRST, StopMode::Park).await.unwrap();
    let snapshot = control.snapshot();
    assert_eq!(users(&snapshot), [("apart", vec![EVEN, SECOND]), ("base", vec!["left"]), ("left", vec!["odd"])]);
    assert_eq!((stage.count("right shutdown"), stage.count("odd shutdown")), (1, 0));
    control.stop(SECOND, StopMode::Park).await.unwrap();
    assert_eq!(users(&control.snapshot()), [("apart", vec![EVEN])]);
    control.start(FIRST).await.unwrap();
    assert_eq!((stage.count("base create"), stage.count("apart create")), (2, 1), "a later start makes a new instance");
}

#[tokio::test]
async fn s3_two_first_starts_share_one_startup_and_its_failure() {
    let (stage, gate) = (Stage::default(), Gate::new());
    let (_gru, control) = idle(&stage).await;
    let before = control.snapshot();
    stage.plan("odd startup", Plan::Wait(gate.clone()));
    let (first, second, ()) = tokio::join!(control.start(FIRST), control.start(SECOND), async {
        gate.arrivals(1).await;
        gate.open();
    });
    assert!(first.is_ok() && second.is_ok());
    assert_eq!((stage.count("odd startup"), stage.count("left startup")), (1, 1));
    join(control.stop(FIRST, StopMode::Park), control.stop(SECOND, StopMode::Park)).await.0.unwrap();
    until("everything to be gone", async || control.snapshot().resources.is_empty()).await;

    stage.plan("odd startup", Plan::Fail);
    let (first, second) = join(control.start(FIRST), control.start(SECOND)).await;
    for error in [first.unwrap_err(), second.unwrap_err()] {
        let StartError::Component { failure, .. } = &error else { panic!("{error}") };
        assert_eq!(failure.error.to_string(), "odd startup says no");
    }
    let after = control.snapshot();
    assert_eq!((after.pipelines, after.resources), (before.pipelines, before.resources));
}

#[tokio::test]
async fn s4_a_start_that_meets_the_last_stop_gets_a_live_pipeline() {
    let stage = Stage::default();
    let (_gru, control) = idle(&stage).await;
    for round in 0..50 {
        control.start(FIRST).await.unwrap();
        let stop = async {
            for _ in 0..round {
                tokio::task::yield_now().await;
            }
            control.stop(FIRST, StopMode::Park).await.unwrap()
        };
        let (stopped, started) = join(stop, control.start(SECOND)).await;
        started.unwrap();
        assert!(stopped.is_clean(), "{stopped:?}");
        stage.event("odd", round);
        until("the event", async || stage.steps().contains(&("second", round))).await;
        control.stop(SECOND, StopMode::Park).await.unwrap();
    }
    assert!(stage.count("odd create") > 1);
}

#[tokio::test]
async fn s4_a_start_while_the_pipeline_shuts_down_waits_for_a_new_one() {
    let (stage, gate) = (Stage::default(), Gate::new());
    let (_gru, control) = idle(&stage).await;
    control.start(FIRST).await.unwrap();
    stage.plan("odd shutdown", Plan::Wait(gate.clone()));
    let (stopped, started, ()) = tokio::join!(
        control.stop(FIRST, StopMode::Park),
        async {
            until("the shutdown", async || stage.count("odd shutdown") == 1).await;
            control.start(SECOND).await
        },
        async {
            gate.arrivals(1).await;
            until("the other start", async || state(&control, SECOND) == Some(State::Starting)).await;
            gate.open();
        }
    );
    assert!(stopped.is_ok() && started.is_ok());
    assert_eq!(stage.count("odd create"), 2);
    stage.event("odd", 5);
    until("the event", async || stage.steps() == [("second", 5)]).await;
}

#[tokio::test]
async fn s6_a_dependency_that_dies_while_a_dependent_starts_fails_that_start() {
    let (stage, gate) = (Stage::default(), Gate::new());
    let (_gru, control) = idle(&stage).await;
    let before = control.snapshot();
    stage.plan("first startup", Plan::Wait(gate.clone()));
    let (started, ()) = join(control.start(FIRST), async {
        gate.arrivals(1).await;
        stage.fail("right");
    })
    .await;
    let error = started.unwrap_err();
    let StartError::Component { failure, .. } = &error else { panic!("{error}") };
    assert_eq!((&*failure.name, failure.error.to_string()), ("right", "right breaks".to_owned()));
    assert_eq!(control.snapshot(), before);
    for component in ["base", "left", "right", "odd", "first"] {
        let (up, down) = (format!("{component} startup"), format!("{component} shutdown"));
        assert_eq!((stage.count(&up), stage.count(&down)), (1, 1), "{component}");
    }
}

#[tokio::test]
async fn p3_events_from_before_the_subscribers_are_up_reach_all_of_them_once() {
    let (stage, gate) = (Stage::default(), Gate::new());
    let gru = crate::support::stage::on_demand(&stage)
        .orchestrate_with::<crate::support::stage::Odd, crate::support::stage::First>(|options| options.id("x"))
        .orchestrate_with::<crate::support::stage::Odd, crate::support::stage::Second>(|options| options.id("y"))
        .orchestrate_with::<crate::support::stage::Odd, crate::support::stage::Second>(|options| options.id("z"));
    stage.plan("second startup", Plan::Wait(gate.clone()));
    let (gru, ()) = join(gru.start(), async {
        gate.arrivals(2).await;
        (0..10).for_each(|number| stage.event("odd", number));
        gate.open();
    })
    .await;
    let gru = gru.unwrap();
    until("three times ten", async || stage.steps().len() == 30).await;
    assert!(gru.shutdown().await.is_clean());
    let steps = stage.steps();
    for number in 0..10 {
        let of = |minion| steps.iter().filter(|step| **step == (minion, number)).count();
        assert_eq!((of("first"), of("second")), (1, 2));
    }
}
