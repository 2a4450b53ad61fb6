//! Lanes: the workflows of one key one after another, whatever they do, and the keys beside each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use minions_core::component::{Assembly, Component, Need};
use minions_core::error::Verdict;
use minions_core::gru::{Control, Finished, StopMode};
use minions_core::minion::{EmitInfo, Emits, Flow, Lanes, Minion, Retry, StepInfo};
use minions_core::pipeline::{EventSource, Origin, Produces};
use minions_core::reason::Reason;
use minions_core::store::{Filter, MemoryStore, NoStore, StateStore, Status};
use minions_core::testing::{Events, Gate, Source, simulate};
use minions_core::workflow::{Workflow, WorkflowId, WorkflowState};
use minions_core::{Error, Gru, GruBuilder, Result};

use crate::support::stale::Stale;
use crate::support::{Job, Script, jobs, rows, until};

const HOUR: Duration = Duration::from_secs(3600);

/// How the lanes of a [`Clerk`] are.
const ONE_BY_ONE: usize = 0;
const PASS: usize = 1;
const TWO: usize = 2;
const PACED: usize = 3;
const SHORT: usize = 4;
const NONE: usize = 5;

/// A minion of two steps, the first of which may be tried again. The hundreds of a number are the key of its lane.
struct Clerk<const LANES: usize>(Script);

impl<const LANES: usize> Component for Clerk<LANES> {
    const NAME: &'static str = "clerk";
    const FIELDS: &'static [Need] = &[Need::provided::<Script>()];

    fn assemble(cx: &Assembly) -> Result<Self> {
        Ok(Self(Script::clone(&*cx.provided::<Script>().expect("checked by the resolver"))))
    }
}

impl<const LANES: usize> Minion for Clerk<LANES> {
    type Event = Job;
    type Context = u64;
    const STEPS: &'static [StepInfo] = &[
        StepInfo::new("take").retry(Retry::attempts(3).backoff(Duration::from_secs(1), Duration::from_secs(1))),
        StepInfo::new("file"),
    ];
    const LANES: Option<Lanes> = match LANES {
        PASS => Some(Lanes::ONE_BY_ONE.pass()),
        TWO => Some(Lanes::ONE_BY_ONE.concurrency(2)),
        PACED => Some(Lanes::ONE_BY_ONE.rate(1, Duration::from_secs(2))),
        SHORT => Some(Lanes::ONE_BY_ONE.queue(3)),
        NONE => None,
        _ => Some(Lanes::ONE_BY_ONE),
    };

    fn lane(job: &Job) -> String {
        assert_ne!(job.number, 13, "no lane for it");
        (job.number / 100).to_string()
    }

    async fn step<'a>(&'a self, index: usize, job: &'a Job, _: &'a mut u64, wf: &'a Workflow) -> Result<Flow> {
        assert_eq!(Self::STEPS[index].name, wf.step());
        self.0.run(wf, job).await
    }
}

fn program<const LANES: usize>(events: &Events<Job>, script: &Script, store: impl StateStore) -> GruBuilder {
    let builder = Gru::builder().orchestrate::<Source<Job>, Clerk<LANES>>();
    builder.provide(events.source()).provide(script.clone()).store(store)
}

/// It runs, and is fed with jobs of these numbers.
async fn running<const LANES: usize>(
    script: &Script,
    store: impl StateStore,
    numbers: impl IntoIterator<Item = u64>,
) -> (Gru, Control, Events<Job>) {
    let events = Events::new();
    let gru = program::<LANES>(&events, script, store).start().await.expect("it starts");
    numbers.into_iter().for_each(|number| events.push(Job { number }));
    let control = gru.control();
    (gru, control, events)
}

/// The numbers of a lane in the order in which steps of theirs have begun, each visit once.
fn order(script: &Script, lane: u64) -> Vec<u64> {
    let mut order: Vec<_> =
        script.ran().iter().map(|(number, _)| *number).filter(|number| number / 100 == lane).collect();
    order.dedup();
    order
}

/// Whether every lane has run one after another, all of these.
fn is_in_order(script: &Script, lane: u64, numbers: impl IntoIterator<Item = u64>) {
    assert_eq!(order(script, lane), numbers.into_iter().collect::<Vec<_>>());
}

/// Stays at the gate in the step `take` of those that `held` means.
fn held(gate: &Gate, held: impl Fn(u64) -> bool + Send + Sync + 'static) -> Script {
    let gate = gate.clone();
    Script::new(move |wf, job, trail| {
        let gate = (wf.step() == "take" && held(job.number)).then(|| gate.clone());
        async move {
            if let Some(gate) = gate {
                gate.pass().await;
            }
            Ok((Flow::Continue, trail))
        }
    })
}

async fn waiting(store: &MemoryStore) -> usize {
    rows(store).await.iter().filter(|row| row.status == Status::Waiting).count()
}

async fn id_of(store: &MemoryStore, number: u64) -> WorkflowId {
    let event = format!("{{\"number\":{number}}}").into_bytes();
    rows(store).await.into_iter().find(|row| row.event == event).expect("it is stored").id
}

#[test]
fn p4_workflows_of_one_key_run_in_order_and_those_of_others_beside_them() {
    simulate(1, async {
        let (gate, store) = (Gate::new(), MemoryStore::new());
        let script = held(&gate, |number| number == 101);
        let (gru, control, events) = running::<ONE_BY_ONE>(&script, store.clone(), [101, 102, 201, 103, 202]).await;
        until("the other lane", async || script.ran_of(202).len() == 2 && waiting(&store).await == 2).await;
        is_in_order(&script, 1, [101]);
        is_in_order(&script, 2, [201, 202]);
        let status = &control.snapshot().orchestrations[0];
        assert!(status.ledger.is_balanced() && status.ledger.stored == 2, "{}", status.ledger);
        gate.open();
        events.end();
        assert_eq!(gru.finished().await, Finished::Done);
        is_in_order(&script, 1, [101, 102, 103]);
        assert_eq!(rows(&store).await, []);
        gru.shutdown().await;
    });
}

#[test]
fn p4_who_sleeps_polls_or_is_tried_again_holds_its_lane() {
    simulate(2, async {
        let store = MemoryStore::new();
        let polled = Arc::new(AtomicBool::new(false));
        let script = Script::new(move |wf, job, trail| {
            let again = job.number == 103 && wf.step() == "file" && !polled.swap(true, Ordering::Relaxed);
            let flow = match (job.number, wf.step(), wf.attempt()) {
                (101, "take", _) => Ok(Flow::sleep(HOUR)),
                (102, "take", 1 | 2) => Err(Error::new("not yet")),
                _ if again => Ok(Flow::again(HOUR, "nothing yet")),
                _ => Ok(Flow::Continue),
            };
            async move { Ok((flow?, trail)) }
        });
        let (gru, control, events) = running::<ONE_BY_ONE>(&script, store.clone(), [101, 102, 103, 104]).await;
        until("the sleep", async || {
            control.snapshot().orchestrations[0].ledger.running == 0 && waiting(&store).await == 3
        })
        .await;
        let found = control.workflows().list(Filter::all().status(Status::Waiting), 9).await.unwrap();
        let ahead: Vec<_> = found
            .iter()
            .map(|found| match &found.state {
                WorkflowState::Waiting(wait) => match &wait.reason {
                    Reason::Lane { lane, ahead } if &**lane == "1" => *ahead,
                    other => panic!("{other}"),
                },
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(ahead, [1, 2, 3]);
        for found in &found {
            let alone = control.workflows().get(found.stored.id).await.unwrap();
            assert_eq!(alone.state, found.state, "a list and a look at one of it say the same");
        }
        events.end();
        assert_eq!(gru.finished().await, Finished::Done);
        is_in_order(&script, 1, [101, 102, 103, 104]);
        assert_eq!(script.ran().len(), 8 + 2 + 1, "two attempts and a poll more");
        gru.shutdown().await;
    });
}

/// `file` of these fails for good until it is repaired.
fn failing(repaired: &Arc<AtomicBool>, fails: impl Fn(u64) -> bool + Send + Sync + 'static) -> Script {
    let repaired = repaired.clone();
    Script::new(move |wf, job, trail| {
        let good = wf.step() != "file" || !fails(job.number) || repaired.load(Ordering::Relaxed);
        async move { if good { Ok((Flow::Continue, trail)) } else { Err(Error::new("no").with_verdict(Verdict::Terminal)) } }
    })
}

#[test]
fn w6_who_is_in_quarantine_holds_its_lane_until_it_is_let_go_on_or_dropped() {
    simulate(3, async {
        let (store, repaired) = (MemoryStore::new(), Arc::default());
        let script = failing(&repaired, |number| number % 100 == 1);
        let numbers = [101, 102, 201, 202, 301];
        let (gru, control, events) = running::<ONE_BY_ONE>(&script, store.clone(), numbers).await;
        until("the quarantine", async || {
            let rows = rows(&store).await;
            rows.iter().filter(|row| row.status == Status::Quarantined).count() == 3 && rows.len() == 5
        })
        .await;
        is_in_order(&script, 1, [101]);
        is_in_order(&script, 2, [201]);
        repaired.store(true, Ordering::Relaxed);
        control.workflows().retry(id_of(&store, 101).await).await.unwrap();
        control.workflows().discard(id_of(&store, 201).await).await.unwrap();
        until("those behind them", async || rows(&store).await.len() == 1).await;
        is_in_order(&script, 1, [101, 102]);
        is_in_order(&script, 2, [201, 202]);
        assert_eq!(script.ran_of(101), ["take", "file", "file"]);
        // One that comes later finds the lane free, or taken.
        [203, 302].into_iter().for_each(|number| events.push(Job { number }));
        until("the free one", async || script.ran_of(203).len() == 2).await;
        assert!(script.ran_of(302).is_empty());
        gru.shutdown().await;
    });
}

#[test]
fn w6_who_lets_others_pass_takes_its_turn_again() {
    simulate(4, async {
        let (store, gate, bad) = (MemoryStore::new(), Gate::new(), Arc::new(AtomicBool::new(true)));
        let (at, is_bad) = (gate.clone(), bad.clone());
        let script = Script::new(move |wf, job, trail| {
            let (gate, fails) =
                (at.clone(), is_bad.load(Ordering::Relaxed) && job.number == 101 && wf.step() == "file");
            async move {
                if job.number == 103 && wf.step() == "file" {
                    gate.pass().await;
                }
                if fails { Err(Error::new("no").with_verdict(Verdict::Terminal)) } else { Ok((Flow::Continue, trail)) }
            }
        });
        let (gru, control, events) = running::<PASS>(&script, store.clone(), [101, 102, 103, 104]).await;
        until("the third", async || script.ran_of(103).len() == 2).await;
        bad.store(false, Ordering::Relaxed);
        control.workflows().retry(id_of(&store, 101).await).await.unwrap();
        let row = control.workflows().get(id_of(&store, 101).await).await.unwrap();
        assert_eq!(row.stored.status, Status::Waiting, "its turn is another's");
        gate.open();
        events.end();
        assert_eq!(gru.finished().await, Finished::Done);
        // It was admitted before the last one.
        is_in_order(&script, 1, [101, 102, 103, 101, 104]);
        gru.shutdown().await;
    });
}

#[test]
fn r6_the_order_of_a_lane_is_that_of_before_the_restart() {
    for mode in [StopMode::Park, StopMode::Now] {
        simulate(5, async move {
            let (gate, store) = (Gate::new(), MemoryStore::new());
            let first = held(&gate, |number| number % 100 == 1);
            let numbers = (101..=109).chain(201..=203);
            let (gru, _control, _events) = running::<ONE_BY_ONE>(&first, store.clone(), numbers).await;
            until("all", async || waiting(&store).await == 10).await;
            gru.shutdown_with(mode).await;
            assert_eq!(rows(&store).await.len(), 12);
            let script = Script::plain();
            let (gru, _control, events) = running::<ONE_BY_ONE>(&script, store.clone(), [110, 204, 301]).await;
            events.end();
            assert_eq!(gru.finished().await, Finished::Done);
            is_in_order(&script, 1, 101..=110);
            is_in_order(&script, 2, 201..=204);
            gru.shutdown().await;
        });
    }
}

#[test]
fn r1_who_has_its_turn_while_what_ran_is_read_is_not_taken_up_once_more() {
    simulate(7, async {
        let (gate, store) = (Gate::new(), MemoryStore::new());
        let (gru, ..) = running::<ONE_BY_ONE>(&held(&gate, |_| true), store.clone(), [101, 102]).await;
        until("the second", async || waiting(&store).await == 1).await;
        gru.shutdown_with(StopMode::Now).await;
        let begins = Gate::new();
        let script = held(&begins, |number| number == 102);
        let pages = AtomicUsize::new(0);
        let read = Stale::new(store, 0).scans(move |store, filter, limit| {
            let begins = begins.clone();
            let is_second = filter.after.is_some() && pages.fetch_add(1, Ordering::Relaxed) == 0;
            async move {
                if !is_second {
                    return store.scan(filter, limit).await;
                }
                // It has begun, so its row looks as if it had been awake at the end of the last life; and then it ends.
                begins.arrivals(1).await;
                let page = store.scan(filter, limit).await;
                begins.open();
                while !rows(&store).await.is_empty() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                // Its task has to hear of it as well.
                tokio::time::sleep(Duration::from_millis(1)).await;
                page
            }
        });
        let (gru, _control, events) = running::<ONE_BY_ONE>(&script, read, []).await;
        events.end();
        assert_eq!(gru.finished().await, Finished::Done);
        assert_eq!(script.ran().iter().filter(|(number, _)| *number == 102).count(), 2, "{:?}", script.ran());
        gru.shutdown().await;
    });
}

#[test]
fn r9_a_minion_that_has_lanes_no_more_runs_those_that_wait_in_their_order() {
    simulate(6, async {
        let (gate, store) = (Gate::new(), MemoryStore::new());
        let (gru, ..) = running::<ONE_BY_ONE>(&held(&gate, |_| true), store.clone(), 101..=105).await;
        until("all", async || waiting(&store).await == 4).await;
        gru.shutdown().await;
        let script = Script::plain();
        let (gru, _control, events) = running::<NONE>(&script, store.clone(), []).await;
        until("the end", async || rows(&store).await.is_empty()).await;
        events.end();
        is_in_order(&script, 1, 101..=105);
        gru.shutdown().await;
    });
}

#[test]
fn p4_more_may_wait_in_a_lane_than_are_known_of() {
    simulate(7, async {
        let (gate, store) = (Gate::new(), MemoryStore::new());
        let script = held(&gate, |number| number == 100_000);
        let (gru, _control, events) = running::<ONE_BY_ONE>(&script, store.clone(), 100_000..100_100).await;
        // The lane is that of a hundred; so many more are in it from another one.
        until("all", async || waiting(&store).await == 99).await;
        (100_000..100_100).chain(100_000..100_100).for_each(|number| events.push(Job { number }));
        until("all", async || waiting(&store).await == 299).await;
        gate.open();
        events.end();
        assert_eq!(gru.finished().await, Finished::Done);
        is_in_order(&script, 1000, (100_000..100_100).chain(100_000..100_100).chain(100_000..100_100));
        gru.shutdown().await;
    });
}

#[test]
fn p4_many_that_wait_in_one_lane_starve_nobody() {
    simulate(8, async {
        let (gate, store) = (Gate::new(), MemoryStore::new());
        let script = held(&gate, |number| number == 100);
        let events = Events::new();
        let gru = program::<TWO>(&events, &script, store.clone()).max_in_flight(2).start().await.unwrap();
        // One place is taken for good, and all the others of that lane want the other one as well.
        (100..200).chain([201, 301, 401]).for_each(|number| events.push(Job { number }));
        until("the others", async || [201, 301, 401].iter().all(|number| script.ran_of(*number).len() == 2)).await;
        gate.open();
        events.end();
        assert_eq!(gru.finished().await, Finished::Done);
        assert_eq!(script.ran().len(), 2 * 103);
        gru.shutdown().await;
    });
}

#[test]
fn p4_a_full_lane_holds_its_pipeline_back_and_nothing_is_lost() {
    simulate(9, async {
        let (gate, store) = (Gate::new(), MemoryStore::new());
        let script = held(&gate, |number| number == 101);
        let (gru, control, events) = running::<SHORT>(&script, store.clone(), 101..=120).await;
        let reasons = || control.snapshot().orchestrations[0].holds_back.clone();
        let is_full = |reason: &Reason| matches!(reason, Reason::LaneFull { lane, max: 3, .. } if &**lane == "1");
        until("the gate", async || reasons().iter().any(|wait| is_full(&wait.reason))).await;
        let produced = control.snapshot().pipelines[0].produced;
        assert!(produced < 20, "{produced}");
        gate.open();
        events.end();
        assert_eq!(gru.finished().await, Finished::Done);
        is_in_order(&script, 1, 101..=120);
        gru.shutdown().await;
    });
}

#[test]
fn p4_a_paced_lane_lets_one_begin_after_the_other_and_others_are_not_slower() {
    simulate(10, async {
        let begun = Arc::new(Mutex::new(Vec::new()));
        let seen = begun.clone();
        let script = Script::new(move |wf, job, trail| {
            if wf.step() == "take" {
                seen.lock().push((job.number, Instant::now()));
            }
            async move { Ok((Flow::Continue, trail)) }
        });
        let (gru, _control, events) = running::<PACED>(&script, MemoryStore::new(), [101, 102, 103, 201]).await;
        let began = Instant::now();
        events.end();
        assert_eq!(gru.finished().await, Finished::Done);
        let begun = begun.lock().clone();
        let at = |number: u64| begun.iter().find(|(of, _)| *of == number).expect("it has begun").1;
        assert!(at(102) - at(101) >= Duration::from_secs(2) && at(103) - at(102) >= Duration::from_secs(2));
        assert!(at(103) - at(101) < Duration::from_secs(5) && at(201) - began < Duration::from_secs(1));
        gru.shutdown().await;
    });
}

#[test]
fn p4_so_many_of_one_key_run_at_once() {
    simulate(11, async {
        let (gate, store) = (Gate::new(), MemoryStore::new());
        let script = held(&gate, |_| true);
        let (gru, control, events) = running::<TWO>(&script, store.clone(), 101..=105).await;
        until("two", async || script.ran().len() == 2 && waiting(&store).await == 3).await;
        assert_eq!(control.snapshot().orchestrations[0].ledger.running, 2);
        gate.open();
        events.end();
        assert_eq!(gru.finished().await, Finished::Done);
        assert_eq!(script.ran().len(), 10);
        gru.shutdown().await;
    });
}

#[test]
fn p4_lanes_work_without_a_store() {
    simulate(12, async {
        let gate = Gate::new();
        let at = gate.clone();
        let script = Script::new(move |wf, job, trail| {
            let gate = (wf.step() == "take" && job.number == 101).then(|| at.clone());
            async move {
                if let Some(gate) = gate {
                    gate.pass().await;
                }
                match (job.number, wf.step()) {
                    (102, "file") => Err(Error::new("no").with_verdict(Verdict::Terminal)),
                    (103, "take") => Ok((Flow::sleep(HOUR), trail)),
                    _ => Ok((Flow::Continue, trail)),
                }
            }
        });
        let (gru, control, events) = running::<ONE_BY_ONE>(&script, NoStore, [101, 102, 103, 104, 201]).await;
        until("the other lane", async || script.ran_of(201).len() == 2).await;
        is_in_order(&script, 1, [101]);
        gate.open();
        events.end();
        assert_eq!(gru.finished().await, Finished::Done);
        is_in_order(&script, 1, [101, 102, 103, 104]);
        let ledger = control.snapshot().orchestrations.first().map(|orchestration| orchestration.ledger);
        assert!(ledger.is_none_or(|ledger| ledger.is_balanced()));
        gru.shutdown().await;
    });
}

#[test]
fn s7_an_event_whose_lane_panics_is_refused_and_its_neighbours_are_not() {
    simulate(13, async {
        let (store, script) = (MemoryStore::new(), Script::plain());
        let (gru, control, events) = running::<ONE_BY_ONE>(&script, store.clone(), [101, 13, 102]).await;
        until("the others", async || script.ran().len() == 4).await;
        let pipeline = &control.snapshot().pipelines[0];
        assert_eq!((pipeline.ledger.refused, pipeline.ledger.admitted), (1, 2));
        events.end();
        assert_eq!(gru.finished().await, Finished::Done);
        gru.shutdown().await;
    });
}

#[test]
fn w6_who_waits_can_be_dropped() {
    simulate(14, async {
        let (gate, store) = (Gate::new(), MemoryStore::new());
        let script = held(&gate, |number| number == 101);
        let (gru, control, events) = running::<ONE_BY_ONE>(&script, store.clone(), 101..=104).await;
        until("all", async || waiting(&store).await == 3).await;
        control.workflows().discard(id_of(&store, 102).await).await.unwrap();
        control.workflows().discard(id_of(&store, 101).await).await.unwrap_err();
        gate.open();
        events.end();
        assert_eq!(gru.finished().await, Finished::Done);
        is_in_order(&script, 1, [101, 103, 104]);
        gru.shutdown().await;
    });
}

/// Emits the jobs that it is told to, each after its delay.
struct Herald(Arc<Vec<(u64, Duration)>>);

impl Component for Herald {
    const NAME: &'static str = "herald";
    const FIELDS: &'static [Need] = &[Need::provided::<Vec<(u64, Duration)>>()];

    fn assemble(cx: &Assembly) -> Result<Self> {
        Ok(Self(cx.provided::<Vec<(u64, Duration)>>().expect("checked by the resolver").clone()))
    }
}

impl Produces<Job> for Herald {}
impl Emits<Job> for Herald {}

impl EventSource for Herald {
    fn origin() -> Origin {
        Origin::emitted_by::<Self>()
    }
}

impl Minion for Herald {
    type Event = Job;
    type Context = ();
    const STEPS: &'static [StepInfo] = &[StepInfo::new("call")];
    const EMITS: &'static [EmitInfo] = &[EmitInfo::of::<Job>()];

    async fn step<'a>(&'a self, _: usize, _: &'a Job, (): &'a mut (), wf: &'a Workflow) -> Result<Flow> {
        for (number, delay) in &*self.0 {
            self.emit(wf, Job { number: *number }).after(*delay);
        }
        Ok(Flow::Continue)
    }
}

#[test]
fn w7_emitted_events_wait_for_their_turn_and_late_ones_join_when_they_are_due() {
    let heralded = |store: Arc<dyn Fn(GruBuilder) -> GruBuilder + Send + Sync>| async move {
        let script = Script::plain();
        let emits: Vec<(u64, Duration)> =
            vec![(101, HOUR), (102, Duration::ZERO), (103, Duration::ZERO), (201, Duration::ZERO)];
        let builder = Gru::builder().orchestrate::<Source<Job>, Herald>().orchestrate::<Herald, Clerk<ONE_BY_ONE>>();
        let builder = builder.provide(jobs([1]).source()).provide(emits).provide(script.clone());
        let gru = store(builder).start().await.unwrap();
        assert_eq!(gru.finished().await, Finished::Done);
        is_in_order(&script, 1, [102, 103, 101]);
        is_in_order(&script, 2, [201]);
        gru.shutdown().await;
    };
    simulate(15, heralded(Arc::new(|builder| builder.store(MemoryStore::new()))));
    simulate(16, heralded(Arc::new(|builder| builder.store(NoStore))));
}

#[test]
fn p5_who_waits_behind_quarantine_does_not_keep_the_program_alive() {
    simulate(17, async {
        let (store, repaired) = (MemoryStore::new(), Arc::default());
        let script = failing(&repaired, |number| number == 101);
        let events = jobs([101, 102, 201]);
        let gru = program::<ONE_BY_ONE>(&events, &script, store.clone()).start().await.unwrap();
        gru.finished().await;
        assert_eq!(waiting(&store).await, 1);
        gru.shutdown().await;
        is_in_order(&script, 1, [101]);
        // The next start goes on as soon as an operator has decided.
        repaired.store(true, Ordering::Relaxed);
        let (gru, control, events) = running::<ONE_BY_ONE>(&script, store.clone(), [103]).await;
        until("the new one", async || waiting(&store).await == 2).await;
        control.workflows().retry(id_of(&store, 101).await).await.unwrap();
        events.end();
        assert_eq!(gru.finished().await, Finished::Done);
        is_in_order(&script, 1, [101, 102, 103]);
        assert_eq!(rows(&store).await, []);
        gru.shutdown().await;
    });
}
