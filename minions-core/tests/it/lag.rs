//! User code that holds a thread of the runtime: seen from outside, named, counted, and a reason to take no more events.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use parking_lot::Mutex;

use minions_core::gru::Control;
use minions_core::guard::LagBounds;
use minions_core::minion::Flow;
use minions_core::reason::Reason;
use minions_core::store::MemoryStore;
use minions_core::telemetry::names;
use minions_core::testing::Events;

use crate::support::{Job, Script, jobs, program, until};
use crate::telemetry::{counted, sum};

const MS: Duration = Duration::from_millis(1);

fn bounds() -> LagBounds {
    LagBounds::default().name_after(MS * 100).between(MS * 60, MS * 200, MS * 100)
}

/// Whose steps `second` hold their threads until they are let go, one by one.
fn blocking() -> (Script, mpsc::Sender<()>) {
    let (release, released) = mpsc::channel();
    let released = Arc::new(Mutex::new(released));
    let script = Script::new(move |wf, _: Job, trail| {
        let released = (wf.step() == "second").then(|| released.clone());
        async move {
            if let Some(released) = released {
                // Held over no await: this is the point.
                let _ = released.lock().recv();
            }
            Ok((Flow::Continue, trail))
        }
    });
    (script, release)
}

/// Looks until the gate of every pipeline is closed because of lag; answers how far it is behind.
fn lags(control: &Control) -> u64 {
    loop {
        match control.snapshot().holds_back.first().map(|wait| wait.reason.clone()) {
            Some(Reason::Lag { behind_ms }) => return behind_ms,
            None => std::thread::sleep(MS * 5),
            Some(other) => panic!("{other}"),
        }
    }
}

#[test]
fn t6_a_step_that_holds_the_only_thread_is_counted_by_its_name_and_closes_the_gate_until_it_lets_go() {
    let values = counted(async |counted| {
        let (script, release) = blocking();
        let events = Events::new();
        let gru = program(&events, script).store(MemoryStore::new()).lag(bounds()).start().await.unwrap();
        let control = gru.control();
        let looking = control.clone();
        // Nobody on the thread of the runtime can look while it is held.
        let looks = std::thread::spawn(move || {
            let behind = lags(&looking);
            let waits = looking.snapshot().pipelines.remove(0).waits_for;
            release.send(()).unwrap();
            (behind, waits)
        });
        events.push(Job { number: 0 });
        events.end();
        gru.finished().await;
        let (behind, waits) = looks.join().unwrap();
        assert!(behind >= 200, "{behind}");
        assert!(matches!(waits[0].reason, Reason::Lag { .. }), "{waits:?}");
        until("the calm", async || control.snapshot().holds_back.is_empty()).await;
        gru.shutdown().await;
        counted.take()
    });
    let blocks = |labels: &[&str]| sum(&values, names::THREAD_BLOCKS, labels);
    assert_eq!(blocks(&["kind=minion", "component=worker", "what=second"]), 1.0);
    assert_eq!(blocks(&[]), 1.0, "{values:?}");
}

#[test]
fn l1_bounds_of_the_watchdog_that_cannot_be_kept_to_are_in_the_one_report() {
    let wrong = LagBounds::default().name_after(Duration::ZERO).between(MS * 2, MS, MS);
    let report = program(&Events::new(), Script::plain()).lag(wrong).check().unwrap_err().to_string();
    for words in ["the lag watchdog: name_after is 0", "open_at is 2ms, more than close_at, which is 1ms"] {
        assert!(report.contains(words), "{words} in {report}");
    }
}

#[test]
fn t6_a_runtime_whose_threads_are_all_held_is_behind() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let (script, release) = blocking();
        // The second one waits for the lock of the first, which holds its thread as well.
        let gru = program(&jobs(0..2), script).store(MemoryStore::new()).lag(bounds()).start().await.unwrap();
        let control = gru.control();
        assert!(lags(&control) >= 200);
        (0..2).for_each(|_| release.send(()).unwrap());
        gru.finished().await;
        until("the calm", async || control.snapshot().holds_back.is_empty()).await;
        gru.shutdown().await;
    });
}
