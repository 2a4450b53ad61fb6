//! From a source to the first checkpoint: fan-out, caps, ends, errors.

use std::time::Duration;

use minions_core::component::{Assembly, Component};
use minions_core::gru::Finished;
use minions_core::minion::{Flow, Minion, StepInfo};
use minions_core::pipeline::{Next, Pipeline, Produces};
use minions_core::store::MemoryStore;
use minions_core::testing::{Events, FaultyStore, Gate};
use minions_core::workflow::Workflow;
use minions_core::{Gru, Result};

use crate::support::{Feed, ID, Job, Script, Worker, jobs, program, rows, until};

#[tokio::test]
async fn p3_every_event_reaches_every_subscriber_once() {
    let (events, script) = (jobs(0..40), Script::plain());
    let gru = Gru::builder()
        .orchestrate::<Feed, Worker>()
        .orchestrate_with::<Feed, Worker>(|options| options.id("again"))
        .orchestrate_with::<Feed, Worker>(|options| options.id("and-again"))
        .provide(events.source())
        .provide(script.clone())
        .store(MemoryStore::new())
        .start()
        .await
        .unwrap();
    assert_eq!(gru.finished().await, Finished::Done);
    gru.shutdown().await;
    for number in 0..40 {
        let mut ran = script.ran_of(number);
        ran.sort_unstable();
        assert_eq!(ran, ["first", "first", "first", "second", "second", "second", "third", "third", "third"]);
    }
}

#[tokio::test]
async fn p4_past_its_cap_a_subscriber_holds_the_pipeline_back() {
    let gate = Gate::new();
    let script = Script::held(&gate, |_| true);
    let (events, store) = (jobs(0..100), MemoryStore::new());
    let gru = program(&events, script.clone()).max_in_flight(4).store(store.clone()).start().await.unwrap();
    gate.arrivals(4).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!((gru.in_flight(ID), script.ran().len(), rows(&store).await.len()), (Some(4), 4, 4));
    gate.open();
    assert_eq!(gru.finished().await, Finished::Done);
    assert_eq!(script.ran().len(), 300);
    gru.shutdown().await;
}

#[tokio::test]
async fn p1_a_failing_or_panicking_next_is_called_again() {
    let (events, script) = (Events::new(), Script::plain());
    events.push(Job { number: 1 });
    events.fail("the source is away");
    events.push(Job { number: 2 });
    events.say(Ok(Next::IdleFor(Duration::from_millis(1))));
    events.push(Job { number: 3 });
    events.end();
    let gru = program(&events, script.clone()).store(MemoryStore::new()).start().await.unwrap();
    assert_eq!(gru.finished().await, Finished::Done);
    gru.shutdown().await;
    assert_eq!(script.ran().len(), 9);
}

/// Ready at once, for ever.
struct Flood;

impl Component for Flood {
    const NAME: &'static str = "flood";

    fn assemble(_: &Assembly) -> Result<Self> {
        Ok(Self)
    }
}

impl Pipeline for Flood {
    type Event = Job;
    const BACKGROUND: bool = true;

    async fn next(&mut self) -> Result<Next<Job>> {
        Ok(Next::Event(Job { number: 0 }))
    }
}

impl Produces<Job> for Flood {}

#[tokio::test]
async fn p2_a_source_that_is_always_ready_can_be_started_and_stopped() {
    for store in [true, false] {
        let script = Script::plain();
        let mut builder = Gru::builder().orchestrate::<Flood, Worker>().provide(script.clone()).max_in_flight(8);
        if store {
            builder = builder.store(MemoryStore::new());
        }
        let gru = builder.start().await.unwrap();
        until("some work", async || script.ran().len() > 100).await;
        assert!(gru.in_flight("flood/worker").unwrap() <= 8);
        let report = gru.shutdown().await;
        assert!(report.is_clean(), "{report}");
        let ran = script.ran().len();
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        assert_eq!(script.ran().len(), ran, "nothing runs after the shutdown");
    }
}

#[tokio::test]
async fn p5_a_background_pipeline_does_not_keep_the_program_alive() {
    let (events, script) = (jobs(0..3), Script::plain());
    let builder = program(&events, script).orchestrate::<Flood, Worker>().store(MemoryStore::new());
    let gru = builder.start().await.unwrap();
    assert_eq!(gru.finished().await, Finished::Done);
    assert!(gru.shutdown().await.is_clean());
}

#[tokio::test]
async fn p4_what_a_full_subscriber_has_no_room_for_stays_in_the_source() {
    let gate = Gate::new();
    let script = Script::held(&gate, |_| true);
    let (events, store) = (jobs(0..10), MemoryStore::new());
    let gru = program(&events, script).max_in_flight(1).store(store.clone()).start().await.unwrap();
    gate.arrivals(1).await;
    let stop = tokio::spawn(gru.shutdown());
    tokio::task::yield_now().await;
    gate.open();
    let report = stop.await.unwrap();
    assert_eq!((report.parked, report.interrupted), (1, 0), "{report}");
    let script = Script::plain();
    let gru = program(&events, script.clone()).store(store.clone()).start().await.unwrap();
    assert_eq!(gru.finished().await, Finished::Done);
    gru.shutdown().await;
    assert_eq!(script.ran().len(), 2 + 9 * 3);
    assert!(rows(&store).await.is_empty());
}

#[tokio::test]
async fn d1_no_step_runs_before_its_admission_is_durable() {
    let (events, script, store) = (jobs(0..3), Script::plain(), FaultyStore::new());
    store.hang();
    let gru = program(&events, script.clone()).store(store.clone()).start().await.unwrap();
    until("the admission to be tried", async || store.tried().contains(&"admit")).await;
    assert!(script.ran().is_empty());
    store.work();
    assert_eq!(gru.finished().await, Finished::Done);
    assert_eq!(script.ran().len(), 9);
    gru.shutdown().await;
}

/// Takes a job and answers nothing else: its event is not what `Feed` gives through the unchecked door.
struct Stubborn;

impl Component for Stubborn {
    const NAME: &'static str = "stubborn";

    fn assemble(_: &Assembly) -> Result<Self> {
        Ok(Self)
    }
}

impl Minion for Stubborn {
    type Event = String;
    type Context = ();
    const STEPS: &'static [StepInfo] = &[StepInfo::new("only")];

    async fn step<'a>(&'a self, _: usize, _: &'a String, (): &'a mut (), _: &'a Workflow) -> Result<Flow> {
        unreachable!("it never gets its event")
    }
}

#[tokio::test]
async fn an_event_of_another_type_is_refused_and_harms_nobody() {
    let events = jobs(0..3);
    let gru = Gru::builder()
        .edge::<Feed, Stubborn>(minions_core::gru::OrchestrationOptions::default())
        .provide(events.source())
        .start()
        .await
        .unwrap();
    assert_eq!(gru.finished().await, Finished::Done);
    assert!(gru.shutdown().await.is_clean());
}
