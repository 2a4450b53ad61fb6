//! Events that are pushed into a pipeline, and answered when they are durable.

use std::error::Error;
use std::time::Duration;

use minions_core::component::{Assembly, Component, Inject, Need};
use minions_core::gru::{StartError, StopMode};
use minions_core::minion::Flow;
use minions_core::pipeline::{Admitted, Cursor, Delivery, Inlet, Next, Pipeline, Produces, Refused};
use minions_core::resource::Resource;
use minions_core::store::MemoryStore;
use minions_core::testing::{FaultyStore, Gate};
use minions_core::{Gru, GruBuilder, Result};

use crate::support::sources::{Handle, Hook, Picky};
use crate::support::{Job, Script, Worker, rows, until};

const ID: &str = "hook/worker";

fn hook(handle: &Handle, script: Script) -> GruBuilder {
    Gru::builder().orchestrate::<Hook, Worker>().provide(handle.clone()).provide(script)
}

/// The future has not answered after everyone else has had many turns.
async fn assert_pending<T: std::fmt::Debug>(future: &mut (impl Future<Output = T> + Unpin)) {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    if let Some(answer) = futures_util::FutureExt::now_or_never(future) {
        panic!("it answered {answer:?}");
    }
}

#[tokio::test]
async fn p6_an_inlet_answers_when_its_event_is_durable() {
    let (handle, store, script) = (Handle::new(), FaultyStore::new(), Script::plain());
    let gru = hook(&handle, script.clone()).store(store.clone()).start().await.unwrap();
    let inlet = handle.inlet().await;
    store.hang();
    let mut admitted = Box::pin(inlet.admit(Job { number: 1 }));
    assert_pending(&mut admitted).await;
    store.work();
    assert_eq!(admitted.await.unwrap(), Admitted::New);
    until("its steps", async || script.ran_of(1).len() == 3).await;
    assert!(gru.shutdown().await.is_clean());
}

#[tokio::test]
async fn p8_an_inlet_tells_duplicates_and_what_nobody_accepts() {
    let (handle, script, store) = (Handle::new(), Script::plain(), MemoryStore::new());
    for round in 0..2 {
        let builder = Gru::builder().orchestrate::<Hook, Picky>().provide(handle.clone()).provide(script.clone());
        let gru = builder.store(store.clone()).start().await.unwrap();
        let inlet = handle.inlet().await;
        let first = inlet.admit(Delivery::new(Job { number: 2 }).key("2")).await.unwrap();
        assert_eq!(first, if round == 0 { Admitted::New } else { Admitted::Duplicate });
        assert_eq!(inlet.admit(Delivery::new(Job { number: 2 }).key("2")).await.unwrap(), Admitted::Duplicate);
        assert_eq!(inlet.admit(Job { number: 3 }).await.unwrap(), Admitted::Filtered);
        let refused = inlet.admit(Job { number: 13 }).await.unwrap_err();
        assert!(refused.is_final() && refused.source().is_some(), "{refused:?}");
        gru.shutdown().await;
        assert!(matches!(inlet.admit(Job { number: 4 }).await, Err(Refused::Stopped)));
    }
    assert_eq!(script.ran(), [(2, "look")]);
}

#[tokio::test]
async fn p4_a_full_minion_and_a_pause_hold_an_inlet_back() {
    let (handle, gate, store) = (Handle::new(), Gate::new(), MemoryStore::new());
    let script = Script::held(&gate, |_| true);
    let gru = hook(&handle, script.clone()).max_in_flight(2).store(store.clone()).start().await.unwrap();
    let (inlet, control) = (handle.inlet().await, gru.control());
    inlet.admit(Job { number: 1 }).await.unwrap();
    inlet.admit(Job { number: 2 }).await.unwrap();
    gate.arrivals(2).await;
    let mut third = Box::pin(inlet.admit(Job { number: 3 }));
    assert_pending(&mut third).await;
    assert_eq!(rows(&store).await.len(), 2, "nothing of it is stored");
    control.pause("hook").unwrap();
    gate.open();
    until("room", async || gru.in_flight(ID) == Some(0)).await;
    assert_pending(&mut third).await;
    control.resume("hook").unwrap();
    assert_eq!(third.await.unwrap(), Admitted::New);
    until("its steps", async || script.ran_of(3).len() == 3).await;
    assert!(gru.shutdown().await.is_clean());
}

#[tokio::test]
async fn events_of_an_inlet_and_of_next_take_turns() {
    let (handle, script) = (Handle::new(), Script::plain());
    *handle.next.lock() = Some(7);
    let gru = hook(&handle, script.clone()).store(MemoryStore::new()).start().await.unwrap();
    let inlet = handle.inlet().await;
    for number in 100..120 {
        // `next` is always ready, and yet this is served.
        assert_eq!(inlet.admit(Job { number }).await.unwrap(), Admitted::New);
    }
    // And many that push do not keep it out.
    let before = script.ran_of(7).len();
    let pushing: Vec<_> = (0..4)
        .map(|_| {
            let inlet = inlet.clone();
            tokio::spawn(async move { while inlet.admit(Job { number: 8 }).await.is_ok() {} })
        })
        .collect();
    until("both to be served", async || script.ran_of(7).len() > before + 30 && script.ran_of(8).len() > 30).await;
    assert!(gru.shutdown().await.is_clean());
    for pushing in pushing {
        pushing.await.unwrap();
    }
}

#[tokio::test]
async fn whoever_waits_at_a_pipeline_that_stops_is_refused() {
    let (handle, gate) = (Handle::new(), Gate::new());
    let script = Script::held(&gate, |_| true);
    let gru = hook(&handle, script).max_in_flight(1).store(MemoryStore::new()).start().await.unwrap();
    let inlet = handle.inlet().await;
    inlet.admit(Job { number: 1 }).await.unwrap();
    gate.arrivals(1).await;
    let waiting: Vec<_> = (2..5)
        .map(|number| {
            let inlet = inlet.clone();
            tokio::spawn(async move { inlet.admit(Job { number }).await })
        })
        .collect();
    tokio::task::yield_now().await;
    let control = gru.control();
    let stopping = control.stop(ID, StopMode::Park);
    let answers = futures_util::future::join(stopping, async {
        for waiting in waiting {
            let refused = waiting.await.unwrap().unwrap_err();
            assert!(matches!(refused, Refused::NoSubscriber | Refused::Stopped), "{refused:?}");
        }
        gate.open();
    });
    answers.await.0.unwrap();
    assert!(matches!(inlet.admit(Job { number: 9 }).await, Err(Refused::Stopped)));
    assert!(gru.shutdown().await.is_clean());
}

#[tokio::test]
async fn an_event_that_nobody_waits_for_any_more_is_not_taken() {
    let (handle, script) = (Handle::new(), Script::plain());
    let gru = hook(&handle, script.clone()).store(MemoryStore::new()).start().await.unwrap();
    let (inlet, control) = (handle.inlet().await, gru.control());
    control.pause("hook").unwrap();
    let mut forsaken = Box::pin(inlet.admit(Job { number: 1 }));
    assert_pending(&mut forsaken).await;
    drop(forsaken);
    control.resume("hook").unwrap();
    inlet.admit(Job { number: 2 }).await.unwrap();
    until("its steps", async || script.ran_of(2).len() == 3).await;
    assert!(script.ran_of(1).is_empty());
    assert_eq!(control.snapshot().pipelines[0].ledger.produced, 1);
    gru.shutdown().await;
}

#[tokio::test]
async fn an_inlet_offers_before_the_minions_are_up() {
    let (handle, gate) = (Handle::new(), Gate::new());
    let held = gate.clone();
    let builder =
        hook(&handle, Script::at("first", || Ok(Flow::Done))).orchestrate::<Hook, Slow>().provide(gate.clone());
    let start = tokio::spawn(builder.store(MemoryStore::new()).start());
    let inlet = handle.inlet().await;
    held.arrivals(1).await;
    let mut early = Box::pin(inlet.admit(Job { number: 1 }));
    assert_pending(&mut early).await;
    gate.open();
    let gru = start.await.unwrap().unwrap();
    assert_eq!(early.await.unwrap(), Admitted::New);
    gru.shutdown().await;
}

#[tokio::test]
async fn a_detached_inlet_refuses_everything() {
    let refused = Inlet::<Job>::detached().admit(Job { number: 1 }).await.unwrap_err();
    assert_eq!(refused.to_string(), "the pipeline has stopped");
}

/// A minion that starts up when the gate is open.
struct Slow(Gate);

impl Component for Slow {
    const NAME: &'static str = "slow";
    const FIELDS: &'static [Need] = &[Need::provided::<Gate>()];

    fn assemble(cx: &Assembly) -> Result<Self> {
        Ok(Self(Gate::clone(&*cx.provided::<Gate>().expect("checked by the resolver"))))
    }
}

impl minions_core::minion::Minion for Slow {
    type Event = Job;
    type Context = ();
    const STEPS: &'static [minions_core::minion::StepInfo] = &[minions_core::minion::StepInfo::new("only")];

    async fn startup(&mut self) -> Result<()> {
        self.0.pass().await;
        Ok(())
    }

    async fn step<'a>(
        &'a self,
        _: usize,
        _: &'a Job,
        (): &'a mut (),
        _: &'a minions_core::workflow::Workflow,
    ) -> Result<Flow> {
        Ok(Flow::Continue)
    }
}

/// Says that it needs what it cannot have.
struct Wrong;

impl Component for Wrong {
    const NAME: &'static str = "wrong";
    const FIELDS: &'static [Need] = &[
        Inlet::<String>::NEED,
        Cursor::<u64>::NEED,
        Cursor::<String>::NEED,
        minions_core::component::Dep::<Greedy>::NEED,
    ];

    fn assemble(_: &Assembly) -> Result<Self> {
        Ok(Self)
    }
}

impl Pipeline for Wrong {
    type Event = Job;

    async fn next(&mut self) -> Result<Next<Job>> {
        Ok(Next::End)
    }
}

impl Produces<Job> for Wrong {}

struct Greedy;

impl Component for Greedy {
    const NAME: &'static str = "greedy";
    const FIELDS: &'static [Need] = &[Inlet::<Job>::NEED];

    fn assemble(_: &Assembly) -> Result<Self> {
        Ok(Self)
    }
}

impl Resource for Greedy {}

#[tokio::test]
async fn l1_inlets_and_cursors_that_cannot_be_are_in_the_one_report() {
    let builder = Gru::builder().orchestrate::<Wrong, Worker>().provide(Script::plain());
    let error = builder.startup_deadline(Duration::from_secs(1)).start().await.unwrap_err();
    assert!(matches!(error, StartError::Manifest(_)), "{error:?}");
    let report = error.to_string();
    for expected in [
        "the pipeline `wrong` has an inlet for `alloc::string::String`, but its events are `it::support::worker::Job`",
        "the pipeline `wrong` has two cursors, but it has one position; use `partition` of one cursor",
        "the resource `greedy` needs a `minions_core::pipeline::inlet::Inlet<it::support::worker::Job>`, which only a pipeline has",
    ] {
        assert!(report.contains(expected), "{expected} is missing in {report}");
    }
}
