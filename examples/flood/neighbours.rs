//! Two pipelines side by side: one behind a resource that does not work, and what the other one gets done meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use minions::gru::{Control, StopMode};
use minions::prelude::*;
use minions::sqlite::SqliteStore;
use tokio::time::{Instant, sleep};

/// How long each side has its turn.
const TURN: Duration = Duration::from_secs(2);

/// By how much the medians may differ: what a busy machine does to two equal runs.
const NOISE: f64 = 0.1;

const BROKEN: &str = "held/caller";

#[derive(Serialize, Deserialize)]
struct Job {
    number: u64,
}

/// What has been done so far.
static DONE: AtomicU64 = AtomicU64::new(0);

/// Says that it does not work.
#[resource]
struct Line {}

#[resource]
impl Line {
    async fn health(&self) -> Health {
        Health::Unhealthy("nobody answers".to_owned())
    }

    pub async fn call(&self) -> Result<()> {
        Err("nobody answers".into())
    }
}

macro_rules! sources {
    ($($name:ident),*) => {
        $(#[pipeline]
        struct $name {
            #[default]
            number: u64,
        }

        #[pipeline]
        impl $name {
            async fn next(&mut self) -> Result<Next<Job>> {
                self.number += 1;
                Ok(Next::Event(Job { number: self.number }))
            }
        })*
    };
}
sources!(Held, Free);

#[minion]
struct Caller {
    line: Dep<Line>,
}

#[minion]
impl Caller {
    #[minion_step]
    async fn call(&self, _job: &Job, _seen: &mut ()) -> Result<()> {
        self.line.call().await
    }
}

#[minion]
struct Worker {}

#[minion]
impl Worker {
    #[minion_step]
    async fn first(&self, job: &Job, seen: &mut u64) {
        *seen = job.number;
    }

    #[minion_step]
    async fn second(&self, job: &Job, seen: &mut u64) {
        debug_assert_eq!(*seen, job.number);
        DONE.fetch_add(1, Ordering::Relaxed);
    }
}

minions::app! {
    #[no_main]
    struct Neighbours;
    Held => Caller { start = false },
    Free => Worker,
}

pub fn compare(rounds: u32) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(run(rounds))
}

async fn run(rounds: u32) -> Result<(), String> {
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let store = SqliteStore::at(directory.path().join("state.db"));
    let gru = Neighbours::builder().store(store).start().await.map_err(|error| error.to_string())?;
    let control = Arc::new(gru.control());
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    sleep(TURN).await;
    for round in 1..=rounds {
        alone.push(rate().await);
        control.start(BROKEN).await.map_err(|error| error.to_string())?;
        held(&control).await?;
        beside.push(rate().await);
        control.stop(BROKEN, StopMode::Now).await.map_err(|error| error.to_string())?;
        let (alone, beside) = (alone.last().unwrap_or(&0.0), beside.last().unwrap_or(&0.0));
        println!("round {round}: {alone:.0}/s alone, {beside:.0}/s beside a pipeline that is held back");
    }
    gru.shutdown_with(StopMode::Now).await;
    let (alone, beside) = (median(&mut alone), median(&mut beside));
    println!("medians {alone:.0}/s and {beside:.0}/s, ratio {:.3}", beside / alone);
    if beside < alone * (1.0 - NOISE) {
        return Err(format!("the neighbour gets only {beside:.0} of {alone:.0} workflows a second done"));
    }
    Ok(())
}

/// Waits until the gate is closed, and only that one.
async fn held(control: &Control) -> Result<(), String> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let seen = control.snapshot();
        let of = |id: &str| seen.pipelines.iter().find(|pipeline| pipeline.id == id);
        if of("held").is_some_and(|held| held.waits_for.iter().any(|wait| wait.reason.as_str() == "unhealthy")) {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(format!("the pipeline behind the broken resource is not held back: {:?}", seen.pipelines));
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// Workflows done in a second.
async fn rate() -> f64 {
    let (began, before) = (Instant::now(), DONE.load(Ordering::Relaxed));
    sleep(TURN).await;
    (DONE.load(Ordering::Relaxed) - before) as f64 / began.elapsed().as_secs_f64()
}

fn median(of: &mut [f64]) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap_or_default()
}
