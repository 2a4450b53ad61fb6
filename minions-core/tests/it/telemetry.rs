//! What is counted: every outcome once, gauges back to zero, calls by caller.

use std::collections::BTreeMap;

use metrics_util::MetricKind;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

use minions_core::component::{Assembly, Component, Dep, Inject, Need};
use minions_core::gru::StopMode;
use minions_core::minion::{Flow, Minion, StepInfo};
use minions_core::resource::{Call, Resource, TrackedMethod};
use minions_core::store::{MemoryStore, Status};
use minions_core::telemetry::names;
use minions_core::testing::{Events, FaultyStore, Gate};
use minions_core::workflow::Workflow;
use minions_core::{Error, Gru, Result};

use crate::support::{Feed, ID, Job, Script, jobs, program, rows, until};

/// Runs `test` on one thread, on which everything is counted by a recorder of its own.
pub(crate) fn counted<T>(test: impl AsyncFnOnce(&Counted) -> T) -> T {
    let recorder = DebuggingRecorder::new();
    let counted = Counted::by(&recorder);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    metrics::with_local_recorder(&recorder, || runtime.block_on(test(&counted)))
}

pub(crate) struct Counted(Snapshotter);

/// Values by name and by the labels that are not empty, written as Prometheus would.
pub(crate) type Values = BTreeMap<String, f64>;

impl Counted {
    /// What `recorder` counts.
    pub(crate) fn by(recorder: &DebuggingRecorder) -> Self {
        Self(recorder.snapshotter())
    }

    /// Everything since the last call; all but gauges that are set start over with each.
    pub(crate) fn take(&self) -> Values {
        minions_core::telemetry::flush();
        self.told()
    }

    /// What was handed over since the last call, without asking for more.
    pub(crate) fn told(&self) -> Values {
        let all = self.0.snapshot().into_vec().into_iter();
        let values = all.map(|(key, _, _, value)| {
            let (kind, key) = key.into_parts();
            let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
            let value = match value {
                DebugValue::Counter(count) => count as f64,
                DebugValue::Gauge(value) => value.into_inner(),
                DebugValue::Histogram(records) => records.len() as f64,
            };
            assert!(kind != MetricKind::Counter || key.name().ends_with("_total"));
            (format!("{}{{{}}}", key.name(), labels.join(",")), value)
        });
        values.collect()
    }
}

/// The sum of every series of `name` whose labels contain all of `with`.
pub(crate) fn sum(values: &Values, name: &str, with: &[&str]) -> f64 {
    let of = values.iter().filter(|(key, _)| key.starts_with(&format!("{name}{{")));
    of.filter(|(key, _)| with.iter().all(|label| key.contains(label))).map(|(_, value)| value).sum()
}

#[test]
fn w3_every_outcome_is_counted_once_and_gauges_go_back_to_zero() {
    let values = counted(async |counted| {
        let script = Script::new(|wf, job, trail| async move {
            match (job.number % 5, wf.step()) {
                (1, "second") => Ok((Flow::Done, trail)),
                (2, "second") => Ok((Flow::abort("no"), trail)),
                (3, "second") => Err(Error::new("no")),
                (4, "second") => panic!("no"),
                _ => Ok((Flow::Continue, trail)),
            }
        });
        let gru = program(&jobs(0..10), script).store(MemoryStore::new()).start().await.unwrap();
        gru.finished().await;
        gru.shutdown().await;
        counted.take()
    });
    let count = |name, with: &[&str]| sum(&values, name, with);
    assert_eq!(count(names::EVENTS_PRODUCED, &[]), 10.0);
    assert_eq!(count(names::EVENTS_FANNED_OUT, &[]), 10.0);
    assert_eq!(count(names::WORKFLOWS_STARTED, &["orchestration=source/worker", "minion=worker"]), 10.0);
    for (status, expected) in [("succeeded", 4.0), ("aborted", 2.0), ("quarantined", 4.0)] {
        let status = format!("status={status}");
        assert_eq!(count(names::WORKFLOWS_FINISHED, &[&status]), expected, "{status}");
        assert_eq!(count(names::WORKFLOW_DURATION, &[&status]), expected, "{status}");
    }
    for (status, expected) in [("succeeded", 4.0), ("aborted", 2.0), ("failed", 2.0), ("panicked", 2.0)] {
        let status = format!("status={status}");
        assert_eq!(count(names::STEPS_FINISHED, &["step=second", &status]), expected, "{status}");
    }
    assert_eq!(count(names::STEPS_STARTED, &[]), 10.0 + 10.0 + 2.0);
    assert_eq!(count(names::STEP_DURATION, &[]), 10.0 + 10.0 + 2.0);
    assert_eq!(count(names::QUARANTINED, &[]), 4.0);
    for gauge in [
        names::WORKFLOWS_IN_FLIGHT,
        names::WORKFLOWS_BYTES,
        names::STEPS_IN_FLIGHT,
        names::CHECKPOINTS_BLOCKED,
        names::COMPONENT_UP,
    ] {
        assert_eq!(count(gauge, &[]), 0.0, "{gauge}");
    }
    let documented: Vec<_> = names::TABLE.iter().map(|metric| metric.name).collect();
    for key in values.keys() {
        let name = key.split('{').next().unwrap();
        assert!(documented.contains(&name), "{name} is not in the table");
    }
}

#[test]
fn what_is_counted_reaches_the_recorder_while_a_program_runs_and_by_its_end() {
    counted(async |counted| {
        let (events, gate) = (Events::new(), Gate::new());
        events.push(Job { number: 1 });
        let gru = program(&events, Script::held(&gate, |step| step == "second")).start().await.unwrap();
        gate.arrivals(1).await;
        let (mut started, mut in_flight) = (0.0, 0.0);
        until("the step that runs and the one before it", async || {
            let values = counted.told();
            started += sum(&values, names::STEPS_STARTED, &[]);
            in_flight += sum(&values, names::STEPS_IN_FLIGHT, &[]);
            (started, in_flight) == (2.0, 1.0)
        })
        .await;
        gate.open();
        events.end();
        gru.finished().await;
        gru.shutdown().await;
        let values = counted.told();
        assert_eq!(sum(&values, names::STEPS_FINISHED, &["step=third", "status=succeeded"]), 1.0);
        assert_eq!(in_flight + sum(&values, names::STEPS_IN_FLIGHT, &[]), 0.0);
        assert_eq!(sum(&values, names::WORKFLOWS_FINISHED, &["status=succeeded"]), 1.0);
    });
}

#[test]
fn d1_the_blocked_gauge_is_the_number_of_blocked_workflows() {
    counted(async |counted| {
        let (gate, store) = (Gate::new(), FaultyStore::new());
        let gru = program(&jobs(0..7), Script::held(&gate, |step| step == "first")).store(store.clone());
        let gru = gru.start().await.unwrap();
        gate.arrivals(7).await;
        store.fail();
        gate.open();
        let blocked = async || sum(&counted.take(), names::CHECKPOINTS_BLOCKED, &[]);
        until("all seven to be blocked", async || blocked().await == 7.0).await;
        store.work();
        gru.finished().await;
        assert_eq!(blocked().await, 0.0);
        gru.shutdown().await;
    });
}

#[test]
fn parked_and_interrupted_workflows_leave_no_gauge_behind() {
    for mode in [StopMode::Park, StopMode::Now] {
        let values = counted(async |counted| {
            let (gate, events) = (Gate::new(), Events::new());
            (0..3).for_each(|number| events.push(Job { number }));
            let script = Script::held(&gate, |step| step == "first");
            let gru = program(&events, script).store(MemoryStore::new()).start().await.unwrap();
            gate.arrivals(3).await;
            assert_eq!(gru.in_flight(ID), Some(3));
            let stop = tokio::spawn(gru.shutdown_with(mode));
            tokio::task::yield_now().await;
            gate.open();
            stop.await.unwrap();
            counted.take()
        });
        let expected = if mode == StopMode::Park { 3.0 } else { 0.0 };
        assert_eq!(sum(&values, names::WORKFLOWS_PARKED, &[]), expected);
        assert_eq!(sum(&values, names::WORKFLOWS_IN_FLIGHT, &[]), 0.0);
        assert_eq!(sum(&values, names::WORKFLOWS_BYTES, &[]), 0.0);
        assert_eq!(sum(&values, names::STEPS_IN_FLIGHT, &[]), 0.0);
    }
}

#[test]
fn d7_a_quarantine_that_the_store_rejects_is_not_counted_as_kept() {
    let (values, row) = counted(async |counted| {
        let store = FaultyStore::new();
        let script = Script::new({
            let store = store.clone();
            move |wf, _, trail| {
                store.poison(wf.id());
                async move { Ok((Flow::Continue, trail)) }
            }
        });
        let gru = program(&jobs([1]), script).store(store.clone()).start().await.unwrap();
        gru.finished().await;
        assert_eq!(gru.shutdown().await.quarantined, 0);
        (counted.take(), rows(store.inner()).await.remove(0))
    });
    assert_eq!((row.status, &*row.step), (Status::Running, "first"), "it comes back with the next start");
    assert_eq!(sum(&values, names::WORKFLOWS_FINISHED, &["status=quarantined"]), 0.0);
    assert_eq!(sum(&values, names::QUARANTINED, &[]), 0.0);
}

/// A resource that calls another one.
struct Front(Dep<Back>);
struct Back;

impl Front {
    async fn ask(&self, fails: bool) -> Result<(), std::io::Error> {
        static ASK: TrackedMethod = TrackedMethod::new("front", "ask");
        let call = Call::begin(&ASK);
        let answer = call.scope(self.0.answer(fails)).await;
        call.end(answer.is_err());
        answer
    }
}

impl Back {
    async fn answer(&self, fails: bool) -> Result<(), std::io::Error> {
        static ANSWER: TrackedMethod = TrackedMethod::new("back", "answer");
        let call = Call::begin(&ANSWER);
        let answer = call.scope(async { if fails { Err(std::io::Error::other("no")) } else { Ok(()) } }).await;
        call.end(answer.is_err());
        answer
    }

    async fn hang(&self) {
        static HANG: TrackedMethod = TrackedMethod::new("back", "hang");
        let call = Call::begin(&HANG);
        call.scope(std::future::pending::<()>()).await;
        call.end(false);
    }
}

impl Component for Back {
    const NAME: &'static str = "back";

    fn assemble(_: &Assembly) -> Result<Self> {
        Ok(Self)
    }
}

impl Resource for Back {}

impl Component for Front {
    const NAME: &'static str = "front";
    const FIELDS: &'static [Need] = &[Dep::<Back>::NEED];

    fn assemble(cx: &Assembly) -> Result<Self> {
        Ok(Self(Dep::inject(cx)?))
    }
}

impl Resource for Front {}

struct Asker {
    front: Dep<Front>,
    back: Dep<Back>,
}

impl Component for Asker {
    const NAME: &'static str = "asker";
    const FIELDS: &'static [Need] = &[Dep::<Front>::NEED, Dep::<Back>::NEED];

    fn assemble(cx: &Assembly) -> Result<Self> {
        Ok(Self { front: Dep::inject(cx)?, back: Dep::inject(cx)? })
    }
}

impl Minion for Asker {
    type Event = Job;
    type Context = ();
    const STEPS: &'static [StepInfo] = &[StepInfo::new("ask")];

    async fn step<'a>(&'a self, _: usize, job: &'a Job, (): &'a mut (), _: &'a Workflow) -> Result<Flow> {
        let _ = self.front.ask(job.number == 1).await;
        let (carried, lost) = (self.back.clone(), self.back.clone());
        minions_core::spawn(async move { carried.answer(false).await }).await??;
        tokio::spawn(async move { lost.answer(false).await }).await??;
        tokio::select! {
            biased;
            () = self.back.hang() => {}
            () = tokio::task::yield_now() => {}
        }
        Ok(Flow::Done)
    }
}

#[test]
fn t2_calls_are_counted_by_caller_also_from_spawned_tasks() {
    let values = counted(async |counted| {
        let events = jobs(0..2);
        let gru = Gru::builder().orchestrate::<Feed, Asker>().provide(events.source()).start().await.unwrap();
        gru.finished().await;
        gru.shutdown().await;
        counted.take()
    });
    let count = |name, with: &[&str]| sum(&values, name, with);
    let asker = ["caller_kind=minion", "caller=asker", "orchestration=source/asker"];
    let calls = |method: &str, caller: &[&str]| count(names::RESOURCE_CALLS, &[&[method], caller].concat());
    assert_eq!(calls("method=ask", &asker), 2.0);
    assert_eq!(count(names::RESOURCE_ERRORS, &["method=ask"]), 1.0);
    assert_eq!(calls("method=answer", &["caller_kind=resource", "caller=front", "orchestration=source/asker"]), 2.0);
    assert_eq!(calls("method=answer", &asker), 2.0, "what minions::spawn carries on");
    assert_eq!(calls("method=answer", &["caller_kind=unknown"]), 2.0, "what tokio::spawn loses");
    assert_eq!(count(names::RESOURCE_ERRORS, &["method=answer"]), 1.0);
    assert_eq!(count(names::RESOURCE_CALL_DURATION, &["method=answer"]), 6.0);
    assert_eq!(count(names::RESOURCE_CALLS, &["method=hang"]), 0.0, "an interrupted call is neither");
    assert_eq!(count(names::RESOURCE_CALLS_IN_FLIGHT, &[]), 0.0);
}
