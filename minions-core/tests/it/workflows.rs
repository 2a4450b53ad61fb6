//! Workflows: order, context, outcomes, identity.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;

use minions_core::gru::Finished;
use minions_core::minion::Flow;
use minions_core::store::{FailureKind, MemoryStore, Status};
use minions_core::testing::{Events, Gate};

use crate::support::{Job, Script, Worker, jobs, program, rows};

async fn run(events: Events<Job>, script: &Script) -> MemoryStore {
    let store = MemoryStore::new();
    let gru = program(&events, script.clone()).store(store.clone()).start().await.expect("it starts");
    assert_eq!(gru.finished().await, Finished::Done);
    let report = gru.shutdown().await;
    assert!(report.is_clean(), "{report}");
    store
}

#[tokio::test]
async fn l3_steps_run_once_in_order_and_nothing_is_left() {
    let script = Script::plain();
    let store = run(jobs(0..50), &script).await;
    for number in 0..50 {
        assert_eq!(script.ran_of(number), ["first", "second", "third"]);
    }
    assert!(rows(&store).await.is_empty());
}

#[tokio::test]
async fn w1_a_step_sees_the_context_as_the_step_before_left_it() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let script = Script::new({
        let seen = seen.clone();
        move |wf, job, mut trail| {
            seen.lock().push((job.number, wf.step(), trail.steps.clone()));
            trail.steps.push(format!("{}@{}", wf.step(), job.number));
            async {
                tokio::task::yield_now().await;
                Ok((Flow::Continue, trail))
            }
        }
    });
    run(jobs(0..20), &script).await;
    let seen = seen.lock();
    for number in 0..20 {
        let third = seen.iter().find(|(of, step, _)| *of == number && *step == "third").expect("it ran");
        let expected = ["first", &format!("first@{number}"), "second", &format!("second@{number}"), "third"];
        assert_eq!(third.2, expected);
    }
}

#[tokio::test]
async fn w2_inside_a_step_the_durable_row_says_that_step_and_the_context_from_before() {
    let store = MemoryStore::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let script = Script::new({
        let (store, seen) = (store.clone(), seen.clone());
        move |wf, _, trail| {
            let (store, seen) = (store.clone(), seen.clone());
            async move {
                let row = rows(&store).await.remove(0);
                seen.lock().push((wf.step(), row.step, String::from_utf8(row.context).unwrap(), row.seq));
                Ok((Flow::Continue, trail))
            }
        }
    });
    let gru = program(&jobs([1]), script).store(store).start().await.unwrap();
    gru.finished().await;
    gru.shutdown().await;
    let expected = [
        ("first", "first".to_owned(), r#"{"steps":[]}"#.to_owned(), 0),
        ("second", "second".to_owned(), r#"{"steps":["first"]}"#.to_owned(), 1),
        ("third", "third".to_owned(), r#"{"steps":["first","second"]}"#.to_owned(), 2),
    ];
    assert_eq!(*seen.lock(), expected);
}

#[tokio::test]
async fn w3_done_ends_early_with_success() {
    let script = Script::at("second", || Ok(Flow::Done));
    let store = run(jobs([1]), &script).await;
    assert_eq!(script.ran_of(1), ["first", "second"]);
    assert!(rows(&store).await.is_empty());
}

#[tokio::test]
async fn w3_abort_ends_without_a_failure() {
    let script = Script::at("first", || Ok(Flow::abort("not ours")));
    let store = run(jobs([1]), &script).await;
    assert_eq!(script.ran_of(1), ["first"]);
    assert!(rows(&store).await.is_empty());
}

#[tokio::test]
async fn w3_a_jump_goes_to_that_step() {
    let script = Script::at("first", || Ok(Flow::to(Worker::third)));
    run(jobs([1]), &script).await;
    assert_eq!(script.ran_of(1), ["first", "third"]);
}

#[tokio::test]
async fn w3_a_jump_to_no_step_of_this_minion_is_quarantined_at_its_step() {
    fn elsewhere() {}
    let script = Script::at("second", || Ok(Flow::to(elsewhere)));
    let row = rows(&run(jobs([1]), &script).await).await.remove(0);
    assert_eq!((row.status, &*row.step), (Status::Quarantined, "second"));
    assert!(row.failures[0].error[0].contains("no step of this minion"));
}

#[tokio::test]
async fn w6_an_error_is_quarantined_with_step_attempt_and_chain() {
    let script = Script::at("second", || {
        Err(minions_core::Error::new(std::io::Error::other("refused")).context("asking the archive"))
    });
    let row = rows(&run(jobs([1, 2]), &script).await).await.remove(0);
    assert_eq!((row.status, &*row.step, row.seq), (Status::Quarantined, "second", 1));
    assert_eq!(row.context, br#"{"steps":["first"]}"#);
    let failure = &row.failures[0];
    assert_eq!((&*failure.step, failure.attempt, failure.kind), ("second", 1, FailureKind::Error));
    assert_eq!(failure.error, ["asking the archive", "refused"]);
}

#[tokio::test]
async fn s7_a_panic_is_quarantined_and_its_neighbours_live_on() {
    let script = Script::new(|wf, job, trail| async move {
        assert!(job.number != 3 || wf.step() != "second", "number {} is bad", job.number);
        Ok((Flow::Continue, trail))
    });
    let left = rows(&run(jobs(0..10), &script).await).await;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].failures[0].kind, FailureKind::Panic);
    assert_eq!(left[0].failures[0].error, ["panicked: number 3 is bad"]);
    for number in (0..10).filter(|number| *number != 3) {
        assert_eq!(script.ran_of(number), ["first", "second", "third"]);
    }
}

#[tokio::test]
async fn w9_the_idempotency_key_is_new_for_every_step_and_every_visit() {
    let keys = Arc::new(Mutex::new(Vec::new()));
    let script = Script::new({
        let keys = keys.clone();
        move |wf, _, trail| {
            let mut keys = keys.lock();
            keys.push(wf.idempotency_key().to_string());
            assert_eq!((wf.attempt(), wf.may_have_run()), (1, false));
            let again = keys.len() == 3;
            async move { Ok((if again { Flow::to(Worker::first) } else { Flow::Continue }, trail)) }
        }
    });
    run(jobs([1]), &script).await;
    assert_eq!(script.ran_of(1), ["first", "second", "third", "first", "second", "third"]);
    assert_eq!(keys.lock().iter().collect::<HashSet<_>>().len(), 6);
}

#[tokio::test]
async fn w3_without_a_store_the_outcomes_are_the_same() {
    let script = Script::at("second", || Err("no".into()));
    let gru = program(&jobs(0..5), script.clone()).start().await.unwrap();
    assert_eq!(gru.finished().await, Finished::Done);
    assert!(gru.shutdown().await.is_clean());
    assert_eq!(script.ran_of(4), ["first", "second"]);
}

#[tokio::test]
async fn a_step_knows_that_the_runtime_stops() {
    let gate = Gate::new();
    let stopping = Arc::new(Mutex::new(Vec::new()));
    let script = Script::new({
        let (gate, stopping) = (gate.clone(), stopping.clone());
        move |wf, _, trail| {
            let (gate, stopping) = (gate.clone(), stopping.clone());
            async move {
                stopping.lock().push(wf.stopping());
                gate.pass().await;
                stopping.lock().push(wf.stopping());
                Ok((Flow::Continue, trail))
            }
        }
    });
    let events = Events::new();
    events.push(Job { number: 1 });
    let gru = program(&events, script).store(MemoryStore::new()).start().await.unwrap();
    gate.arrivals(1).await;
    let stop = tokio::spawn(gru.shutdown());
    // The stop is announced before anything is waited for.
    tokio::task::yield_now().await;
    gate.open();
    let report = stop.await.unwrap();
    assert_eq!((report.parked, report.interrupted), (1, 0), "{report}");
    assert_eq!(*stopping.lock(), [false, true]);
}
