//! Workflows that come to rest and wake at random, over stops and deaths of the process, on a store whose answers are old
//! when they arrive: none is lost, none runs twice at the same time, no step runs again without a reason.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use minions_core::Result;
use minions_core::gru::{Finished, StopMode};
use minions_core::minion::Flow;
use minions_core::store::{MemoryStore, StateStore};
use minions_core::testing::{Events, Gate, simulate};
use minions_core::workflow::{IdempotencyKey, Workflow, WorkflowId};

use crate::support::careful::{Acts, careful};
use crate::support::stale::Stale;
use crate::support::{Job, rows};

/// The first life leaves more behind than one page of it.
const FIRST: u64 = 450;
const FURTHER: u64 = 10;
const LIVES: u64 = 4;
const CAP: usize = 20;

/// What is seen of all steps, over all lives of the process.
#[derive(Clone, Default)]
struct Watch {
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    /// Inside a step, and which.
    inside: HashMap<WorkflowId, &'static str>,
    /// The attempts that were begun in this life of the process: none comes again.
    attempts: HashSet<(IdempotencyKey, u32)>,
    /// How often each workflow has come to each step, polls not included, by number.
    begun: BTreeMap<(u64, &'static str), u32>,
    ended: BTreeMap<u64, u32>,
}

/// A step of the SplitMix64 generator.
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Watch {
    fn acts(&self, seed: u64) -> Acts {
        let watch = self.clone();
        Acts::new(move |wf, job| {
            let watch = watch.clone();
            async move { watch.step(&wf, job.number, seed).await }
        })
    }

    async fn step(&self, wf: &Workflow, number: u64, seed: u64) -> Result<Flow> {
        let inside = Inside::enter(self, wf);
        *self.seen.lock().begun.entry((number, wf.step())).or_default() += 1;
        let chance = mix(seed ^ mix(number) ^ u64::from(wf.attempt()) << 32 ^ wf.step().len() as u64);
        // Many things happen in one millisecond.
        tokio::time::sleep(Duration::from_millis([0, 0, 1, chance % 50][(chance >> 40) as usize % 4])).await;
        drop(inside);
        let time = Duration::from_millis([0, 1, 2, (chance >> 8) % 400][(chance >> 44) as usize % 4]);
        if wf.step() == "record" {
            *self.seen.lock().ended.entry(number).or_default() += 1;
            return Ok(Flow::Continue);
        }
        match (chance >> 24) % 5 {
            0 => Ok(Flow::Continue),
            1 | 2 => Ok(Flow::sleep(time)),
            3 => Ok(Flow::wait("never", time)),
            _ if wf.attempt() < 3 => Err("again".into()),
            _ => Ok(Flow::Continue),
        }
    }
}

/// A workflow inside a step; found twice, it is the fault that this looks for.
struct Inside<'a>(&'a Watch, WorkflowId);

impl<'a> Inside<'a> {
    fn enter(watch: &'a Watch, wf: &Workflow) -> Self {
        let mut seen = watch.seen.lock();
        let earlier = seen.inside.insert(wf.id(), wf.step());
        assert!(earlier.is_none(), "{} is in {earlier:?} and in {} at the same time", wf.id(), wf.step());
        let is_new = seen.attempts.insert((wf.idempotency_key(), wf.attempt()));
        assert!(is_new, "attempt {} at {} runs a second time", wf.attempt(), wf.step());
        drop(seen);
        Self(watch, wf.id())
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.seen.lock().inside.remove(&self.1);
    }
}

fn life(store: &MemoryStore, watch: &Watch, seed: u64, number: u64) {
    let (store, watch) = (Stale::new(store.clone(), mix(seed ^ number)), watch.clone());
    let last = number == LIVES;
    watch.seen.lock().attempts.clear();
    simulate(seed * 100 + number, async move {
        let events = Events::new();
        let numbers = if number == 0 { 0..FIRST } else { FIRST + number * FURTHER..FIRST + (number + 1) * FURTHER };
        if last {
            events.end();
        } else {
            numbers.for_each(|number| events.push(Job { number }));
        }
        let cap = if number == 0 { FIRST as usize } else { CAP };
        let gru = careful(&events, &watch.acts(seed)).max_in_flight(cap).store(store).start().await.unwrap();
        if last {
            assert_eq!(gru.finished().await, Finished::Done);
            assert!(gru.shutdown().await.is_clean());
            return;
        }
        tokio::time::sleep(Duration::from_millis(mix(seed ^ number << 7) % if number == 0 { 60 } else { 700 })).await;
        match mix(seed ^ number << 9) % 3 {
            0 => drop(gru.shutdown_with(StopMode::Park).await),
            1 => drop(gru.shutdown_with(StopMode::Now).await),
            _ => {
                std::mem::forget(gru);
                // Nothing of a process that was killed is inside of anything.
                watch.seen.lock().inside.clear();
            }
        }
    });
}

#[test]
fn w5_r5_whatever_rests_and_wakes_runs_once_over_stops_and_deaths() {
    for seed in 0..16 {
        let (store, watch) = (MemoryStore::new(), Watch::default());
        for number in 0..=LIVES {
            life(&store, &watch, seed, number);
        }
        let seen = watch.seen.lock();
        let left = simulate(0, rows(&store));
        // What the source has said in a life that ended at once is not the workflows' matter.
        let admitted: Vec<_> =
            seen.begun.keys().filter(|(_, step)| *step == "fetch").map(|(number, _)| *number).collect();
        assert!(left.is_empty(), "seed {seed}: {left:?}");
        for number in admitted {
            let ended = seen.ended.get(&number).copied().unwrap_or_default();
            assert!((1..=1 + LIVES as u32).contains(&ended), "seed {seed}: {number} has ended {ended} times");
            // Three attempts at most, and one more for every interrupted one.
            let fetched = seen.begun[&(number, "fetch")];
            assert!(fetched <= 3 + LIVES as u32, "seed {seed}: {number} was fetched {fetched} times");
        }
    }
}

#[test]
fn r5_a_page_that_is_old_when_it_arrives_wakes_nobody_who_was_woken_meanwhile() {
    const PAGE: u64 = 256;
    let store = MemoryStore::new();
    // One page of workflows in their first step, and one behind them that is put off.
    simulate(1, {
        let store = store.clone();
        async move {
            let events = Events::new();
            (0..=PAGE).for_each(|number| events.push(Job { number }));
            let acts = Acts::new(|_, job| async move {
                match job.number {
                    PAGE => Err("not now".into()),
                    _ => std::future::pending().await,
                }
            });
            let gru = careful(&events, &acts).store(store).start().await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
            gru.shutdown_with(StopMode::Now).await;
        }
    });
    simulate(2, async move {
        let (last, recording) = (Gate::new(), Gate::new());
        let acts = Acts::new({
            let (last, recording) = (last.clone(), recording.clone());
            move |wf, job| {
                let gate = match (job.number, wf.step()) {
                    (PAGE, "record") => Some(recording.clone()),
                    (PAGE, _) => None,
                    _ => Some(last.clone()),
                };
                async move {
                    if let Some(gate) = gate {
                        gate.pass().await;
                    }
                    Ok(Flow::Continue)
                }
            }
        });
        let pages = AtomicUsize::new(0);
        let read = Stale::new(store, 0).scans(move |store, filter, limit| {
            let (recording, last) = (recording.clone(), last.clone());
            let is_second = filter.after.is_some() && pages.fetch_add(1, Ordering::Relaxed) == 0;
            async move {
                if !is_second {
                    return store.scan(filter, limit).await;
                }
                // It is awake between two steps, so its row looks as if it had been awake at the end of the last life.
                recording.arrivals(1).await;
                let page = store.scan(filter, limit).await;
                recording.open();
                while rows(&store).await.len() > PAGE as usize {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                // Its task has to hear of it as well.
                tokio::time::sleep(Duration::from_millis(1)).await;
                last.open();
                page
            }
        });
        let gru = careful(&Events::all([]), &acts).store(read).start().await.unwrap();
        assert_eq!(gru.finished().await, Finished::Done);
        gru.shutdown().await;
        let recorded =
            acts.seen().iter().filter(|seen| (seen.number, seen.workflow.step()) == (PAGE, "record")).count();
        assert_eq!(recorded, 1);
    });
}
