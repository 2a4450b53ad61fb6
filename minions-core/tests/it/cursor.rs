//! Positions that commit with their events: every item is admitted exactly once, whatever happens.

mod dying;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;

use minions_core::component::{Assembly, Component, Need};
use minions_core::gru::{Finished, StopMode};
use minions_core::minion::{Flow, Minion, StepInfo};
use minions_core::store::{MemoryStore, StateStore};
use minions_core::testing::FaultyStore;
use minions_core::workflow::{Workflow, WorkflowId};
use minions_core::{Gru, GruBuilder, Result};

use crate::support::sources::{Picky, Reel, Tape};
use crate::support::{Job, Script, Worker, rows, until};
use dying::DyingStore;

/// Which workflows each job became.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<BTreeMap<u64, BTreeSet<WorkflowId>>>>);

impl Seen {
    fn script(&self) -> Script {
        let seen = self.0.clone();
        Script::new(move |workflow, job, trail| {
            seen.lock().entry(job.number).or_default().insert(workflow.id());
            async move { Ok((Flow::Continue, trail)) }
        })
    }

    /// Every job was one workflow.
    fn assert_each_once(&self, numbers: impl IntoIterator<Item = u64>, what: &str) {
        let seen = self.0.lock();
        let twice: Vec<_> = seen.iter().filter(|(_, workflows)| workflows.len() > 1).collect();
        assert!(twice.is_empty(), "{what}: admitted twice: {twice:?}");
        assert!(seen.keys().copied().eq(numbers), "{what}: {:?}", seen.keys());
    }
}

fn tape(reel: &Reel, script: Script) -> GruBuilder {
    Gru::builder().orchestrate::<Tape, Worker>().provide(reel.clone()).provide(script)
}

#[tokio::test]
async fn p7_a_source_goes_on_after_what_is_durable() {
    let (store, seen) = (MemoryStore::new(), Seen::default());
    for length in [3, 7, 7] {
        let reel = Reel::of(length);
        let gru = tape(&reel, seen.script()).store(store.clone()).start().await.unwrap();
        assert_eq!(gru.finished().await, Finished::Done);
        gru.shutdown().await;
    }
    seen.assert_each_once(0..7, "three runs");
    let cursors = store.cursors("tape".into()).await.unwrap();
    let cursors: Vec<_> = cursors.iter().map(|cursor| (&*cursor.partition, cursor.count, &*cursor.position)).collect();
    assert_eq!(cursors, [("", 7, b"7".as_slice())]);
}

#[test]
fn p7_killed_anywhere_every_item_is_admitted_exactly_once() {
    const LENGTH: u64 = 12;
    for tracks in [1, 3] {
        // One kill after so many operations, then another, and a run to the end.
        for first in 0..(4 * LENGTH) {
            let (store, seen, what) =
                (MemoryStore::new(), Seen::default(), format!("killed after {first} of {tracks}"));
            let reel = Reel { tracks, ..Reel::of(LENGTH) };
            for operations in [first, 5 + first % 7] {
                killed(DyingStore::new(&store, operations, first % 2 == 0), &reel, &seen);
            }
            let runtime = runtime();
            runtime.block_on(async {
                let gru = tape(&reel, seen.script()).max_in_flight(4).store(store.clone()).start().await.unwrap();
                assert_eq!(gru.finished().await, Finished::Done, "{what}");
                gru.shutdown().await;
                assert!(rows(&store).await.is_empty(), "{what}");
            });
            seen.assert_each_once(0..LENGTH, &what);
        }
    }
}

/// Runs until the store dies, then drops everything where it is, as a kill does.
fn killed(store: DyingStore, reel: &Reel, seen: &Seen) {
    let runtime = runtime();
    runtime.block_on(async {
        let dead = store.dead();
        let start = tape(reel, seen.script()).max_in_flight(4).store(store).start();
        let run = async {
            let gru = start.await.unwrap();
            gru.finished().await;
            gru.shutdown().await;
        };
        tokio::select! {
            () = dead.cancelled() => {}
            // It may be through before.
            () = run => {}
        }
    });
    runtime.shutdown_background();
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

#[tokio::test]
async fn p7_a_pipeline_that_restarts_goes_on_where_it_is_durable() {
    for keeps in [true, false] {
        let (seen, reel) = (Seen::default(), Reel::of(40));
        reel.panics_at.store(23, Ordering::SeqCst);
        let mut builder = tape(&reel, seen.script());
        if keeps {
            builder = builder.store(MemoryStore::new());
        }
        let gru = builder.start().await.unwrap();
        assert_eq!(gru.finished().await, Finished::Done);
        gru.shutdown().await;
        seen.assert_each_once(0..40, "with a restart");
        assert_eq!(*reel.began.lock(), [0, 23], "everything before the panic is settled before it goes on");
    }
}

#[tokio::test]
async fn p7_a_failing_store_is_waited_for_and_the_order_is_kept() {
    let (seen, reel, store) = (Seen::default(), Reel::of(200), FaultyStore::new());
    let gru = tape(&reel, seen.script()).max_in_flight(50).store(store.clone()).start().await.unwrap();
    for _ in 0..5 {
        store.fail();
        let tried = store.tried().len();
        tokio::select! {
            () = until("something to fail", async || store.tried().len() > tried) => {}
            _ = gru.finished() => {}
        }
        store.work();
    }
    assert_eq!(gru.finished().await, Finished::Done);
    gru.shutdown().await;
    seen.assert_each_once(0..200, "with faults");
}

#[tokio::test]
async fn p7_a_rejected_event_is_passed_over_and_does_not_come_again() {
    let (seen, reel, store) = (Seen::default(), Reel { ends: false, ..Reel::of(5) }, FaultyStore::new());
    store.reject_admissions();
    let gru = tape(&reel, seen.script()).store(store.clone()).start().await.unwrap();
    let control = gru.control();
    let refused = || control.snapshot().pipelines[0].ledger.refused;
    until("all to be refused", async || refused() == 5).await;
    gru.shutdown().await;
    store.work();
    let reel = Reel::of(8);
    let gru = tape(&reel, seen.script()).store(store.clone()).start().await.unwrap();
    assert_eq!(gru.finished().await, Finished::Done);
    gru.shutdown().await;
    seen.assert_each_once(5..8, "the others were refused");
}

#[tokio::test]
async fn p7_what_nobody_accepts_moves_the_cursor_too() {
    let (script, store) = (Script::plain(), MemoryStore::new());
    let reel = Reel::of(12);
    for _ in 0..2 {
        let builder = Gru::builder().orchestrate::<Tape, Picky>().provide(reel.clone()).provide(script.clone());
        let gru = builder.store(store.clone()).start().await.unwrap();
        assert_eq!(gru.finished().await, Finished::Done);
        gru.shutdown().await;
    }
    assert_eq!(*reel.began.lock(), [0, 12]);
    assert_eq!(script.ran(), [0, 2, 4, 6, 8, 10].map(|number| (number, "look")));
}

/// Takes odd jobs only.
struct Odd(Script);

impl Component for Odd {
    const NAME: &'static str = "odd-jobs";
    const FIELDS: &'static [Need] = &[Need::provided::<Script>()];

    fn assemble(cx: &Assembly) -> Result<Self> {
        Ok(Self(Script::clone(&*cx.provided::<Script>().expect("checked by the resolver"))))
    }
}

impl Minion for Odd {
    type Event = Job;
    type Context = ();
    const STEPS: &'static [StepInfo] = &[StepInfo::new("only")];

    fn accept(&self, job: &Job) -> bool {
        !job.number.is_multiple_of(2)
    }

    async fn step<'a>(&'a self, _: usize, job: &'a Job, (): &'a mut (), wf: &'a Workflow) -> Result<Flow> {
        self.0.run(wf, job).await
    }
}

/// One of two minions is stopped while the store fails, so that the events that only it takes are given up. What comes
/// behind them must neither be stored without them nor wait for them for ever.
#[tokio::test]
async fn p7_after_events_that_were_given_up_a_source_goes_on_from_before_them() {
    let (seen, store) = (Seen::default(), FaultyStore::new());
    let reel = Reel { ends: false, ..Reel::of(4) };
    store.hang();
    let builder = Gru::builder().orchestrate::<Tape, Picky>().orchestrate::<Tape, Odd>();
    let gru = builder.provide(reel.clone()).provide(seen.script()).store(store.clone()).start().await.unwrap();
    let control = gru.control();
    until("all to be taken", async || control.snapshot().pipelines[0].ledger.pending == 4).await;
    store.fail();
    control.stop("tape/picky", StopMode::Park).await.unwrap();
    until("everything to be given up", async || control.snapshot().pipelines[0].ledger.refused == 4).await;
    store.work();
    until("the odd ones", async || seen.0.lock().len() == 2).await;
    gru.shutdown().await;
    seen.assert_each_once([1, 3], "nobody else is left for the others");
    assert!(
        reel.began.lock().len() > 1 && reel.began.lock().iter().all(|began| *began == 0),
        "{:?}",
        reel.began.lock()
    );
}
