//! What starting and stopping costs, and what is left of it: many cycles, many neighbours, many workflows in flight.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use minions::Gru;
use minions::component::Dep;
use minions::gru::{Control, StartRequest, StopMode};
use minions::prelude::*;
use minions::sqlite::{Durability, SqliteStore};
use minions::store::{Filter, StateStore, Status};
use tokio::time::sleep;

use crate::chaos::{Chaos, Saboteur};
use crate::ledger::{Book, Ledger};
use crate::parts::Soak;
use crate::plan::Plan;
use crate::vitals::{Vitals, median};

type Outcome = std::result::Result<(), String>;

fn wrong(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// A program of which nothing runs yet but what is ordered.
async fn empty(directory: &Path, name: &str, book: &Book) -> std::result::Result<(Gru, Arc<dyn StateStore>), String> {
    let book = book.clone();
    let builder = Soak::builder()
        .resource(|| Chaos::of(Saboteur::default()))
        .resource(move || Ledger::of(book.clone()))
        .store(SqliteStore::at(directory.join(name)).durability(Durability::Process));
    let store = builder.given_store().ok_or("a store was given")?;
    let gru = builder.start().await.map_err(wrong)?;
    let ids: Vec<_> = gru.manifest().orchestrations.iter().map(|declared| declared.id.clone()).collect();
    for id in ids {
        gru.control().stop(&id, StopMode::Park).await.map_err(wrong)?;
    }
    Ok((gru, store))
}

fn request(id: &str) -> StartRequest {
    let (pair, config) = id.split_once('@').unwrap_or((id, "0"));
    StartRequest::named(pair).id(config)
}

async fn start_all(control: &Control, ids: &[String]) -> Outcome {
    let started = join_all(ids.iter().map(|id| control.start(request(id)))).await;
    started.into_iter().try_for_each(|report| report.map(drop).map_err(wrong))
}

/// Waits until what the program says is what follows from `up`.
async fn exact(plan: &Plan, control: &Control, up: &BTreeSet<String>) -> Outcome {
    let began = Instant::now();
    loop {
        let seen = plan.compare(&control.snapshot());
        if seen.as_ref() == Ok(up) {
            return Ok(());
        }
        if began.elapsed() > Duration::from_secs(30) {
            return Err(format!("it is not as it should be: {seen:?}"));
        }
        sleep(Duration::from_millis(2)).await;
    }
}

/// Starts so many orchestrations, gives them work and stops them, again and again.
pub async fn cycles(directory: &Path, cycles: u64, orchestrations: usize) -> Outcome {
    let book = Book::default();
    let (gru, _store) = empty(directory, "cycles.db", &book).await?;
    let manifest = gru.manifest().clone();
    let plan = Plan::of(&manifest, orchestrations.div_ceil(manifest.orchestrations.len()));
    let ids: Vec<_> = plan.orchestrations.keys().filter(|id| id.contains('@')).take(orchestrations).cloned().collect();
    let (all, none) = (ids.iter().cloned().collect(), BTreeSet::new());
    let (control, began) = (gru.control(), Instant::now());
    println!("{} resources, {} orchestrations", plan.resources.len(), ids.len());
    let (mut starts, mut stops) = (Vec::new(), Vec::new());
    for cycle in 1..=cycles {
        let at = Instant::now();
        start_all(&control, &ids).await?;
        starts.push(at.elapsed());
        plan.sources.iter().for_each(|source| book.allow(source, 2));
        exact(&plan, &control, &all).await?;
        let at = Instant::now();
        let stopped = join_all(ids.iter().map(|id| control.stop(id, StopMode::Park))).await;
        stops.push(at.elapsed());
        for report in stopped {
            let report = report.map_err(wrong)?;
            if !report.is_clean() {
                return Err(format!("a stop was not clean: {report:?}"));
            }
        }
        exact(&plan, &control, &none).await?;
        if [1, 10, 100, 250, 500, 750].contains(&cycle) || cycle == cycles {
            let (now, (workflows, _)) = (Vitals::now(), book.ended());
            println!(
                "cycle {cycle:>4} after {:>4.0} s: {workflows} workflows; {} tasks, {} descriptors, {} threads, {} KiB; \
                 start of all {:?}, stop of all {:?}",
                began.elapsed().as_secs_f64(),
                now.tasks,
                now.descriptors,
                now.threads,
                now.memory,
                median(&starts),
                median(&stops)
            );
            starts.clear();
            stops.clear();
        }
    }
    gru.shutdown().await;
    Ok(())
}

/// What the start and the stop of one orchestration cost while 10, 100 and 1 000 others run.
pub async fn scale(directory: &Path, samples: usize) -> Outcome {
    let mut programs = Vec::new();
    for others in [10_usize, 100, 1000] {
        let book = Book::default();
        let (gru, store) = empty(directory, &format!("scale-{others}.db"), &book).await?;
        let declared = gru.manifest().orchestrations.iter().map(|declared| declared.id.clone()).collect::<Vec<_>>();
        let ids: Vec<_> = (0..others).map(|number| format!("{}@{number}", declared[number % declared.len()])).collect();
        let at = Instant::now();
        start_all(&gru.control(), &ids).await?;
        println!("{others} started at once in {:?}", at.elapsed());
        programs.push((others, gru, store, Vec::new(), Vec::new()));
    }
    for _ in 0..samples {
        for (_, gru, _, starts, stops) in &mut programs {
            let control = gru.control();
            let at = Instant::now();
            control.start(request("ready/copier@probe")).await.map_err(wrong)?;
            starts.push(at.elapsed());
            let at = Instant::now();
            control.stop("ready/copier@probe", StopMode::Park).await.map_err(wrong)?;
            stops.push(at.elapsed());
        }
    }
    for (others, gru, _, starts, stops) in programs {
        let range = |of: &[Duration]| {
            let mut sorted = of.to_vec();
            sorted.sort_unstable();
            (sorted[0], median(of), sorted[sorted.len() * 9 / 10])
        };
        let ((least, start, most), (low, stop, high)) = (range(&starts), range(&stops));
        let control = gru.control();
        let snapshots = (0..21).map(|_| {
            let at = Instant::now();
            drop(control.snapshot());
            at.elapsed()
        });
        let snapshot = median(&snapshots.collect::<Vec<_>>());
        println!(
            "{others:>5} others: start {start:?} ({least:?}..{most:?}), stop {stop:?} ({low:?}..{high:?}), \
             {samples} samples, median (least..p90); a snapshot {snapshot:?}"
        );
        let at = Instant::now();
        gru.shutdown().await;
        println!("      shutdown of all in {:?}", at.elapsed());
    }
    Ok(())
}

#[derive(Serialize, Deserialize)]
pub struct Drip {
    number: u64,
}

#[resource]
pub struct Tap {
    #[default]
    left: std::sync::atomic::AtomicU64,
}

#[resource]
impl Tap {}

#[pipeline]
pub struct Burst {
    tap: Dep<Tap>,
}

#[pipeline]
impl Burst {
    async fn next(&mut self) -> Result<minions::pipeline::Next<Drip>> {
        use std::sync::atomic::Ordering::Relaxed;
        let left = self.tap.left.load(Relaxed);
        let Some(number) = left.checked_sub(1) else { return Ok(minions::pipeline::Next::Idle) };
        self.tap.left.store(number, Relaxed);
        Ok(minions::pipeline::Next::Event(Drip { number }))
    }
}

#[minion]
pub struct Sleeper {}

#[minion]
impl Sleeper {
    #[minion_step]
    async fn wait(&self, drop: &Drip, _: &mut u64, wf: &Workflow) {
        if drop.number % 2 == 0 {
            while !wf.stopping() {
                sleep(Duration::from_millis(50)).await;
            }
        } else {
            sleep(Duration::from_millis(1000)).await;
        }
    }

    #[minion_step]
    async fn wait_again(&self, drop: &Drip, _: &mut u64, wf: &Workflow) {
        self.wait(drop, &mut 0, wf).await;
        // Stopping or not, the last step is only for those that nobody stops.
        sleep(Duration::from_secs(3)).await;
    }

    #[minion_step]
    async fn never(&self, _: &Drip, _: &mut u64) -> Result<()> {
        std::future::pending().await
    }
}

/// Stops so many workflows in flight: once between their steps, once where they are.
pub async fn stop_in_flight(directory: &Path, workflows: u64) -> Outcome {
    let mut given = workflows;
    for mode in [StopMode::Park, StopMode::Park, StopMode::Now, StopMode::Drain] {
        let left = std::mem::take(&mut given);
        let builder = Gru::builder()
            .orchestrate::<Burst, Sleeper>()
            .resource(move || Tap { left: left.into() })
            .store(SqliteStore::at(directory.join("flight.db")))
            .max_in_flight(usize::try_from(workflows).map_err(wrong)?)
            // Whoever drains those that never end has to wait for it.
            .shutdown_deadline(Duration::from_secs(if mode == StopMode::Drain { 5 } else { 30 }));
        let store = builder.given_store().ok_or("a store was given")?;
        let at = Instant::now();
        let gru = builder.start().await.map_err(wrong)?;
        while gru.in_flight("burst/sleeper") != Some(usize::try_from(workflows).map_err(wrong)?) {
            if at.elapsed() > Duration::from_secs(60) {
                return Err(format!("{:?} of {workflows} are in flight", gru.in_flight("burst/sleeper")));
            }
            sleep(Duration::from_millis(1)).await;
        }
        let up = at.elapsed();
        let report = gru.control().stop("burst/sleeper", mode).await.map_err(wrong)?;
        let rows = store.scan(Filter::all(), usize::MAX).await.map_err(wrong)?;
        let events: BTreeSet<_> = rows
            .iter()
            .filter_map(|row| serde_json::from_slice::<Drip>(&row.event).ok())
            .map(|drop| drop.number)
            .collect();
        let running = rows.iter().filter(|row| row.status == Status::Running).count();
        println!(
            "{workflows} in flight after {up:?}; {mode:?} took {:?}: {} parked, {} interrupted, {:?}; {running} rows, {} events",
            report.took,
            report.parked,
            report.interrupted,
            report.durability,
            events.len()
        );
        if running as u64 != workflows || rows.len() != running || events.len() != rows.len() {
            return Err("not every workflow is stored exactly once".to_owned());
        }
        if mode == StopMode::Park && (report.interrupted > 0 || report.parked != workflows || !report.is_clean()) {
            return Err(format!("the report tells of a timeout that was none: {report:?}"));
        }
        gru.shutdown().await;
    }
    Ok(())
}
