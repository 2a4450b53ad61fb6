//! Limits on the methods of resources, in programs: whose they are, what a step notices of them, and what is shown.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use minions_core::component::{Assembly, Component, Dep, Inject, Need};
use minions_core::error::NotBefore;
use minions_core::gru::{Finished, StopMode};
use minions_core::limit::{Bounds, Circuit, Limit, LimitInfo, LimitSettings, LimitedMethod, Outcome, Rate};
use minions_core::minion::{Flow, Minion, StepInfo};
use minions_core::resource::{Call, Resource, TrackedMethod};
use minions_core::store::{Filter, MemoryStore};
use minions_core::testing::{Events, simulate};
use minions_core::workflow::Workflow;
use minions_core::{Error, Gru, GruBuilder, Result};

use crate::support::{Feed, Job, jobs, rows};

const SECOND: Duration = Duration::from_secs(1);

/// When calls of the service went on, and what comes of them.
#[derive(Clone, Default)]
struct Service(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    calls: Vec<Instant>,
    /// How the first calls end: with an error that asks for so much patience, if it says so.
    failures: Vec<Option<Duration>>,
}

impl Service {
    fn calls(&self) -> Vec<Instant> {
        self.0.lock().calls.clone()
    }
}

/// A resource with limits.
struct Http(Arc<Service>);

const GET: Limit = Limit::new(Bounds::new().rate(Rate::per_second(1)));
const SLOW: Limit =
    Limit::new(Bounds::new().concurrency(1).circuit(Circuit::new().failures(2).open(Duration::from_secs(60))));

impl Http {
    async fn get(&self) -> Result<()> {
        static GET_LIMIT: LimitedMethod = LimitedMethod::new("http", "get", GET);
        let permit = GET_LIMIT.ask(self, String::new).taken().await?;
        let mut told = self.0.0.lock();
        told.calls.push(Instant::now());
        let failure = told.failures.pop();
        drop(told);
        match failure {
            None => permit.end(Outcome::Succeeded),
            Some(None) => {
                permit.end(Outcome::Failed);
                return Err("it is broken".into());
            }
            Some(Some(time)) => {
                permit.end(Outcome::NotBefore(time));
                return Err(Error::new(NotBefore::new(time)));
            }
        }
        Ok(())
    }

    /// Takes so long, one after the other.
    async fn slow(&self, time: Duration) -> Result<()> {
        static SLOW_LIMIT: LimitedMethod = LimitedMethod::new("http", "slow", SLOW);
        static SLOW_CALL: TrackedMethod = TrackedMethod::new("http", "slow");
        let permit = SLOW_LIMIT.ask(self, String::new).taken().await?;
        let call = Call::begin(&SLOW_CALL);
        call.scope(tokio::time::sleep(time)).await;
        call.end(false);
        permit.end(Outcome::Succeeded);
        Ok(())
    }
}

impl Component for Http {
    const NAME: &'static str = "http";
    const FIELDS: &'static [Need] = &[Need::provided::<Service>()];

    fn assemble(cx: &Assembly) -> Result<Self> {
        cx.provided().map(Self).ok_or_else(|| Error::new("nobody provides a service"))
    }
}

impl Resource for Http {
    const LIMITS: &'static [LimitInfo] = &[LimitInfo::new("get", GET), LimitInfo::new("slow", SLOW)];
}

/// What a step does with the resource.
#[derive(Clone, Copy)]
enum Does {
    Get,
    /// From a task that is nobody's.
    GetElsewhere,
    /// A call that takes half a second, in a step that may take one.
    Slow,
    /// The same beside nine others, in tasks.
    SlowTenfold,
    /// A call that never ends.
    Hang,
}

struct Caller {
    http: Dep<Http>,
    does: Does,
}

impl Component for Caller {
    const NAME: &'static str = "caller";
    const FIELDS: &'static [Need] = &[Dep::<Http>::NEED, Need::provided::<Does>()];

    fn assemble(cx: &Assembly) -> Result<Self> {
        Ok(Self { http: Dep::inject(cx)?, does: *cx.provided().ok_or("nobody says what to do")? })
    }
}

impl Minion for Caller {
    type Event = Job;
    type Context = ();
    const STEPS: &'static [StepInfo] = &[StepInfo::new("call").timeout(Duration::from_secs(1))];

    async fn step<'a>(&'a self, _: usize, _: &'a Job, (): &'a mut (), wf: &'a Workflow) -> Result<Flow> {
        let began = Instant::now();
        let half = SECOND / 2;
        match self.does {
            Does::Get => self.http.get().await?,
            Does::GetElsewhere => {
                let http = self.http.clone();
                tokio::spawn(async move { http.get().await });
            }
            Does::Slow => {
                self.http.slow(half).await?;
                let moved = wf.deadline().expect("it has a timeout") - began - SECOND;
                assert!(began.elapsed() <= half + moved + Duration::from_millis(5));
            }
            Does::SlowTenfold => {
                let calls = (0..10).map(|_| {
                    let http = self.http.clone();
                    minions_core::spawn(async move { http.slow(half).await })
                });
                for call in calls.collect::<Vec<_>>() {
                    call.await??;
                }
            }
            Does::Hang => self.http.slow(3_600 * SECOND).await?,
        }
        Ok(Flow::Done)
    }
}

fn program(does: Does, events: &Events<Job>, service: &Service) -> GruBuilder {
    Gru::builder().orchestrate::<Feed, Caller>().provide(events.source()).provide(service.clone()).provide(does)
}

async fn run(program: GruBuilder) {
    let gru = program.start().await.expect("it starts");
    assert_eq!(gru.finished().await, Finished::Done);
    assert!(gru.shutdown().await.is_clean());
}

/// Whether the calls came at least so far apart, but for the tick that a call may come early.
fn are_apart(calls: &[Instant], time: Duration) -> bool {
    calls.windows(2).all(|pair| pair[1] - pair[0] + Duration::from_millis(1) >= time)
}

#[test]
fn a_limit_holds_over_all_workflows_and_over_tasks_that_are_nobodys() {
    for does in [Does::Get, Does::GetElsewhere] {
        simulate(1, async {
            let (service, store) = (Service::default(), MemoryStore::new());
            run(program(does, &jobs(0..6), &service).store(store.clone())).await;
            // Tasks that are nobody's also outlive the program.
            tokio::time::sleep(6 * SECOND).await;
            let calls = service.calls();
            assert_eq!(calls.len(), 6);
            assert!(are_apart(&calls, SECOND), "{calls:?}");
            assert!(
                rows(&store).await.is_empty(),
                "whoever would wait longer than its step may is put off, nobody fails"
            );
        });
    }
}

#[test]
fn two_programs_of_one_process_share_no_limit() {
    simulate(2, async {
        let services = [Service::default(), Service::default()];
        let began = Instant::now();
        let each = services.iter().map(|service| {
            let program = program(Does::Get, &jobs(0..3), service).store(MemoryStore::new());
            async move { run(program).await }
        });
        futures_util::future::join_all(each).await;
        for service in &services {
            assert!(service.calls()[0] - began < SECOND / 2, "neither waits for the other");
            assert_eq!(service.calls().len(), 3);
        }
    });
}

#[test]
fn configured_numbers_hold_instead_of_declared_ones() {
    simulate(3, async {
        let service = Service::default();
        let settings: LimitSettings = serde_json::from_value(serde_json::json!({"rate": "10/s"})).unwrap();
        let began = Instant::now();
        run(program(Does::Get, &jobs(0..6), &service).store(MemoryStore::new()).limit_of("http", "get", settings))
            .await;
        assert!(are_apart(&service.calls(), SECOND / 10));
        assert!(began.elapsed() < SECOND);
    });
}

#[test]
fn wrong_numbers_and_names_of_limits_are_in_the_one_report() {
    let read = |json| serde_json::from_value::<LimitSettings>(json).unwrap();
    let program = program(Does::Get, &jobs([]), &Service::default())
        .limit_of("http", "get", read(serde_json::json!({"concurrency": 0})))
        .limit_of("http", "gett", LimitSettings::default())
        .limit_of("htp", "get", LimitSettings::default());
    let report = program.check().unwrap_err().to_string();
    for words in [
        "the limit of `http.get` is wrong: `concurrency` is 0",
        "has no limited method `gett`; did you mean `get`?",
        "no resource `htp` with a limit; did you mean `http`?",
    ] {
        assert!(report.contains(words), "{words} in {report}");
    }
}

#[test]
fn w4_waiting_for_a_permit_is_not_time_of_the_step() {
    simulate(4, async {
        let (service, store) = (Service::default(), MemoryStore::new());
        let began = Instant::now();
        // Ten calls of half a second one after the other, in steps that may take a second.
        run(program(Does::Slow, &jobs(0..10), &service).store(store.clone())).await;
        assert!(began.elapsed() >= 5 * SECOND);
        assert!(rows(&store).await.is_empty(), "no step has run out of time");
    });
}

#[test]
fn w4_a_step_runs_out_of_time_while_one_of_its_calls_goes_on() {
    simulate(5, async {
        let (service, store) = (Service::default(), MemoryStore::new());
        run(program(Does::SlowTenfold, &jobs([1]), &service).store(store.clone())).await;
        let row = rows(&store).await.remove(0);
        assert!(row.failures[0].error[0].contains("longer than its timeout"), "{:?}", row.failures);
    });
}

#[test]
fn w4_calls_that_run_out_of_time_open_the_circuit() {
    simulate(6, async {
        let (service, store, events) = (Service::default(), MemoryStore::new(), Events::new());
        let gru = program(Does::Hang, &events, &service).store(store.clone()).start().await.unwrap();
        // All three before the circuit opens: afterwards the gate takes no more events.
        (0..3).for_each(|number| events.push(Job { number }));
        tokio::time::sleep(20 * SECOND).await;
        let stored = rows(&store).await;
        let told: Vec<_> = stored.iter().map(|row| row.failures.last().unwrap().error[0].clone()).collect();
        assert!(told[0].contains("timeout") && told[1].contains("timeout"), "{told:?}");
        assert!(told[2].contains("the circuit of `http.slow` is open"), "{told:?}");
        assert!(stored[2].wake_ms.is_some(), "it is put off, without `retry(..)`");
        gru.shutdown_with(StopMode::Now).await;
    });
}

#[test]
fn w10_an_error_that_asks_for_patience_holds_everybody_until_then() {
    simulate(7, async {
        let service = Service::default();
        service.0.lock().failures.push(Some(30 * SECOND));
        run(program(Does::Get, &jobs(0..3), &service).store(MemoryStore::new())).await;
        let calls = service.calls();
        assert_eq!(calls.len(), 4);
        assert!(calls[1] - calls[0] >= 30 * SECOND, "{calls:?}");
    });
}

#[test]
fn w10_patience_without_end_parks_the_workflow_and_harms_nobody() {
    simulate(9, async {
        let (service, store, events) = (Service::default(), MemoryStore::new(), Events::new());
        service.0.lock().failures.push(Some(Duration::MAX));
        let gru = program(Does::Get, &events, &service).store(store.clone()).start().await.unwrap();
        (0..2).for_each(|number| events.push(Job { number }));
        tokio::time::sleep(3_600 * SECOND).await;
        let rows = rows(&store).await;
        assert_eq!(rows.len(), 2);
        assert!(rows.iter().all(|row| row.wake_ms.is_some_and(|wake| wake > row.updated_ms)), "{rows:?}");
        assert_eq!(service.calls().len(), 1);
        gru.shutdown().await;
    });
}

#[test]
fn a_workflow_says_inside_which_call_it_is_and_for_which_permit_it_waits() {
    simulate(8, async {
        let (service, store, events) = (Service::default(), MemoryStore::new(), Events::new());
        let gru = program(Does::Hang, &events, &service).store(store.clone()).start().await.unwrap();
        for number in 0..3 {
            events.push(Job { number });
            tokio::time::sleep(SECOND / 10).await;
        }
        tokio::time::sleep(SECOND / 10).await;
        let found = gru.control().workflows().list(Filter::all(), 9).await.unwrap();
        let began = found[0].state.wait().unwrap().since_ms;
        let doing = found.iter().map(|found| {
            let wait = found.state.wait().expect("it is inside a call, or waits for one");
            format!("{}, since {}", wait.reason, wait.since_ms - began)
        });
        assert_eq!(
            doing.collect::<Vec<_>>(),
            [
                "inside `http.slow`, since 0",
                "waits for a permit of `http.slow`, with 0 before it, since 100",
                "waits for a permit of `http.slow`, with 1 before it, since 200",
            ]
        );
        gru.shutdown_with(StopMode::Now).await;
    });
}

#[tokio::test]
async fn an_instance_of_no_program_is_not_limited() {
    let http = Http(Arc::default());
    for _ in 0..100 {
        http.get().await.unwrap();
    }
}
