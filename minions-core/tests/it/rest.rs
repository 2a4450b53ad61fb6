//! Workflows that come to rest and wake at random, over stops and deaths of the process, on a store whose answers are old
//! when they arrive: none is lost, none runs twice at the same time, no step runs again without a reason.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use minions_core::Result;
use minions_core::gru::{Finished, StopMode};
use minions_core::minion::Flow;
use minions_core::store::MemoryStore;
use minions_core::testing::{Events, simulate};
use minions_core::workflow::{Workflow, WorkflowId};

use crate::support::careful::{Acts, careful};
use crate::support::stale::Stale;
use crate::support::{Job, rows};

const WORKFLOWS: u64 = 60;
const LIVES: u64 = 5;

/// What is seen of all steps, over all lives of the process.
#[derive(Clone, Default)]
struct Watch {
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    /// Inside a step, and which.
    inside: HashMap<WorkflowId, &'static str>,
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
        tokio::time::sleep(Duration::from_millis(chance % 50)).await;
        drop(inside);
        let time = Duration::from_millis((chance >> 8) % 400);
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
        let earlier = watch.seen.lock().inside.insert(wf.id(), wf.step());
        assert!(earlier.is_none(), "{} is in {earlier:?} and in {} at the same time", wf.id(), wf.step());
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
    simulate(seed * 100 + number, async move {
        let events = Events::new();
        let share = WORKFLOWS / LIVES;
        for event in number * share..(number + 1) * share {
            if !last {
                events.push(Job { number: event });
            }
        }
        if last {
            events.end();
        }
        let gru = careful(&events, &watch.acts(seed)).max_in_flight(7).store(store).start().await.unwrap();
        if last {
            assert_eq!(gru.finished().await, Finished::Done);
            assert!(gru.shutdown().await.is_clean());
            return;
        }
        tokio::time::sleep(Duration::from_millis(mix(seed ^ number << 7) % 700)).await;
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
    for seed in 0..60 {
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
        let ended: u32 = seen.ended.values().sum();
        let interrupted = ended as usize - seen.ended.len();
        assert!(interrupted <= 7 * LIVES as usize, "seed {seed}: {interrupted} last steps ran again");
    }
}
