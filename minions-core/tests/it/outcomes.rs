//! What becomes of a workflow after a step: retries, sleep, polling, signals, failures that are dealt with.

use std::sync::Arc;
use std::time::Duration;

use minions_core::error::{NotBefore, Verdict};
use minions_core::gru::{Finished, StopMode};
use minions_core::minion::Flow;
use minions_core::store::{
    Applied, FailureKind, Filter, MemoryStore, NoStore, Op, Outcome, Signal, StateStore, Status, StoredWorkflow,
};
use minions_core::testing::{Events, simulate};
use minions_core::{Error, GruBuilder, Result};

use crate::support::careful::{Acts, FIRST_PAUSE, TIMEOUT, careful, cleaning};
use crate::support::{Job, jobs, rows};

const HOUR: Duration = Duration::from_secs(3600);

/// Runs a program to its end.
async fn run(program: GruBuilder) {
    let gru = program.start().await.expect("it starts");
    assert_eq!(gru.finished().await, Finished::Done);
    assert!(gru.shutdown().await.is_clean());
}

/// Starts a program, lets so much time pass, and stops it wherever it is.
async fn run_for(program: GruBuilder, time: Duration) {
    let gru = program.start().await.expect("it starts");
    tokio::time::sleep(time).await;
    gru.shutdown_with(StopMode::Park).await;
}

async fn row(store: &MemoryStore) -> StoredWorkflow {
    let mut rows = rows(store).await;
    assert_eq!(rows.len(), 1);
    rows.remove(0)
}

async fn commit(store: &MemoryStore, op: impl Into<Op>) -> Applied {
    store.commit(vec![Arc::new(op.into())]).await.remove(0).expect("it is valid")
}

/// Fails the first `failures` attempts at `fetch`.
fn failing(failures: u32) -> Acts {
    Acts::answer(move |wf| match wf.step() {
        "fetch" if wf.attempt() <= failures => Err(format!("refused {}", wf.attempt()).into()),
        _ => Ok(Flow::Continue),
    })
}

#[test]
fn w4_a_step_is_tried_again_with_growing_pauses_and_the_context_from_before() {
    simulate(1, async {
        let (store, acts) = (MemoryStore::new(), failing(2));
        run(careful(&jobs([1]), &acts).store(store.clone())).await;
        assert_eq!(acts.attempts(), ["fetch 1", "fetch 2", "fetch 3", "record 1"]);
        let seen = acts.seen();
        for attempt in &seen[..3] {
            assert!(attempt.notes.is_empty(), "an attempt that failed has left {:?}", attempt.notes);
            assert_eq!(attempt.workflow.idempotency_key(), seen[0].workflow.idempotency_key());
        }
        assert_eq!(seen[3].notes, ["fetch 3"]);
        let may_have_run: Vec<_> = seen.iter().map(|seen| seen.workflow.may_have_run()).collect();
        assert_eq!(may_have_run, [false, true, true, false]);
        for (pair, step) in seen.windows(2).zip([FIRST_PAUSE, 2 * FIRST_PAUSE]) {
            let pause = pair[1].at - pair[0].at;
            assert!(pause >= step / 2 && pause <= step + Duration::from_millis(5), "{pause:?} for {step:?}");
        }
        assert!(rows(&store).await.is_empty());
    });
}

#[test]
fn w4_attempts_and_errors_lie_in_the_row_and_survive_a_restart() {
    simulate(2, async {
        let (store, acts) = (MemoryStore::new(), failing(2));
        let events = Events::new();
        events.push(Job { number: 1 });
        run_for(careful(&events, &acts).store(store.clone()), FIRST_PAUSE / 4).await;
        let stored = row(&store).await;
        assert_eq!((stored.status, &*stored.step, stored.attempt), (Status::Running, "fetch", 1));
        assert_eq!(stored.failures[0].error, ["refused 1"]);
        assert!(stored.wake_ms.is_some());
        run(careful(&jobs([]), &acts).store(store.clone())).await;
        assert_eq!(acts.attempts(), ["fetch 1", "fetch 2", "fetch 3", "record 1"]);
    });
}

#[test]
fn w4_after_the_last_attempt_it_is_set_aside_with_all_errors() {
    simulate(3, async {
        let (store, acts) = (MemoryStore::new(), failing(9));
        run(careful(&jobs([1]), &acts).store(store.clone())).await;
        assert_eq!(acts.attempts(), ["fetch 1", "fetch 2", "fetch 3"]);
        let stored = row(&store).await;
        assert_eq!((stored.status, stored.attempt, stored.wake_ms), (Status::Quarantined, 3, None));
        let errors: Vec<_> = stored.failures.iter().map(|failure| &*failure.error[0]).collect();
        assert_eq!(errors, ["refused 1", "refused 2", "refused 3"]);
        assert_eq!(stored.context, b"[]", "the context from before the step");
    });
}

#[test]
fn w4_a_step_that_takes_too_long_is_dropped_and_tried_again() {
    simulate(4, async {
        let (store, acts) = (
            MemoryStore::new(),
            Acts::new(|wf, _| async move {
                assert_eq!(wf.deadline().is_some(), wf.step() == "fetch");
                if wf.attempt() == 1 && wf.step() == "fetch" {
                    tokio::time::sleep(HOUR).await;
                }
                Ok(Flow::Continue)
            }),
        );
        let events = Events::new();
        events.push(Job { number: 1 });
        run_for(careful(&events, &acts).store(store.clone()), TIMEOUT + Duration::from_millis(100)).await;
        let failure = row(&store).await.failures.remove(0);
        assert_eq!(failure.kind, FailureKind::Timeout);
        assert!(failure.error[0].contains("10s"), "{failure:?}");
        run(careful(&jobs([]), &acts).store(store)).await;
        assert_eq!(acts.attempts(), ["fetch 1", "fetch 2", "record 1"]);
    });
}

#[test]
fn w5_a_workflow_that_sleeps_keeps_no_task_and_wakes_on_time_also_after_a_restart() {
    simulate(5, async {
        let sleeps = |wf: &minions_core::workflow::Workflow| -> Result<Flow> {
            Ok(if wf.step() == "fetch" { Flow::sleep(HOUR) } else { Flow::Continue })
        };
        let (store, acts) = (MemoryStore::new(), Acts::answer(sleeps));
        let events = Events::new();
        events.push(Job { number: 1 });
        let gru = careful(&events, &acts).store(store.clone()).start().await.unwrap();
        tokio::time::sleep(HOUR / 2).await;
        assert_eq!(gru.in_flight("source/careful"), Some(0));
        assert_eq!(row(&store).await.step, "record", "the checkpoint before the next step is durable");
        gru.shutdown().await;
        tokio::time::sleep(HOUR / 4).await;
        run(careful(&jobs([]), &acts).store(store)).await;
        let seen = acts.seen();
        let slept = seen[1].at - seen[0].at;
        assert!(slept >= HOUR && slept < HOUR + Duration::from_secs(1), "{slept:?}");
        assert_eq!(seen[1].notes, ["fetch 1"]);
    });
}

#[test]
fn w5_those_that_sleep_wake_in_the_order_of_their_times() {
    simulate(6, async {
        let (store, acts) = (
            MemoryStore::new(),
            Acts::new(|wf, job| async move {
                // The later an event, the shorter its sleep.
                let sleep = Duration::from_secs(1_000 - job.number);
                Ok(if wf.step() == "fetch" { Flow::sleep(sleep) } else { Flow::Continue })
            }),
        );
        run(careful(&jobs(0..600), &acts).store(store)).await;
        let woken: Vec<_> = acts.seen()[600..].iter().map(|seen| seen.number).collect();
        assert!(woken.is_sorted_by(|a, b| a > b) && woken.len() == 600, "{woken:?}");
    });
}

#[test]
fn w3_a_step_that_polls_comes_again_with_its_context_and_its_key_and_no_attempt_more() {
    simulate(7, async {
        let (store, acts) = (
            MemoryStore::new(),
            Acts::new({
                let calls = std::sync::atomic::AtomicU32::new(0);
                move |wf, _| {
                    let polls = wf.step() == "fetch" && calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 5;
                    async move { Ok(if polls { Flow::again(HOUR, "not ready") } else { Flow::Continue }) }
                }
            }),
        );
        run(careful(&jobs([1]), &acts).store(store)).await;
        let seen = acts.seen();
        assert_eq!(seen.len(), 7);
        for (polled, seen) in seen[..6].iter().enumerate() {
            assert_eq!((seen.workflow.attempt(), seen.notes.len()), (1, polled));
            assert_eq!(seen.workflow.idempotency_key().to_string(), format!("{}-0", seen.workflow.id()));
        }
        assert!(seen[6].at - seen[0].at >= 5 * HOUR);
    });
}

fn waiting() -> Acts {
    Acts::answer(|wf| Ok(if wf.step() == "fetch" { Flow::wait("approval", HOUR) } else { Flow::Continue }))
}

fn heard(acts: &Acts) -> Vec<Option<String>> {
    let records = acts.seen().into_iter().filter(|seen| seen.workflow.step() == "record");
    records.map(|seen| seen.workflow.signal::<String>().unwrap()).collect()
}

#[test]
fn w11_a_signal_that_does_not_come_ends_the_wait_at_its_time() {
    simulate(8, async {
        let acts = waiting();
        run(careful(&jobs([1]), &acts).store(MemoryStore::new())).await;
        assert_eq!(heard(&acts), [None]);
        let seen = acts.seen();
        assert!(seen[1].at - seen[0].at >= HOUR);
    });
}

#[test]
fn w11_a_signal_ends_the_wait_also_across_a_restart_and_only_the_first_one_counts() {
    simulate(9, async {
        let (store, acts, events) = (MemoryStore::new(), waiting(), Events::new());
        events.push(Job { number: 1 });
        run_for(careful(&events, &acts).store(store.clone()), Duration::from_secs(1)).await;
        let stored = row(&store).await;
        assert_eq!((stored.signal.as_deref(), stored.payload.as_deref()), (Some("approval"), None));
        let signal =
            |text: &str| Signal::new(stored.id, "approval", format!("{text:?}").into_bytes(), stored.updated_ms);
        assert_eq!(commit(&store, signal("yes")).await, Applied::Done);
        assert_eq!(commit(&store, signal("no")).await, Applied::Duplicate);
        let began = tokio::time::Instant::now();
        run(careful(&jobs([]), &acts).store(store)).await;
        assert_eq!(heard(&acts), [Some("yes".to_owned())]);
        assert!(began.elapsed() < HOUR / 2);
    });
}

#[test]
fn w11_a_signal_that_comes_before_the_wait_is_kept_for_it() {
    simulate(10, async {
        let store = MemoryStore::new();
        let acts = Acts::new({
            let store = store.clone();
            move |wf, _| {
                let store = store.clone();
                async move {
                    if wf.step() != "fetch" {
                        return Ok(Flow::Continue);
                    }
                    commit(&store, Signal::new(wf.id(), "approval", b"\"early\"".to_vec(), 0)).await;
                    Ok(Flow::wait("approval", HOUR))
                }
            }
        });
        let began = tokio::time::Instant::now();
        run(careful(&jobs([1]), &acts).store(store.clone())).await;
        assert_eq!(heard(&acts), [Some("early".to_owned())]);
        assert!(began.elapsed() < HOUR / 2);
    });
}

#[test]
fn w11_a_step_that_polls_after_a_signal_keeps_what_it_says() {
    simulate(20, async {
        let (store, polls) = (MemoryStore::new(), std::sync::atomic::AtomicU32::new(0));
        let acts = Acts::answer(move |wf| match wf.step() {
            "fetch" => Ok(Flow::wait("approval", HOUR)),
            _ if polls.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 3 => Ok(Flow::again(HOUR, "not ready")),
            _ => Ok(Flow::Continue),
        });
        let events = Events::new();
        events.push(Job { number: 1 });
        run_for(careful(&events, &acts).store(store.clone()), Duration::from_secs(1)).await;
        let stored = row(&store).await;
        commit(&store, Signal::new(stored.id, "approval", b"\"yes\"".to_vec(), stored.updated_ms)).await;
        let began = tokio::time::Instant::now();
        run(careful(&jobs([]), &acts).store(store)).await;
        assert_eq!(heard(&acts), vec![Some("yes".to_owned()); 4]);
        assert!(began.elapsed() >= 3 * HOUR, "the signal ends the wait, not the pauses: {:?}", began.elapsed());
    });
}

#[test]
fn w3_the_step_for_failures_runs_durably_after_the_last_attempt() {
    simulate(11, async {
        let (store, acts) = (MemoryStore::new(), failing(9));
        run(cleaning(&jobs([1]), &acts).store(store.clone())).await;
        assert_eq!(acts.attempts(), ["fetch 1", "fetch 2", "fetch 3", "cleanup 1"]);
        let cleanup = acts.seen().remove(3);
        assert!(cleanup.notes.is_empty(), "the context from before the step that failed: {:?}", cleanup.notes);
        let failure = cleanup.workflow.failure().expect("it is told why");
        assert_eq!((&*failure.step, failure.attempt, &*failure.error[0]), ("fetch", 3, "refused 3"));
        assert!(rows(&store).await.is_empty());
        let ended = store.history(None, 9).await.unwrap();
        assert_eq!((ended[0].outcome, &*ended[0].step), (Outcome::Failed, "cleanup"));
    });
}

#[test]
fn w3_the_step_for_failures_runs_after_an_abort_as_well() {
    simulate(12, async {
        let acts = Acts::answer(|wf| match wf.step() {
            "record" => Ok(Flow::abort("the page is gone")),
            _ => Ok(Flow::Continue),
        });
        let store = MemoryStore::new();
        run(cleaning(&jobs([1]), &acts).store(store.clone())).await;
        assert_eq!(acts.attempts(), ["fetch 1", "record 1", "cleanup 1"]);
        let cleanup = acts.seen().remove(2);
        assert_eq!(cleanup.notes, ["fetch 1", "record 1"], "the step that aborts has not failed");
        assert_eq!(cleanup.workflow.failure().unwrap().kind, FailureKind::Abort);
        assert_eq!(store.history(None, 9).await.unwrap()[0].outcome, Outcome::Aborted);
    });
}

#[test]
fn w3_a_step_for_failures_that_fails_leaves_both_errors_in_quarantine() {
    simulate(13, async {
        let acts = Acts::answer(|wf| match wf.step() {
            "fetch" => Ok(Flow::Continue),
            step => Err(format!("{step} is broken").into()),
        });
        let store = MemoryStore::new();
        run(cleaning(&jobs([1]), &acts).store(store.clone())).await;
        let stored = row(&store).await;
        assert_eq!((stored.status, &*stored.step), (Status::Quarantined, "cleanup"));
        let errors: Vec<_> = stored.failures.iter().map(|failure| &*failure.error[0]).collect();
        assert_eq!(errors, ["record is broken", "cleanup is broken"]);
    });
}

#[test]
fn w3_a_panic_goes_to_quarantine_without_the_step_for_failures() {
    simulate(14, async {
        let acts = Acts::answer(|wf| match wf.step() {
            "fetch" => panic!("bananas"),
            _ => Ok(Flow::Continue),
        });
        let store = MemoryStore::new();
        run(cleaning(&jobs([1]), &acts).store(store.clone())).await;
        assert_eq!(acts.attempts(), ["fetch 1"], "a panic is not tried again");
        assert_eq!(row(&store).await.failures[0].kind, FailureKind::Panic);
    });
}

#[test]
fn w3_without_a_store_the_same_happens_in_memory() {
    simulate(15, async {
        let acts = failing(2);
        run(careful(&jobs([1]), &acts).store(NoStore)).await;
        assert_eq!(acts.attempts(), ["fetch 1", "fetch 2", "fetch 3", "record 1"]);
        assert!(acts.seen()[..3].iter().all(|seen| seen.notes.is_empty()), "{:?}", acts.seen());

        let acts = Acts::answer(|wf| Ok(if wf.step() == "fetch" { Flow::sleep(HOUR) } else { Flow::Continue }));
        let began = tokio::time::Instant::now();
        // One place for two: a workflow that sleeps does not hold it.
        run(careful(&jobs([1, 2]), &acts).max_in_flight(1).store(NoStore)).await;
        assert!(began.elapsed() >= HOUR && began.elapsed() < HOUR + HOUR / 2, "{:?}", began.elapsed());

        let acts = waiting();
        run(careful(&jobs([1]), &acts).store(NoStore)).await;
        assert_eq!(heard(&acts), [None]);

        let acts = failing(9);
        run(cleaning(&jobs([1]), &acts).store(NoStore)).await;
        assert_eq!(acts.attempts().last().unwrap(), "cleanup 1");
    });
}

#[test]
fn w6_a_workflow_that_an_operator_retries_begins_its_attempts_anew() {
    simulate(16, async {
        let (store, acts) = (MemoryStore::new(), failing(9));
        run(careful(&jobs([1]), &acts).store(store.clone())).await;
        let id = row(&store).await.id;
        commit(&store, minions_core::store::Requeue::new(id, 0)).await;
        run(careful(&jobs([]), &acts).store(store.clone())).await;
        assert_eq!(acts.attempts(), ["fetch 1", "fetch 2", "fetch 3", "fetch 1", "fetch 2", "fetch 3"]);
        assert!(acts.seen()[3].workflow.may_have_run());
        assert_eq!(store.scan(Filter::only(id), 1).await.unwrap()[0].failures.len(), 6);
    });
}

#[test]
fn w10_without_retry_only_an_error_that_asks_for_a_later_time_is_tried_again() {
    simulate(18, async {
        let busy = || NotBefore::new(HOUR);
        let acts = Acts::answer(move |wf| match (wf.step(), wf.may_have_run()) {
            ("record", false) => Err(busy().into()),
            _ => Ok(Flow::Continue),
        });
        let store = MemoryStore::new();
        run(careful(&jobs([1]), &acts).store(store)).await;
        assert_eq!(acts.attempts(), ["fetch 1", "record 1", "record 1"], "patience is not an attempt");
        let seen = acts.seen();
        assert!(seen[2].at - seen[1].at >= HOUR);
    });
}

#[test]
fn w10_a_terminal_error_is_not_tried_again_and_one_that_aborts_is_no_failure() {
    simulate(19, async {
        for (verdict, left, outcome) in [(Verdict::Terminal, 1, None), (Verdict::Abort, 0, Some(Outcome::Aborted))] {
            let acts = Acts::answer(move |_| Err(Error::new("the page is gone").with_verdict(verdict)));
            let store = MemoryStore::new();
            run(careful(&jobs([1]), &acts).store(store.clone())).await;
            assert_eq!(acts.attempts(), ["fetch 1"]);
            assert_eq!(rows(&store).await.len(), left);
            let ended = store.history(None, 9).await.unwrap();
            assert_eq!(ended.first().map(|ended| ended.outcome), outcome);
        }
    });
}

#[test]
fn history_keeps_the_last_ones() {
    simulate(17, async {
        let (store, events) = (MemoryStore::new(), Events::new());
        let gru = careful(&events, &failing(0)).store(store.clone()).start().await.unwrap();
        // It is bounded at the start, and then every minute.
        tokio::time::sleep(Duration::from_secs(1)).await;
        (0..5).for_each(|number| events.push(Job { number }));
        tokio::time::sleep(Duration::from_secs(1)).await;
        let all = store.history(None, 9).await.unwrap();
        assert!(all.len() == 5 && all.iter().all(|ended| ended.outcome == Outcome::Succeeded), "{all:?}");
        assert!(all.iter().all(|ended| ended.ended_ms >= ended.created_ms && ended.seq == 1));
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(
            store.history(Some("source/careful".to_owned()), 9).await.unwrap(),
            all[..2],
            "as many as the minion wants"
        );
        gru.shutdown().await;
    });
}
