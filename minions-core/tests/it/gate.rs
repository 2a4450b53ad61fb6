//! The intake gate: what closes it, who is told why, what opens it again, and who is not concerned.

use std::sync::Arc;
use std::time::Duration;

use metrics_util::debugging::DebuggingRecorder;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use minions_core::component::{Assembly, Component, Dep, Health, Inject, Need};
use minions_core::gru::{Control, StartError, StopMode};
use minions_core::guard::{MeasureError, MemoryBounds, MemoryGauge, MemoryUse};
use minions_core::minion::{Flow, Minion, StepInfo};
use minions_core::reason::{MemoryOf, Reason, Wait};
use minions_core::resource::Resource;
use minions_core::store::{MemoryStore, NoStore};
use minions_core::telemetry::names;
use minions_core::testing::{Events, Gate, Source, simulate};
use minions_core::workflow::Workflow;
use minions_core::{Gru, GruBuilder, Result};

use crate::support::{Job, Script, jobs, program, until};
use crate::telemetry::{Counted, sum};

/// Nothing but the end of a wait can change what is seen, so that is what is awaited.
async fn let_everything_happen() {
    tokio::time::sleep(Duration::from_secs(60)).await;
}

/// What the only pipeline waits for.
fn waits(control: &Control) -> Vec<Wait> {
    control.snapshot().pipelines.remove(0).waits_for
}

fn produced(control: &Control) -> u64 {
    control.snapshot().pipelines[0].produced
}

#[test]
fn p4_a_pipeline_that_waits_for_a_full_minion_says_for_whom_and_since_when() {
    simulate(1, async {
        let gate = Gate::new();
        let script = Script::held(&gate, |step| step == "second");
        let gru = program(&jobs(0..10), script).store(MemoryStore::new()).max_in_flight(2).start().await.unwrap();
        let control = gru.control();
        let_everything_happen().await;
        let seen = waits(&control);
        let [Wait { reason, since_ms, .. }] = &seen[..] else { panic!("{seen:?}") };
        assert_eq!(*reason, Reason::InFlight { orchestration: "source/worker".into(), max: 2 });
        assert_eq!(produced(&control), 2);
        let_everything_happen().await;
        assert_eq!(waits(&control)[0].since_ms, *since_ms, "it has been so all the time");
        assert_eq!(control.snapshot().orchestrations[0].holds_back, seen);
        assert_eq!(control.snapshot().troubles(), [], "a full minion is nothing to worry about");
        gate.open();
        gru.finished().await;
        gru.shutdown().await;
    });
}

#[test]
fn p9_a_pause_is_a_reason_like_every_other() {
    simulate(2, async {
        let events = Events::new();
        let gru = program(&events, Script::plain()).store(MemoryStore::new()).start().await.unwrap();
        let control = gru.control();
        control.pause("source").unwrap();
        events.push(Job { number: 1 });
        let_everything_happen().await;
        assert_eq!(waits(&control)[0].reason, Reason::Paused);
        let taken = produced(&control);
        control.resume("source").unwrap();
        until("the event", async || produced(&control) == 1).await;
        assert_eq!((waits(&control), taken), (Vec::new(), 0));
        gru.shutdown().await;
    });
}

/// An event of any size.
#[derive(Clone, Serialize, Deserialize)]
struct Load {
    text: String,
}

fn load(bytes: usize) -> Load {
    Load { text: "x".repeat(bytes) }
}

/// Waits at the gate in its only step, with as much in its context as the event says.
struct Carrier(Gate);

impl Component for Carrier {
    const NAME: &'static str = "carrier";
    const FIELDS: &'static [Need] = &[Need::provided::<Gate>()];

    fn assemble(cx: &Assembly) -> Result<Self> {
        Ok(Self(Gate::clone(&*cx.provided::<Gate>().expect("checked by the resolver"))))
    }
}

impl Minion for Carrier {
    type Event = Load;
    type Context = String;
    const STEPS: &'static [StepInfo] = &[StepInfo::new("load"), StepInfo::new("wait")];

    async fn step<'a>(&'a self, index: usize, load: &'a Load, seen: &'a mut String, _: &'a Workflow) -> Result<Flow> {
        if index == 0 {
            seen.clone_from(&load.text);
        } else {
            self.0.pass().await;
        }
        Ok(Flow::Continue)
    }
}

fn carriers(loads: impl IntoIterator<Item = Load>, gate: &Gate) -> GruBuilder {
    let events = Events::all(loads);
    Gru::builder().orchestrate::<Source<Load>, Carrier>().provide(events.source()).provide(gate.clone())
}

#[test]
fn p2_what_is_in_flight_is_bounded_by_its_bytes() {
    let recorder = DebuggingRecorder::new();
    let counted = Counted::by(&recorder);
    let program = async {
        let gate = Gate::new();
        let builder = carriers((0..100).map(|_| load(10_000)), &gate);
        let gru = builder.store(MemoryStore::new()).max_bytes_in_flight(100_000).start().await.unwrap();
        let control = gru.control();
        let_everything_happen().await;
        // Each weighs its event and, after its first step, as much again.
        let taken = produced(&control);
        assert!((5..=11).contains(&taken), "{taken} were taken");
        let bytes = control.snapshot().orchestrations[0].bytes_in_flight;
        assert!((100_000..230_000).contains(&bytes), "{bytes}");
        let gauge =
            || sum(&counted.take(), names::WORKFLOWS_BYTES, &["orchestration=source/carrier", "minion=carrier"]);
        assert_eq!(gauge(), bytes as f64);
        let seen = waits(&control);
        let reason = Reason::Bytes { orchestration: "source/carrier".into(), used: bytes, max: 100_000 };
        assert!(matches!(&seen[..], [wait] if wait.reason == reason), "{seen:?}");
        gate.open();
        gru.finished().await;
        assert_eq!(control.snapshot().orchestrations[0].bytes_in_flight, 0);
        assert_eq!(gauge(), -(bytes as f64), "what was counted is given back; each look begins anew");
        gru.shutdown().await;
    };
    metrics::with_local_recorder(&recorder, || simulate(3, program));
}

#[test]
fn p2_what_may_be_unlimited_takes_all_there_is_and_takes_it_up_again() {
    simulate(10, async {
        let (gate, store) = (Gate::new(), MemoryStore::new());
        for given in [3_000, 0] {
            let builder = carriers((0..given).map(|_| load(10)), &gate).store(store.clone());
            let builder = builder.max_in_flight(usize::MAX).max_bytes_in_flight(u64::MAX).max_blocking(usize::MAX);
            let gru = builder.start().await.unwrap();
            let control = gru.control();
            until("all in flight", async || control.snapshot().orchestrations[0].in_flight == 3_000).await;
            assert_eq!(waits(&control), []);
            gru.shutdown_with(StopMode::Now).await;
        }
    });
}

#[test]
fn p2_an_event_that_is_larger_than_all_may_be_runs_alone() {
    simulate(4, async {
        let gate = Gate::new();
        let builder = carriers((0..3).map(|_| load(10_000)), &gate);
        let gru = builder.store(MemoryStore::new()).max_bytes_in_flight(1).start().await.unwrap();
        let control = gru.control();
        let_everything_happen().await;
        assert_eq!((produced(&control), control.snapshot().orchestrations[0].in_flight), (1, 1));
        gate.open();
        gru.finished().await;
        assert_eq!(control.snapshot().orchestrations[0].ledger.succeeded, 3);
        gru.shutdown().await;
    });
}

#[test]
fn r5_stored_workflows_are_taken_up_within_the_bound_of_their_bytes() {
    simulate(5, async {
        let (gate, store) = (Gate::new(), MemoryStore::new());
        let gru = carriers((0..20).map(|_| load(10_000)), &gate).store(store.clone()).start().await.unwrap();
        let control = gru.control();
        until("all in flight", async || control.snapshot().orchestrations[0].in_flight == 20).await;
        gru.shutdown().await;
        let gru = carriers([], &gate).store(store).max_bytes_in_flight(100_000).start().await.unwrap();
        let control = gru.control();
        let_everything_happen().await;
        let awake = control.snapshot().orchestrations[0].in_flight;
        assert!((5..=10).contains(&awake), "{awake} are awake");
        gate.open();
        gru.finished().await;
        gru.shutdown().await;
    });
}

#[test]
fn p2_without_a_store_contexts_are_counted() {
    simulate(6, async {
        let gate = Gate::new();
        let builder = carriers((0..50).map(|_| load(10_000)), &gate);
        let gru = builder.store(NoStore).max_bytes_in_flight(50_000).start().await.unwrap();
        let control = gru.control();
        let_everything_happen().await;
        let bytes = control.snapshot().orchestrations[0].bytes_in_flight;
        assert!(bytes >= 50_000, "{bytes}");
        gate.open();
        gru.finished().await;
        gru.shutdown().await;
    });
}

/// What a resource says of itself.
#[derive(Clone, Default)]
struct Says(Arc<Mutex<Option<&'static str>>>);

struct Line(Says);

impl Component for Line {
    const NAME: &'static str = "line";
    const FIELDS: &'static [Need] = &[Need::provided::<Says>()];

    fn assemble(cx: &Assembly) -> Result<Self> {
        Ok(Self(Says::clone(&*cx.provided::<Says>().expect("checked by the resolver"))))
    }
}

impl Resource for Line {
    async fn health(&self) -> Health {
        self.0.0.lock().map_or(Health::Healthy, Health::unhealthy)
    }
}

/// Needs the line, through which it says nothing.
struct Caller {
    _line: Dep<Line>,
}

impl Component for Caller {
    const NAME: &'static str = "caller";
    const FIELDS: &'static [Need] = &[Dep::<Line>::NEED];

    fn assemble(cx: &Assembly) -> Result<Self> {
        Ok(Self { _line: Dep::inject(cx)? })
    }
}

impl Minion for Caller {
    type Event = Load;
    type Context = ();
    const STEPS: &'static [StepInfo] = &[StepInfo::new("call")];

    async fn step<'a>(&'a self, _: usize, _: &'a Load, (): &'a mut (), _: &'a Workflow) -> Result<Flow> {
        Ok(Flow::Continue)
    }
}

#[test]
fn p4_a_resource_that_does_not_work_holds_back_those_that_need_it_and_nobody_else() {
    simulate(7, async {
        let (loads, events, says) = (Events::<Load>::new(), Events::<Job>::new(), Says::default());
        let gru = Gru::builder()
            .orchestrate::<Source<Load>, Caller>()
            .orchestrate::<crate::support::sources::Tape, crate::support::Worker>()
            .provide(crate::support::sources::Reel { ends: false, ..crate::support::sources::Reel::of(50) })
            .provide(loads.source())
            .provide(events.source())
            .provide(says.clone())
            .provide(Script::plain())
            .store(MemoryStore::new())
            .start()
            .await
            .unwrap();
        let control = gru.control();
        let of = |id: &str| control.snapshot().pipelines.into_iter().find(|pipeline| pipeline.id == id).unwrap();
        *says.0.lock() = Some("no route");
        let_everything_happen().await;
        loads.push(load(1));
        loads.push(load(1));
        let_everything_happen().await;
        let held = of("source");
        let unhealthy = Reason::Unhealthy { resource: "line".into(), why: "no route".into() };
        assert!(matches!(&held.waits_for[..], [wait] if wait.reason == unhealthy), "{held:?}");
        assert_eq!(held.produced, 0);
        assert_eq!((of("tape").waits_for, of("tape").produced), (Vec::new(), 50));
        assert_eq!(control.snapshot().resources[0].holds_back, held.waits_for);
        *says.0.lock() = None;
        until("both events", async || of("source").produced == 2).await;
        assert_eq!(of("source").waits_for, []);
        gru.shutdown().await;
    });
}

/// A memory of which the test says how much is used.
#[derive(Clone)]
struct Memory(Arc<Mutex<Result<u64, &'static str>>>);

impl Memory {
    fn used(percent: u64) -> Self {
        Self(Arc::new(Mutex::new(Ok(percent))))
    }

    fn set(&self, percent: Result<u64, &'static str>) {
        *self.0.lock() = percent;
    }
}

impl MemoryGauge for Memory {
    fn measure(&self) -> Result<MemoryUse, MeasureError> {
        let used = self.0.lock().map_err(|why| why.to_owned())?;
        Ok(MemoryUse { used, limit: 100, of: MemoryOf::Container })
    }
}

#[test]
fn t5_while_memory_is_short_no_event_is_taken_nothing_is_started_and_what_runs_goes_on() {
    simulate(8, async {
        let (memory, gate, events) = (Memory::used(50), Gate::new(), Events::new());
        let script = Script::held(&gate, |step| step == "second");
        let gru = program(&events, script.clone()).store(MemoryStore::new());
        let gru = gru.memory(memory.clone(), MemoryBounds::default()).start().await.unwrap();
        let control = gru.control();
        events.push(Job { number: 1 });
        until("the first step", async || script.ran_of(1).len() == 2).await;
        memory.set(Ok(90));
        let_everything_happen().await;
        let short = Reason::Memory { used: 90, limit: 100, of: MemoryOf::Container };
        assert_eq!(waits(&control)[0].reason, short);
        let troubles = control.snapshot().troubles();
        assert_eq!((troubles[0].name.as_str(), &troubles[0].what), ("memory", &short.to_string()));
        // The one that `next` had in hand may still come.
        (2..6).for_each(|number| events.push(Job { number }));
        let_everything_happen().await;
        assert!(produced(&control) <= 2, "{}", produced(&control));
        gate.open();
        until("what was in flight", async || script.ran_of(1).len() == 3).await;
        let refused = control.start("source/worker").await.unwrap_err();
        assert!(matches!(&refused, StartError::HeldBack(wait) if wait.reason == short), "{refused}");
        memory.set(Ok(60));
        until("the others", async || produced(&control) == 5).await;
        assert_eq!(control.snapshot().troubles(), []);
        gru.shutdown().await;
    });
}

#[test]
fn t5_memory_that_cannot_be_measured_is_guarded_no_more() {
    simulate(9, async {
        let (memory, events) = (Memory::used(99), Events::new());
        let gru = program(&events, Script::plain()).store(MemoryStore::new());
        let gru = gru.memory(memory.clone(), MemoryBounds::default()).start().await.unwrap();
        let control = gru.control();
        let_everything_happen().await;
        assert_eq!(waits(&control).len(), 1);
        memory.set(Err("no such file"));
        let_everything_happen().await;
        assert_eq!(waits(&control), []);
        memory.set(Ok(99));
        let_everything_happen().await;
        assert_eq!(waits(&control), [], "it was given up");
        gru.shutdown().await;
    });
}
