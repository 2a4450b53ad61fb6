//! A store that fails: nothing runs ahead of it, nothing is lost by it.

use std::time::Duration;

use minions_core::gru::{Control, Durability, Finished, StartError, StopMode};
use minions_core::minion::Flow;
use minions_core::store::Status;
use minions_core::testing::{Events, FaultyStore, Gate};
use tokio::time::{Instant, sleep};

use crate::support::{ID, Job, Poison, Script, jobs, program, rows, until};

#[tokio::test]
async fn d2_a_store_that_comes_back_finds_everything_waiting() {
    let (gate, store) = (Gate::new(), FaultyStore::new());
    let script = Script::held(&gate, |step| step == "first");
    let gru = program(&jobs(0..20), script.clone()).store(store.clone()).start().await.unwrap();
    gate.arrivals(20).await;
    store.fail();
    gate.open();
    until("every checkpoint to be tried", async || store.tried().iter().filter(|op| **op == "advance").count() >= 40)
        .await;
    assert_eq!(script.ran().len(), 20, "no second step ran ahead of its checkpoint");
    store.work();
    assert_eq!(gru.finished().await, Finished::Done);
    assert_eq!(script.ran().len(), 60);
    assert!(gru.shutdown().await.is_clean());
    assert!(rows(store.inner()).await.is_empty());
}

#[tokio::test]
async fn d2_a_stop_while_the_store_fails_leaves_the_work_stored() {
    let (gate, store) = (Gate::new(), FaultyStore::new());
    let script = Script::held(&gate, |_| true);
    let events = Events::new();
    events.push(Job { number: 1 });
    let gru = program(&events, script).store(store.clone()).start().await.unwrap();
    gate.arrivals(1).await;
    store.fail();
    gate.open();
    until("the checkpoint to fail", async || store.tried().contains(&"advance")).await;
    let report = gru.shutdown().await;
    assert_eq!((report.parked, report.interrupted), (1, 0), "{report}");
    assert_eq!(rows(store.inner()).await[0].step, "first");
}

#[tokio::test(start_paused = true)]
async fn d6_a_store_that_does_not_answer_is_a_visible_wait_and_nothing_runs_ahead_or_twice() {
    let (gate, store) = (Gate::new(), FaultyStore::new());
    let script = Script::held(&gate, |step| step == "first");
    let gru = program(&jobs(0..20), script.clone()).store(store.clone()).start().await.unwrap();
    gate.arrivals(20).await;
    store.hang();
    gate.open();
    // Those whose checkpoints the store has taken, and those that have come after them.
    sleep(Duration::from_secs(30)).await;
    let snapshot = gru.control().snapshot();
    assert_eq!(snapshot.blocked, 20);
    assert!(snapshot.troubles().iter().any(|trouble| trouble.what.contains("wait for a store")), "{snapshot:?}");
    sleep(Duration::from_secs(600)).await;
    assert_eq!(script.ran().len(), 20, "no second step ran ahead of its checkpoint");
    let tried = store.tried().iter().filter(|op| **op == "advance").count();
    assert!(tried <= 20, "a store that hangs was given {tried} checkpoints of 20");
    store.work();
    assert_eq!(gru.finished().await, Finished::Done);
    assert_eq!(script.ran().len(), 60);
    assert_eq!(gru.control().snapshot().blocked, 0);
    assert!(gru.shutdown().await.is_clean());
    assert!(rows(store.inner()).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn d6_a_store_that_does_not_answer_holds_up_no_stop_and_no_shutdown() {
    let (gate, store) = (Gate::new(), FaultyStore::new());
    let script = Script::held(&gate, |step| step == "first");
    let events = Events::new();
    (0..8).for_each(|number| events.push(Job { number }));
    let gru = program(&events, script).store(store.clone()).start().await.unwrap();
    gate.arrivals(8).await;
    store.hang();
    gate.open();
    until("a checkpoint to be tried", async || store.tried().contains(&"advance")).await;
    let began = Instant::now();
    let report = gru.control().stop(ID, StopMode::Park).await.unwrap();
    assert_eq!(report.parked + report.interrupted, 8, "{report:?}");
    assert!(matches!(report.durability, Durability::Doubtful(_)), "{report:?}");
    let report = gru.shutdown().await;
    assert!(matches!(report.durability, Durability::Doubtful(_)), "{report:?}");
    assert!(began.elapsed() <= 2 * Duration::from_secs(30), "{:?}", began.elapsed());
    assert!(rows(store.inner()).await.iter().all(|row| row.step == "first" && row.status == Status::Running));
}

/// Stops the orchestration while the store hangs, starts it once more, and lets the store answer only then.
async fn stop_and_start_around_a_hang(control: &Control, store: &FaultyStore) {
    control.stop(ID, StopMode::Now).await.unwrap();
    control.start(ID).await.unwrap();
    sleep(Duration::from_secs(60)).await;
    store.work();
}

#[tokio::test(start_paused = true)]
async fn r1_a_start_after_a_doubtful_stop_reads_no_row_before_it_is_known_what_came_of_the_stop() {
    let (gate, store, events) = (Gate::new(), FaultyStore::new(), Events::new());
    let script = Script::held(&gate, |step| step == "first");
    let gru = program(&events, script.clone()).store(store.clone()).start().await.unwrap();
    events.push(Job { number: 1 });
    gate.arrivals(1).await;
    store.hang();
    gate.open();
    until("the checkpoint to be handed over", async || store.tried().contains(&"advance")).await;
    stop_and_start_around_a_hang(&gru.control(), &store).await;
    events.end();
    assert_eq!(gru.finished().await, Finished::Done);
    assert_eq!(script.ran_of(1), ["first", "second", "third"], "a finished step does not run again");
    assert!(gru.shutdown().await.is_clean());
    assert!(rows(store.inner()).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn r1_an_event_whose_admission_is_in_doubt_at_a_stop_is_taken_up_by_the_next_start() {
    let (store, events) = (FaultyStore::new(), Events::new());
    let script = Script::plain();
    let gru = program(&events, script.clone()).store(store.clone()).start().await.unwrap();
    store.hang();
    events.push(Job { number: 1 });
    until("the event to be handed over", async || store.tried().contains(&"admit")).await;
    stop_and_start_around_a_hang(&gru.control(), &store).await;
    events.end();
    assert_eq!(gru.finished().await, Finished::Done);
    assert_eq!(script.ran_of(1), ["first", "second", "third"]);
    assert!(gru.shutdown().await.is_clean());
    assert!(rows(store.inner()).await.is_empty());
}

#[tokio::test]
async fn d3_a_context_that_cannot_be_encoded_is_quarantined_with_its_earlier_row() {
    let store = FaultyStore::new();
    let script = Script::new(|wf, _, mut trail| async move {
        if wf.step() == "second" {
            trail.poison = Some(Poison);
        }
        Ok((Flow::Continue, trail))
    });
    let gru = program(&jobs([1]), script.clone()).store(store.clone()).start().await.unwrap();
    gru.finished().await;
    gru.shutdown().await;
    let row = rows(store.inner()).await.remove(0);
    assert_eq!((row.status, &*row.step), (Status::Quarantined, "second"));
    assert_eq!(row.context, br#"{"steps":["first"]}"#);
    assert_eq!(row.failures[0].error, ["the context cannot be stored", "poison cannot be written"]);
}

#[tokio::test]
async fn d7_a_rejected_checkpoint_quarantines_its_workflow() {
    let store = FaultyStore::new();
    store.reject_checkpoints();
    let gru = program(&jobs([1]), Script::plain()).store(store.clone()).start().await.unwrap();
    gru.finished().await;
    gru.shutdown().await;
    let row = rows(store.inner()).await.remove(0);
    assert_eq!((row.status, &*row.step), (Status::Quarantined, "first"));
    assert_eq!(row.failures[0].error, ["the checkpoint was rejected", "poisonous"]);
}

#[tokio::test]
async fn d4_success_waits_for_the_durable_resolution() {
    let store = FaultyStore::new();
    let gate = Gate::new();
    let script = Script::held(&gate, |step| step == "third");
    let gru = program(&jobs([1]), script).store(store.clone()).start().await.unwrap();
    gate.arrivals(1).await;
    store.hang();
    gate.open();
    until("the resolution to be tried", async || store.tried().contains(&"resolve")).await;
    assert_eq!(gru.in_flight(ID), Some(1));
    store.work();
    assert_eq!(gru.finished().await, Finished::Done);
    gru.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn d8_commits_never_overlap_and_a_shutdown_flushes() {
    let (store, events) = (FaultyStore::new(), Events::new());
    let script = Script::plain();
    let gru = program(&events, script.clone()).store(store.clone()).start().await.unwrap();
    store.slow(Duration::from_millis(7));
    // They come while others are being written, one after the other, so that there is always a next batch.
    for number in 0..200 {
        events.push(Job { number });
        sleep(Duration::from_millis(1)).await;
    }
    let report = gru.shutdown().await;
    assert!(report.is_clean() && matches!(report.durability, Durability::Intact), "{report}");
    assert_eq!(store.most_at_once(), 1);
    // Whatever began is where it said it would go on, or has ended.
    for row in rows(store.inner()).await {
        let Job { number } = serde_json::from_slice(&row.event).unwrap();
        let ran = script.ran_of(number);
        let next = ["first", "second", "third"][ran.len()];
        assert_eq!((&*row.step, row.status), (next, Status::Running), "{ran:?}");
    }
}

#[tokio::test]
async fn s7_a_store_that_panics_blocks_and_harms_nobody() {
    let (events, store) = (Events::new(), FaultyStore::new());
    let script = Script::plain();
    let gru = program(&events, script.clone()).store(store.clone()).start().await.unwrap();
    store.panic();
    events.push(Job { number: 1 });
    until("two tries", async || store.tried().iter().filter(|op| **op == "admit").count() >= 2).await;
    assert!(script.ran().is_empty());
    store.work();
    until("the steps", async || script.ran().len() == 3).await;
    assert!(gru.shutdown().await.is_clean());
}

#[tokio::test]
async fn l2_a_store_that_does_not_open_fails_the_start_and_the_next_one_works() {
    let store = FaultyStore::new();
    store.fail();
    let (events, script) = (jobs([1]), Script::plain());
    let error = program(&events, script.clone()).store(store.clone()).start().await.unwrap_err();
    assert!(matches!(error, StartError::Store(_)));
    assert_eq!(error.to_string(), "the state cannot be used: the test says no");
    assert!(script.ran().is_empty());
    store.work();
    let gru = program(&events, script.clone()).store(store).start().await.unwrap();
    gru.finished().await;
    assert_eq!(script.ran().len(), 3);
    gru.shutdown().await;
}

#[tokio::test]
async fn d5_now_interrupts_without_losing_a_commit() {
    let (gate, store) = (Gate::new(), FaultyStore::new());
    let script = Script::held(&gate, |step| step == "second");
    let events = Events::new();
    (0..8).for_each(|number| events.push(Job { number }));
    let gru = program(&events, script).store(store.clone()).start().await.unwrap();
    gate.arrivals(8).await;
    let report = gru.shutdown_with(StopMode::Now).await;
    assert_eq!((report.parked, report.interrupted), (0, 8), "{report}");
    assert!(rows(store.inner()).await.iter().all(|row| row.step == "second" && row.status == Status::Running));
}

#[tokio::test(start_paused = true)]
async fn r8_a_program_whose_store_belongs_to_another_process_ends_at_once_and_writes_nothing_more() {
    let (store, gate) = (FaultyStore::new(), Gate::new());
    let script = Script::held(&gate, |step| step == "second");
    let events = Events::new();
    events.push(Job { number: 1 });
    let gru = program(&events, script.clone()).store(store.clone()).start().await.unwrap();
    gate.arrivals(1).await;
    store.disown();
    gate.open();
    assert_eq!(gru.finished().await, Finished::Failed("another process has opened the store".to_owned()));
    let tried = store.tried().len();
    // It is taken down without being asked, by the one who noticed.
    let report = gru.shutdown().await;
    assert_eq!(report.mode, StopMode::Now);
    assert_eq!(script.ran_of(1), ["first", "second"]);
    assert!(store.tried().len() <= tried + 1, "{:?}", store.tried());
    assert_eq!(rows(store.inner()).await[0].step, "second");
}
