//! An open circuit: whose gates it closes, with which words, and that they open again when the resource works.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use metrics_util::debugging::DebuggingRecorder;
use parking_lot::Mutex;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use minions_core::component::{Assembly, Component, Dep, Inject, Need};
use minions_core::gru::Control;
use minions_core::limit::{Bounds, Circuit, Limit, LimitInfo, LimitedMethod, Outcome, Rejected};
use minions_core::minion::{Flow, Minion, StepInfo};
use minions_core::pipeline::{Next, Pipeline, Produces};
use minions_core::reason::Reason;
use minions_core::resource::Resource;
use minions_core::store::MemoryStore;
use minions_core::telemetry::names;
use minions_core::testing::simulate;
use minions_core::workflow::Workflow;
use minions_core::{Gru, Result};

use crate::support::Job;
use crate::telemetry::{Counted, sum};

const SECOND: Duration = Duration::from_secs(1);

/// What is on the other side of the line.
#[derive(Clone, Default)]
struct Service(Arc<AtomicBool>, Arc<AtomicU32>);

impl Service {
    fn works(&self, works: bool) {
        self.0.store(works, Ordering::Relaxed);
    }

    fn calls(&self) -> u32 {
        self.1.load(Ordering::Relaxed)
    }
}

/// Behind a circuit.
struct Line(Arc<Service>);

const CALL: Limit =
    Limit::new(Bounds::new().circuit(Circuit::new().failures(2).open(Duration::from_secs(60)).probes(2)));

impl Line {
    async fn call(&self) -> Result<(), Rejected> {
        static CALL_LIMIT: LimitedMethod = LimitedMethod::new("line", "call", CALL);
        let permit = CALL_LIMIT.ask(self, String::new).taken().await?;
        self.0.1.fetch_add(1, Ordering::Relaxed);
        permit.end(if self.0.0.load(Ordering::Relaxed) { Outcome::Succeeded } else { Outcome::Failed });
        Ok(())
    }
}

impl Component for Line {
    const NAME: &'static str = "line";
    const FIELDS: &'static [Need] = &[Need::provided::<Service>()];

    fn assemble(cx: &Assembly) -> Result<Self> {
        Ok(Self(cx.provided().expect("checked by the resolver")))
    }
}

impl Resource for Line {
    const LIMITS: &'static [LimitInfo] = &[LimitInfo::new("call", CALL)];
}

/// Components that need a resource, or none, and do nothing with it.
macro_rules! component {
    ($type:ident { $field:ident: $need:ty } = $name:literal) => {
        struct $type {
            $field: $need,
        }

        impl Component for $type {
            const NAME: &'static str = $name;
            const FIELDS: &'static [Need] = &[<$need>::NEED];

            fn assemble(cx: &Assembly) -> Result<Self> {
                Ok(Self { $field: <$need>::inject(cx)? })
            }
        }
    };
    ($type:ident = $name:literal) => {
        struct $type;

        impl Component for $type {
            const NAME: &'static str = $name;

            fn assemble(_: &Assembly) -> Result<Self> {
                Ok(Self)
            }
        }
    };
}

component!(Desk { line: Dep<Line> } = "desk");
component!(Lamp = "lamp");
component!(Itself { _line: Dep<Line> } = "itself");
component!(Through = "through");
component!(Apart { _lamp: Dep<Lamp> } = "apart");
component!(Caller { desk: Dep<Desk> } = "caller");
component!(Reader { _lamp: Dep<Lamp> } = "reader");
component!(Idler = "idler");

impl Resource for Desk {}
impl Resource for Lamp {}

macro_rules! sources {
    ($($type:ident),*) => {
        $(impl Pipeline for $type {
            type Event = Job;

            async fn next(&mut self) -> Result<Next<Job>> {
                tick().await
            }
        }

        impl Produces<Job> for $type {})*
    };
}
sources!(Itself, Through, Apart);

/// An event a second.
async fn tick() -> Result<Next<Job>> {
    tokio::time::sleep(SECOND).await;
    Ok(Next::Event(Job { number: 0 }))
}

const STEPS: &[StepInfo] = &[StepInfo::new("only")];

impl Minion for Caller {
    type Event = Job;
    type Context = ();
    const STEPS: &'static [StepInfo] = STEPS;

    async fn step<'a>(&'a self, _: usize, _: &'a Job, (): &'a mut (), _: &'a Workflow) -> Result<Flow> {
        self.desk.line.call().await?;
        Ok(Flow::Done)
    }
}

macro_rules! idle {
    ($($type:ident),*) => {
        $(impl Minion for $type {
            type Event = Job;
            type Context = ();
            const STEPS: &'static [StepInfo] = STEPS;

            async fn step<'a>(&'a self, _: usize, _: &'a Job, (): &'a mut (), _: &'a Workflow) -> Result<Flow> {
                Ok(Flow::Done)
            }
        })*
    };
}
idle!(Reader, Idler);

/// What the log says of a pipeline that takes no events: the reason as a word, and in words.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(String, String)>>>);

#[derive(Default)]
struct Spoken(Option<String>, Option<String>);

impl Visit for Spoken {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "reason" {
            self.0 = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "why" {
            self.1 = Some(format!("{value:?}"));
        }
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Spoken::default();
        event.record(&mut line);
        if let Spoken(Some(reason), Some(why)) = line {
            self.0.lock().push((reason, why));
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// What a pipeline is like: how many events it has produced, and what it waits for.
fn of(control: &Control, id: &str) -> (u64, Vec<(Reason, i64)>) {
    let pipelines = control.snapshot().pipelines;
    let pipeline = pipelines.into_iter().find(|pipeline| pipeline.id == id).expect("it is part of the program");
    (pipeline.produced, pipeline.waits_for.into_iter().map(|wait| (wait.reason, wait.since_ms)).collect())
}

/// Since when the only reason of a pipeline is the circuit, and until when.
fn held(control: &Control, id: &str) -> (i64, i64) {
    let (_, waits) = of(control, id);
    match &waits[..] {
        [(Reason::Circuit { limit, until_ms }, since)] if &**limit == "line.call" => (*since, *until_ms),
        other => panic!("{id} waits for {other:?}"),
    }
}

fn is_free(control: &Control, id: &str) -> bool {
    of(control, id).1.is_empty()
}

#[test]
fn p4_an_open_circuit_closes_the_gates_of_those_that_need_it_until_its_probes_succeed() {
    let (recorder, log) = (DebuggingRecorder::new(), Log::default());
    let counted = Counted::by(&recorder);
    let program = async {
        let service = Service::default();
        let gru = Gru::builder()
            .orchestrate::<Through, Caller>()
            .orchestrate::<Itself, Idler>()
            .orchestrate::<Apart, Reader>()
            .provide(service.clone())
            .store(MemoryStore::new())
            .start()
            .await
            .unwrap();
        let control = gru.control();
        let gauge =
            |values: &_, id: &str| sum(values, names::PIPELINE_WAITING, &[&format!("pipeline={id}"), "reason=circuit"]);

        // The second call opens it; whoever came meanwhile is put off.
        tokio::time::sleep(5 * SECOND).await;
        assert_eq!(service.calls(), 2);
        let (since, until) = held(&control, "through");
        assert_eq!(until - since, 60_000);
        assert_eq!(held(&control, "itself"), (since, until), "what it needs itself holds it back as well");
        let apart = of(&control, "apart");
        assert_eq!(apart.1, []);
        let words = Reason::Circuit { limit: "line.call".into(), until_ms: until };
        let told = (words.as_str().to_owned(), words.to_string());
        assert_eq!(*log.0.lock(), [told.clone(), told], "one line for each that is held back");
        let values = counted.take();
        assert_eq!([gauge(&values, "through"), gauge(&values, "itself"), gauge(&values, "apart")], [1.0, 1.0, 0.0]);
        assert_eq!(sum(&values, names::LIMIT_CIRCUIT_OPEN, &["resource=line", "method=call"]), 1.0);

        // While it is open they take nothing, and nobody else notices.
        let (through, itself) = (of(&control, "through").0, of(&control, "itself").0);
        tokio::time::sleep(50 * SECOND).await;
        assert_eq!((of(&control, "through").0, of(&control, "itself").0), (through, itself));
        assert_eq!(of(&control, "apart").0, apart.0 + 50);

        // The first probe fails: it is open again, still since the first failure.
        tokio::time::sleep(10 * SECOND).await;
        assert_eq!(service.calls(), 3);
        let (again, later) = held(&control, "through");
        assert_eq!(again, since);
        assert!(later > until, "{later} is no later than {until}");
        assert_eq!(held(&control, "itself"), (again, later));

        // Both probes succeed: everybody goes on, and nothing was lost.
        service.works(true);
        tokio::time::sleep(60 * SECOND).await;
        assert!(["through", "itself", "apart"].iter().all(|id| is_free(&control, id)));
        let values = counted.take();
        assert_eq!(sum(&values, names::PIPELINE_WAITING, &[]), 0.0);
        assert_eq!(sum(&values, names::LIMIT_CIRCUIT_OPEN, &[]), 0.0);
        let before = of(&control, "through").0;
        tokio::time::sleep(10 * SECOND).await;
        assert_eq!(of(&control, "through").0, before + 10);
        assert_eq!(gru.shutdown().await.quarantined, 0);
    };
    // With only one listener in the process, a thread without any that comes by first would switch lines off for all threads.
    let _second = tracing::Dispatch::new(Log::default());
    tracing::subscriber::with_default(log.clone(), || metrics::with_local_recorder(&recorder, || simulate(3, program)));
}
