//! What an operator sees of stored workflows, and does to them while the program runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use minions_core::error::Verdict;
use minions_core::gru::{Control, FoundWorkflow, Signalled, StopMode, WorkflowError, Workflows};
use minions_core::minion::Flow;
use minions_core::reason::{Reason, Wait};
use minions_core::store::{Filter, MemoryStore, NoStore, StateStore, Status};
use minions_core::testing::{Events, Gate, simulate};
use minions_core::workflow::{WorkflowId, WorkflowIds, WorkflowState};
use minions_core::{Error, Gru, GruBuilder};

use crate::support::careful::{Acts, Careful, FIRST_PAUSE, careful};
use crate::support::{Feed, Job, OldWorker, Script, Worker, jobs, program, rows, until};

const ID: &str = "source/careful";
const HOUR: Duration = Duration::from_secs(3600);

/// The program as it runs, fed with the jobs of these numbers, and with more as the test says.
async fn running(program: impl FnOnce(&Events<Job>) -> GruBuilder, numbers: &[u64]) -> (Gru, Control, Events<Job>) {
    let events = Events::new();
    let gru = program(&events).start().await.expect("it starts");
    numbers.iter().for_each(|number| events.push(Job { number: *number }));
    let control = gru.control();
    (gru, control, events)
}

/// All that is stored, once it is so many and `is` holds for each.
async fn all(control: &Control, many: usize, is: impl Fn(&WorkflowState) -> bool) -> Vec<FoundWorkflow> {
    let mut found = Vec::new();
    until("the workflows", async || {
        found = control.workflows().list(Filter::all(), 100).await.expect("it can be read");
        found.len() == many && found.iter().all(|found| is(&found.state))
    })
    .await;
    found
}

async fn only(control: &Control, is: impl Fn(&WorkflowState) -> bool) -> WorkflowId {
    all(control, 1, is).await.remove(0).stored.id
}

fn is_quarantined(state: &WorkflowState) -> bool {
    matches!(state, WorkflowState::Quarantined { .. })
}

fn quarantined(control: &Control) -> u64 {
    control.snapshot().orchestrations[0].quarantined
}

/// `record` fails.
fn picky() -> Acts {
    Acts::new(|wf, _| async move { if wf.step() == "record" { Err("not good".into()) } else { Ok(Flow::Continue) } })
}

/// `record` fails until it is repaired.
fn failing_until(repaired: &Arc<AtomicBool>) -> Acts {
    let repaired = repaired.clone();
    Acts::new(move |wf, _| {
        let good = wf.step() != "record" || repaired.load(Ordering::Relaxed);
        async move { if good { Ok(Flow::Continue) } else { Err(Error::new("not yet")) } }
    })
}

#[test]
fn w6_a_workflow_that_is_retried_goes_on_at_its_step_at_once() {
    simulate(1, async {
        let (store, repaired) = (MemoryStore::new(), Arc::default());
        let acts = failing_until(&repaired);
        let (gru, control, _events) = running(|events| careful(events, &acts).store(store.clone()), &[1, 2]).await;
        let found = all(&control, 2, is_quarantined).await;
        assert_eq!(quarantined(&control), 2);
        let id = found[0].stored.id;
        repaired.store(true, Ordering::Relaxed);
        let workflows = control.workflows();
        let before = workflows.retry(id).await.unwrap();
        assert_eq!((before.step.as_str(), before.status), ("record", Status::Quarantined));
        assert_eq!(quarantined(&control), 1, "exactly the other one is left");
        until("its end", async || rows(&store).await.len() == 1).await;
        assert_eq!(acts.attempts(), ["fetch 1", "fetch 1", "record 1", "record 1", "record 1"]);
        let again = workflows.retry(id).await.unwrap_err();
        assert!(matches!(again, WorkflowError::NotStored { id: of } if of == id), "{again}");
        assert_eq!(quarantined(&control), 1);
        assert_eq!(gru.shutdown().await.quarantined, 1);
        let down = workflows.retry(id).await.unwrap_err();
        assert!(matches!(down, WorkflowError::Down | WorkflowError::Store(_)), "{down}");
    });
}

#[test]
fn w6_a_workflow_goes_to_a_step_that_its_minion_has() {
    simulate(2, async {
        let (store, repaired) = (MemoryStore::new(), Arc::default());
        let acts = failing_until(&repaired);
        let (gru, control, _events) = running(|events| careful(events, &acts).store(store.clone()), &[1]).await;
        let id = only(&control, is_quarantined).await;
        let before = rows(&store).await;
        let unknown = control.workflows().go_to(id, "recrod").await.unwrap_err();
        assert_eq!(unknown.to_string(), "the minion `careful` has no step `recrod`; steps: fetch, record");
        assert_eq!(rows(&store).await, before, "nothing is changed");
        repaired.store(true, Ordering::Relaxed);
        control.workflows().go_to(id, "fetch").await.unwrap();
        until("its end", async || rows(&store).await.is_empty()).await;
        assert_eq!(acts.attempts(), ["fetch 1", "record 1", "fetch 1", "record 1"]);
        let keys: Vec<_> = acts.seen().iter().map(|seen| seen.workflow.idempotency_key().to_string()).collect();
        assert_ne!(keys[0], keys[2], "it is another visit");
        gru.shutdown().await;
    });
}

#[test]
fn w6_a_context_is_replaced_only_by_one_that_the_minion_can_read() {
    simulate(3, async {
        let (store, acts) = (MemoryStore::new(), picky());
        let (gru, control, _events) = running(|events| careful(events, &acts).store(store.clone()), &[1]).await;
        let id = only(&control, is_quarantined).await;
        let before = rows(&store).await;
        for (bad, why) in [("{\"a\":1}", "invalid type: map"), ("[\"a\"", "EOF"), ("", "EOF")] {
            let error = control.workflows().edit(id, bad).await.unwrap_err();
            assert!(matches!(error, WorkflowError::Context { minion: "careful", .. }), "{error}");
            let error = Error::new(error).chain().join(": ");
            assert!(error.contains("cannot be read as `alloc::vec::Vec") && error.contains(why), "{error}");
        }
        assert_eq!(rows(&store).await, before, "nothing is changed");
        control.workflows().edit(id, "[\"by hand\"]").await.unwrap();
        assert_eq!(rows(&store).await[0].context, b"[\"by hand\"]");
        assert_eq!(quarantined(&control), 1, "it stays there");
        control.workflows().retry(id).await.unwrap();
        until("another failure", async || acts.seen().len() == 3).await;
        assert_eq!(acts.seen()[2].notes, ["by hand"]);
        only(&control, is_quarantined).await;
        gru.shutdown().await;
    });
}

#[test]
fn w6_what_is_dropped_is_gone_and_what_runs_is_not_dropped() {
    simulate(4, async {
        let (store, gate) = (MemoryStore::new(), Gate::new());
        let held = gate.clone();
        let acts = Acts::new(move |wf, job| {
            let held = held.clone();
            async move {
                match (wf.step(), job.number) {
                    ("fetch", 1) => Ok(Flow::sleep(HOUR)),
                    ("fetch", 2) => Err(Error::new("no").with_verdict(Verdict::Terminal)),
                    ("record", 3) => {
                        held.pass().await;
                        Ok(Flow::Continue)
                    }
                    _ => Ok(Flow::Continue),
                }
            }
        });
        let (gru, control, _events) = running(|events| careful(events, &acts).store(store.clone()), &[1, 2, 3]).await;
        gate.arrivals(1).await;
        until("the quarantine", async || quarantined(&control) == 1).await;
        let found = control.workflows().list(Filter::all(), 9).await.unwrap();
        let states: Vec<_> = found.iter().map(|found| found.state.as_str()).collect();
        assert_eq!(states, ["sleep", "quarantined", "running"]);
        let workflows = control.workflows();
        let running = workflows.discard(found[2].stored.id).await.unwrap_err();
        assert!(matches!(running, WorkflowError::Running { .. }), "{running}");
        for at in [0, 1] {
            assert_eq!(workflows.discard(found[at].stored.id).await.unwrap().id, found[at].stored.id);
        }
        assert_eq!(quarantined(&control), 0);
        let again = workflows.discard(found[0].stored.id).await.unwrap_err();
        assert!(matches!(again, WorkflowError::NotStored { .. }), "{again}");
        tokio::time::sleep(2 * HOUR).await;
        gate.open();
        until("the end of the other", async || rows(&store).await.is_empty()).await;
        let seen = acts.seen();
        let seen: Vec<_> = seen.iter().map(|seen| (seen.number, seen.workflow.step())).collect();
        assert_eq!(seen, [(1, "fetch"), (2, "fetch"), (3, "fetch"), (3, "record")]);
        assert!(gru.shutdown().await.is_clean());
    });
}

/// The one that wakes workflows has read that it is due, and waits for a place for it.
#[test]
fn w6_what_is_dropped_while_it_waits_for_its_turn_does_not_run() {
    simulate(5, async {
        let (store, gate) = (MemoryStore::new(), Gate::new());
        let held = gate.clone();
        let acts = Acts::new(move |wf, job| {
            let held = held.clone();
            async move {
                match (wf.step(), job.number) {
                    ("fetch", 1..=3) => Ok(Flow::sleep(HOUR)),
                    ("record", 4) => {
                        held.pass().await;
                        Ok(Flow::Continue)
                    }
                    _ => Ok(Flow::Continue),
                }
            }
        });
        let one_by_one = |events: &Events<Job>| {
            let program = Gru::builder().orchestrate_with::<Feed, Careful<false>>(|options| options.max_in_flight(1));
            program.provide(events.source()).provide(acts.clone()).store(store.clone())
        };
        let (gru, control, _events) = running(one_by_one, &[1, 2, 3, 4]).await;
        gate.arrivals(1).await;
        tokio::time::sleep(2 * HOUR).await;
        let found = control.workflows().list(Filter::all().rests(true), 9).await.unwrap();
        assert!(found.iter().all(|found| found.state.as_str() == "place") && found.len() == 3, "{found:#?}");
        control.workflows().discard(found[0].stored.id).await.unwrap();
        control.workflows().discard(found[2].stored.id).await.unwrap();
        gate.open();
        until("the end of the others", async || rows(&store).await.is_empty()).await;
        // So that whatever else would run has run.
        tokio::time::sleep(HOUR).await;
        let recorded: Vec<_> =
            acts.seen().iter().filter(|seen| seen.workflow.step() == "record").map(|seen| seen.number).collect();
        assert_eq!(recorded.len(), 2);
        assert!(recorded.contains(&2) && recorded.contains(&4), "{recorded:?}");
        assert_eq!(quarantined(&control), 0);
        assert!(gru.shutdown().await.is_clean());
    });
}

fn waiting() -> Acts {
    Acts::answer(|wf| match wf.step() {
        "fetch" => Ok(Flow::wait_for_ever("approval")),
        _ => {
            let said: Option<String> = wf.signal()?;
            assert_eq!(said.as_deref(), Some("yes"));
            Ok(Flow::Continue)
        }
    })
}

#[test]
fn w11_a_signal_wakes_whoever_waits_for_it_and_another_one_is_a_duplicate() {
    simulate(6, async {
        let (store, acts) = (MemoryStore::new(), waiting());
        let (gru, control, _events) = running(|events| careful(events, &acts).store(store.clone()), &[1]).await;
        let id =
            only(&control, |state| matches!(state, WorkflowState::Waiting(Wait { reason: Reason::Signal { .. }, .. })))
                .await;
        let state = control.workflows().get(id).await.unwrap().state;
        let Some(Wait { reason, .. }) = state.wait() else { panic!("{state:?}") };
        assert_eq!(*reason, Reason::Signal { signal: "approval".into(), until_ms: None });
        let workflows = control.workflows();
        assert_eq!(workflows.signal(id, "other", "no").await.unwrap(), Signalled::Delivered, "kept for later");
        assert_eq!(workflows.signal(id, "other", "no").await.unwrap(), Signalled::Duplicate);
        assert_eq!(acts.seen().len(), 1);
        assert_eq!(workflows.signal(id, "approval", "yes").await.unwrap(), Signalled::Delivered);
        until("its end", async || rows(&store).await.is_empty()).await;
        let late = workflows.signal(id, "approval", "yes").await.unwrap_err();
        assert!(matches!(late, WorkflowError::NotStored { .. }), "{late}");
        gru.shutdown().await;
    });
}

#[test]
fn w11_without_a_store_a_signal_reaches_whoever_waits_in_memory() {
    simulate(7, async {
        let acts = waiting();
        let (gru, control, _events) = running(|events| careful(events, &acts).store(NoStore), &[1]).await;
        until("its first step", async || acts.seen().len() == 1).await;
        let (id, workflows) = (acts.seen()[0].workflow.id(), control.workflows());
        let unknown = workflows.signal(WorkflowIds::after(Some(id)).next(), "approval", "yes").await.unwrap_err();
        assert!(matches!(unknown, WorkflowError::NotStored { .. }), "{unknown}");
        assert_eq!(workflows.signal(id, "approval", "yes").await.unwrap(), Signalled::Delivered);
        until("its end", async || acts.seen().len() == 2 && gru.in_flight(ID) == Some(0)).await;
        assert!(matches!(workflows.signal(id, "approval", "yes").await, Err(WorkflowError::NotStored { .. })));
        gru.shutdown().await;
    });
}

#[test]
fn w4_a_step_that_is_put_off_says_so_and_for_how_long() {
    simulate(8, async {
        let (store, acts) = (MemoryStore::new(), Acts::answer(|_| Err("refused".into())));
        let (gru, control, _events) = running(|events| careful(events, &acts).store(store.clone()), &[1]).await;
        let id =
            only(&control, |state| matches!(state, WorkflowState::Waiting(Wait { reason: Reason::PutOff { .. }, .. })))
                .await;
        let found = control.workflows().get(id).await.unwrap();
        let WorkflowState::Waiting(wait) = &found.state else { panic!("{found:?}") };
        let Reason::PutOff { until_ms, failed: 1, of: Some(3) } = wait.reason else { panic!("{found:?}") };
        let pause = until_ms - found.stored.updated_ms;
        assert!((1..=i64::try_from(FIRST_PAUSE.as_millis()).unwrap()).contains(&pause), "{pause}");
        let error = control.workflows().retry(id).await.unwrap_err();
        assert!(matches!(error, WorkflowError::NotQuarantined { .. }), "{error}");
        gru.shutdown().await;
    });
}

#[test]
fn r9_nothing_is_changed_of_an_orchestration_that_the_program_does_not_have() {
    simulate(9, async {
        let (store, acts) = (MemoryStore::new(), picky());
        let (gru, control, _events) = running(|events| careful(events, &acts).store(store.clone()), &[1]).await;
        let id = only(&control, is_quarantined).await;
        gru.shutdown().await;
        let before = rows(&store).await;
        // Another program over the same store.
        let (gru, control, _events) =
            running(|events| program(events, Script::plain()).store(store.clone()), &[]).await;
        let workflows = control.workflows();
        for refused in [
            workflows.retry(id).await.unwrap_err(),
            workflows.go_to(id, "record").await.unwrap_err(),
            workflows.edit(id, "[]").await.unwrap_err(),
        ] {
            assert!(
                matches!(&refused, WorkflowError::NotInProgram { orchestration, .. } if orchestration == ID),
                "{refused}"
            );
        }
        assert_eq!(rows(&store).await, before);
        let unknown = control.snapshot().unknown;
        assert_eq!((unknown.len(), unknown[0].id.as_str(), unknown[0].quarantined), (1, ID, 1));
        workflows.discard(id).await.unwrap();
        gru.shutdown().await;
        assert!(rows(&store).await.is_empty());
    });
}

#[tokio::test]
async fn w6_the_workflows_of_a_stopped_program_are_checked_against_its_types() {
    let store = MemoryStore::new();
    let failing = Script::at("second", || Err("no".into()));
    let gru = program(&jobs([1]), failing).store(store.clone()).start().await.unwrap();
    gru.finished().await;
    gru.shutdown().await;
    store.open().await.unwrap();
    let events = jobs([]);
    let stopped = program(&events, Script::plain());
    let workflows = Workflows::of_stopped(&stopped, Arc::new(store.clone()));
    let found = workflows.list(Filter::all(), 9).await.unwrap();
    assert!(is_quarantined(&found[0].state), "{found:?}");
    let id = found[0].stored.id;
    assert!(matches!(workflows.go_to(id, "zeroth").await, Err(WorkflowError::NoSuchStep { .. })));
    assert!(matches!(workflows.edit(id, "[]").await, Err(WorkflowError::Context { .. })));
    workflows.edit(id, r#"{"steps":["edited"]}"#).await.unwrap();
    workflows.go_to(id, "third").await.unwrap();
    assert!(matches!(workflows.get(id).await.unwrap().state.wait(), Some(Wait { reason: Reason::Place, .. })));
    store.close().await.unwrap();
    let script = Script::plain();
    let gru = program(&jobs([]), script.clone()).store(store.clone()).start().await.unwrap();
    gru.finished().await;
    gru.shutdown().await;
    assert_eq!(script.ran(), [(1, "third")]);
    assert!(rows(&store).await.is_empty());
}

#[tokio::test]
async fn r4_a_context_of_another_version_is_seen_and_repaired() {
    let (store, gate) = (MemoryStore::new(), Gate::new());
    let events = Events::new();
    (0..2).for_each(|number| events.push(Job { number }));
    let old = Gru::builder().orchestrate::<Feed, OldWorker>().provide(events.source()).provide(gate.clone());
    let gru = old.store(store.clone()).start().await.unwrap();
    gate.arrivals(2).await;
    gru.shutdown_with(StopMode::Now).await;
    let script = Script::plain();
    let events = Events::new();
    let gru = program(&events, script.clone()).store(store.clone()).start().await.unwrap();
    let control = gru.control();
    let id = only(&control, is_quarantined).await;
    until("the report", async || control.snapshot().orchestrations[0].boot.complete).await;
    let boot = control.snapshot().orchestrations.remove(0).boot;
    assert_eq!((boot.found, boot.resumed, boot.set_aside, boot.quarantined), (Some(2), 1, 1, 0), "{boot:?}");
    assert!(boot.reasons[0].starts_with("second: the stored context cannot be read as "), "{boot:?}");
    control.workflows().edit(id, r#"{"steps":[]}"#).await.unwrap();
    control.workflows().retry(id).await.unwrap();
    until("its end", async || rows(&store).await.is_empty()).await;
    assert_eq!(script.ran_of(1), ["second", "third"]);
    gru.shutdown().await;
    let _ = Worker::first;
}
