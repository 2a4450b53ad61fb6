//! What happens when the process dies again and again.
//!
//! Each simulation is a process: it ends without a stop, as if it had been killed.

use std::time::Duration;

use minions_core::Gru;
use minions_core::gru::{Finished, StopMode};
use minions_core::minion::Flow;
use minions_core::store::{FailureKind, MemoryStore, Status};
use minions_core::testing::{Events, Gate, simulate};

use crate::support::{ID, Job, Script, jobs, program, rows};

/// Dies without a stop as soon as event 0 is in `second`; so many others go on as far as they come meanwhile. The events
/// are those of the process; answers which steps have run.
fn dies(store: &MemoryStore, seed: u64, numbers: impl IntoIterator<Item = u64>) -> Vec<(u64, &'static str)> {
    let (events, store) = (Events::new(), store.clone());
    numbers.into_iter().for_each(|number| events.push(Job { number }));
    simulate(seed, async move {
        let deadly = Gate::new();
        let script = Script::new({
            let deadly = deadly.clone();
            move |wf, job, trail| {
                let deadly = (job.number == 0 && wf.step() == "second").then(|| deadly.clone());
                async move {
                    if let Some(deadly) = deadly {
                        deadly.pass().await;
                    }
                    // Long enough to be found in a step by a death.
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    Ok((Flow::Continue, trail))
                }
            }
        });
        let gru = program(&events, script.clone()).store(store).start().await.unwrap();
        deadly.arrivals(1).await;
        // Killed: nothing of it is stopped.
        std::mem::forget::<Gru>(gru);
        script.ran()
    })
}

/// Runs to its end with a step that is mended; answers which steps have run.
fn recovers(store: &MemoryStore, seed: u64) -> Vec<(u64, &'static str)> {
    let store = store.clone();
    simulate(seed, async move {
        let script = Script::plain();
        let gru = program(&jobs([]), script.clone()).store(store).start().await.unwrap();
        assert_eq!(gru.finished().await, Finished::Done);
        gru.shutdown().await;
        script.ran()
    })
}

async fn statuses(store: &MemoryStore) -> Vec<(Status, String)> {
    rows(store).await.into_iter().map(|row| (row.status, row.step)).collect()
}

fn now<T>(work: impl Future<Output = T>) -> T {
    simulate(0, work)
}

#[test]
fn r6_one_that_kills_the_process_alone_is_set_aside_and_the_others_go_on() {
    let store = MemoryStore::new();
    dies(&store, 1, 0..5);
    dies(&store, 2, []);
    dies(&store, 3, []);
    // The fourth process tries it alone: neither its neighbours nor live events run beside it.
    // The fifth one does so once more, for whoever killed the fourth may not have meant it.
    for seed in [4, 5] {
        assert_eq!(dies(&store, seed, [9]), [(0, "second")]);
    }
    let left = now(rows(&store));
    assert!(left.iter().all(|row| row.status == Status::Running), "{left:?}");
    let sixth = recovers(&store, 6);
    assert!(!sixth.contains(&(0, "second")), "{sixth:?}");
    let left = now(rows(&store));
    assert_eq!(left.len(), 1, "the others have come to their end: {left:?}");
    assert_eq!((left[0].status, &*left[0].step), (Status::Quarantined, "second"));
    assert_eq!(left[0].failures[0].kind, FailureKind::Death);
    assert!(left[0].failures[0].error[0].contains("5 times in a row"), "{:?}", left[0].failures);
}

#[test]
fn r6_an_innocent_one_that_was_there_at_every_death_is_cleared() {
    let store = MemoryStore::new();
    for seed in 1..=3 {
        dies(&store, seed, if seed == 1 { vec![0, 1] } else { vec![] });
    }
    // Whatever killed it is mended: both come to their end, one after the other.
    let ran = recovers(&store, 4);
    assert!(ran.contains(&(0, "third")) && now(statuses(&store)).is_empty(), "{ran:?}");
}

#[test]
fn r6_progress_between_two_deaths_and_an_orderly_stop_both_clear_the_record() {
    let store = MemoryStore::new();
    dies(&store, 1, [0]);
    dies(&store, 2, []);
    assert_eq!(now(rows(&store))[0].deaths, 1);
    now({
        let store = store.clone();
        async move {
            let gru = program(&Events::new(), Script::plain()).store(store).start().await.unwrap();
            gru.shutdown().await;
        }
    });
    assert!(now(rows(&store)).iter().all(|row| row.deaths == 0));
}

#[test]
fn r6_one_life_of_the_process_counts_once_however_often_its_orchestration_is_started() {
    let store = MemoryStore::new();
    dies(&store, 1, [0]);
    now({
        let store = store.clone();
        async move {
            let held = Gate::new();
            let gru = program(&Events::new(), Script::held(&held, |_| true)).store(store).start().await.unwrap();
            let control = gru.control();
            for _ in 0..4 {
                held.arrivals(1).await;
                control.stop(ID, StopMode::Now).await.unwrap();
                control.start(ID).await.unwrap();
            }
            std::mem::forget::<Gru>(gru);
        }
    });
    assert_eq!(now(rows(&store))[0].deaths, 1);
}
