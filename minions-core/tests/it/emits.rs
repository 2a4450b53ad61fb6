//! Events that minions emit: stored with the checkpoint, for other minions and for themselves.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use minions_core::component::{Assembly, Component, Need};
use minions_core::gru::{Finished, StopMode};
use minions_core::minion::{EmitInfo, Emits, Flow, Minion, StepInfo};
use minions_core::pipeline::{EventSource, Origin, Produces};
use minions_core::store::{Filter, MemoryStore, NoStore, StateStore};
use minions_core::testing::{Events, FaultyStore, Gate, Source, simulate};
use minions_core::workflow::Workflow;
use minions_core::{Gru, GruBuilder, Result};

use crate::support::{Job, jobs};

/// What a [`Splitter`] emits for a [`Notifier`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Alert {
    number: u64,
}

/// What the steps do, and what they have seen.
#[derive(Clone, Default)]
struct Acts {
    gate: Option<Gate>,
    fails_once: bool,
    key: Option<&'static str>,
    delay: Duration,
    alerts: Arc<Mutex<Vec<u64>>>,
    split: Arc<Mutex<Vec<u64>>>,
}

/// Emits an alert for its number, and itself the next smaller one, down to nothing.
struct Splitter(Acts);

impl Component for Splitter {
    const NAME: &'static str = "splitter";
    const FIELDS: &'static [Need] = &[Need::provided::<Acts>()];

    fn assemble(cx: &Assembly) -> Result<Self> {
        Ok(Self(Acts::clone(&*cx.provided::<Acts>().expect("checked by the resolver"))))
    }
}

impl Produces<Alert> for Splitter {}
impl Produces<Job> for Splitter {}
impl Emits<Alert> for Splitter {}
impl Emits<Job> for Splitter {}

impl EventSource for Splitter {
    fn origin() -> Origin {
        Origin::emitted_by::<Self>()
    }
}

impl Minion for Splitter {
    type Event = Job;
    type Context = ();
    const STEPS: &'static [StepInfo] = &[StepInfo::new("split"), StepInfo::new("rest")];
    const EMITS: &'static [EmitInfo] = &[EmitInfo::of::<Alert>(), EmitInfo::of::<Job>()];

    async fn step<'a>(&'a self, index: usize, job: &'a Job, (): &'a mut (), wf: &'a Workflow) -> Result<Flow> {
        if index == 1 {
            return Ok(Flow::Continue);
        }
        self.0.split.lock().push(job.number);
        let emitted = self.emit(wf, Alert { number: job.number }).after(self.0.delay);
        if let Some(key) = self.0.key {
            emitted.key(key);
        }
        if job.number > 0 {
            self.emit(wf, Job { number: job.number - 1 });
        }
        if let Some(gate) = &self.0.gate {
            gate.pass().await;
        }
        if self.0.fails_once && !wf.may_have_run() {
            return Err(minions_core::Error::new("it fails after it has emitted"));
        }
        Ok(Flow::Continue)
    }
}

struct Notifier(Acts);

impl Component for Notifier {
    const NAME: &'static str = "notifier";
    const FIELDS: &'static [Need] = &[Need::provided::<Acts>()];

    fn assemble(cx: &Assembly) -> Result<Self> {
        Ok(Self(Acts::clone(&*cx.provided::<Acts>().expect("checked by the resolver"))))
    }
}

impl Minion for Notifier {
    type Event = Alert;
    type Context = ();
    const STEPS: &'static [StepInfo] = &[StepInfo::new("notify")];

    async fn step<'a>(&'a self, _: usize, alert: &'a Alert, (): &'a mut (), _: &'a Workflow) -> Result<Flow> {
        self.0.alerts.lock().push(alert.number);
        Ok(Flow::Continue)
    }
}

/// `Source => Splitter`, `Splitter => Splitter`, `Splitter => Notifier`.
fn program(events: &Events<Job>, acts: &Acts) -> GruBuilder {
    Gru::builder()
        .orchestrate::<Source<Job>, Splitter>()
        .orchestrate::<Splitter, Splitter>()
        .orchestrate::<Splitter, Notifier>()
        .provide(events.source())
        .provide(acts.clone())
}

async fn run(program: GruBuilder) {
    let gru = program.start().await.expect("it starts");
    assert_eq!(gru.finished().await, Finished::Done);
    assert!(gru.shutdown().await.is_clean());
}

fn sorted(numbers: &Mutex<Vec<u64>>) -> Vec<u64> {
    let mut numbers = numbers.lock().clone();
    numbers.sort_unstable();
    numbers
}

#[test]
fn w7_emitted_events_reach_others_and_oneself_and_then_the_program_ends() {
    for keeps in [true, false] {
        simulate(1, async move {
            let (acts, store) = (Acts::default(), MemoryStore::new());
            let program = program(&jobs([3, 1]), &acts);
            run(if keeps { program.store(store.clone()) } else { program.store(NoStore) }).await;
            assert_eq!(sorted(&acts.alerts), [0, 0, 1, 1, 2, 3]);
            assert_eq!(sorted(&acts.split), [0, 0, 1, 1, 2, 3]);
            assert!(store.scan(Filter::all(), 9).await.unwrap().is_empty());
        });
    }
}

#[test]
fn w7_what_a_failed_step_has_emitted_is_not_stored() {
    simulate(2, async {
        let (acts, store) = (Acts { fails_once: true, ..Acts::default() }, MemoryStore::new());
        run(program(&jobs([5]), &acts).store(store.clone())).await;
        assert_eq!(sorted(&acts.split), [5]);
        assert!(acts.alerts.lock().is_empty());
        let left = store.scan(Filter::all(), 9).await.unwrap();
        assert_eq!(left.len(), 1, "only the one that failed");
    });
}

#[test]
fn w7_an_emission_waits_for_its_delay_also_across_a_restart() {
    simulate(3, async {
        let (acts, store) = (Acts { delay: Duration::from_secs(3600), ..Acts::default() }, MemoryStore::new());
        let gru = program(&jobs([0]), &acts).store(store.clone()).start().await.unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        gru.shutdown().await;
        assert!(acts.alerts.lock().is_empty());
        let began = tokio::time::Instant::now();
        run(program(&jobs([]), &acts).store(store)).await;
        assert_eq!(sorted(&acts.alerts), [0]);
        assert!(began.elapsed() > Duration::from_secs(3500) && began.elapsed() < Duration::from_secs(3700));
    });
}

#[test]
fn w7_equal_keys_are_emitted_once() {
    simulate(4, async {
        let (acts, store) = (Acts { key: Some("same"), ..Acts::default() }, MemoryStore::new());
        run(program(&jobs([3, 2]), &acts).store(store)).await;
        assert_eq!(acts.alerts.lock().len(), 1);
        assert_eq!(acts.split.lock().len(), 7, "the others have no key");
    });
}

#[test]
fn w7_an_operation_that_is_repeated_emits_once() {
    simulate(5, async {
        let (gate, store) = (Gate::new(), FaultyStore::new());
        let acts = Acts { gate: Some(gate.clone()), ..Acts::default() };
        let gru = program(&jobs([0]), &acts).store(store.clone()).start().await.unwrap();
        gate.arrivals(1).await;
        store.fail_once();
        gate.open();
        assert_eq!(gru.finished().await, Finished::Done);
        gru.shutdown().await;
        assert_eq!(sorted(&acts.alerts), [0]);
    });
}

#[test]
fn p4_what_exceeds_the_cap_of_whoever_reacts_stays_on_disk() {
    simulate(6, async {
        let (acts, store) = (Acts::default(), MemoryStore::new());
        let gru = program(&jobs(0..40), &acts).max_in_flight(2).store(store.clone()).start().await.unwrap();
        assert_eq!(gru.finished().await, Finished::Done);
        gru.shutdown().await;
        // Every number down to 0, of each of the forty.
        assert_eq!(acts.alerts.lock().len(), (1..=40).sum::<usize>());
    });
}

#[test]
fn r9_what_was_emitted_for_an_orchestration_that_does_not_run_is_kept_for_it() {
    simulate(7, async {
        let (acts, store) = (Acts::default(), MemoryStore::new());
        let without = Gru::builder()
            .orchestrate::<Source<Job>, Splitter>()
            .orchestrate_with::<Splitter, Notifier>(|options| options.start(false));
        let events = jobs([2]);
        let gru = without.provide(events.source()).provide(acts.clone()).store(store.clone()).start().await.unwrap();
        gru.finished().await;
        gru.shutdown_with(StopMode::Drain).await;
        assert!(acts.alerts.lock().is_empty());
        run(program(&jobs([]), &acts).store(store)).await;
        assert_eq!(sorted(&acts.alerts), [2]);
    });
}

#[tokio::test]
async fn a_test_of_a_step_sees_what_it_has_emitted() {
    let (splitter, wf) = (Splitter(Acts::default()), Workflow::detached());
    assert_eq!(splitter.step(0, &Job { number: 2 }, &mut (), &wf).await.unwrap(), Flow::Continue);
    assert_eq!(wf.emitted::<Alert>(), [Alert { number: 2 }]);
    assert_eq!(wf.emitted::<Job>(), [Job { number: 1 }]);
}
