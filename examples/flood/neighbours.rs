//! Two pipelines side by side: one whose minion needs what is behind an open circuit, and what the other one gets done
//! meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use minions::gru::{Control, PipelineStatus, StopMode};
use minions::prelude::*;
use minions::reason::Reason;
use minions::sqlite::SqliteStore;
use tokio::time::{Instant, sleep};

/// How long each side has its turn; shorter than the circuit stays open.
const TURN: Duration = Duration::from_secs(2);

/// How long anything else may take.
const PATIENCE: Duration = Duration::from_secs(30);

const LIMIT: &str = "line.call";

#[derive(Serialize, Deserialize)]
struct Job {
    number: u64,
}

/// What has been done so far.
static DONE: AtomicU64 = AtomicU64::new(0);

/// Whether somebody answers the line.
static ANSWERS: AtomicBool = AtomicBool::new(true);

/// Works, or does not.
#[resource]
struct Line {}

#[resource]
impl Line {
    #[limit(circuit(failures = 3, open = "5s", probes = 2))]
    pub async fn call(&self) -> Result<()> {
        if ANSWERS.load(Ordering::Relaxed) { Ok(()) } else { Err("nobody answers".into()) }
    }
}

/// Has little to do, so that it takes nothing from its neighbour while it works either.
#[pipeline]
struct Held {
    #[default]
    number: u64,
}

#[pipeline]
impl Held {
    async fn next(&mut self) -> Result<Next<Job>> {
        sleep(Duration::from_millis(20)).await;
        self.number += 1;
        Ok(Next::Event(Job { number: self.number }))
    }
}

/// Is always ready.
#[pipeline]
struct Free {
    #[default]
    number: u64,
}

#[pipeline]
impl Free {
    async fn next(&mut self) -> Result<Next<Job>> {
        self.number += 1;
        Ok(Next::Event(Job { number: self.number }))
    }
}

#[minion]
struct Caller {
    line: Dep<Line>,
}

#[minion]
impl Caller {
    #[minion_step(retry(attempts = 1_000, backoff = "10ms..1s"))]
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
    Held => Caller,
    Free => Worker,
}

pub fn compare(rounds: u32) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(run(rounds.max(1)))
}

async fn run(rounds: u32) -> Result<(), String> {
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let store = SqliteStore::at(directory.path().join("state.db"));
    let gru = Neighbours::builder().store(store).start().await.map_err(|error| error.to_string())?;
    let control = Arc::new(gru.control());
    let (mut closed, mut open) = (Vec::new(), Vec::new());
    sleep(TURN).await;
    for round in 1..=rounds {
        let before = held(&control)?.produced;
        closed.push(rate().await);
        let after = held(&control)?;
        if after.produced == before || !after.waits_for.is_empty() {
            return Err(format!("with a closed circuit the pipeline behind it does not produce: {after:?}"));
        }
        ANSWERS.store(false, Ordering::Relaxed);
        let before = until(&control, "held back by its circuit", is_held_by_the_circuit).await?;
        open.push(rate().await);
        let after = held(&control)?;
        // One event may have been in hand when the gate closed.
        if !is_held_by_the_circuit(&after) || after.produced > before.produced + 1 {
            return Err(format!("with an open circuit the pipeline behind it is not held back: {after:?}"));
        }
        ANSWERS.store(true, Ordering::Relaxed);
        until(&control, "let go", |held| held.waits_for.is_empty() && held.produced > after.produced + 10).await?;
        let (closed, open) = (closed[closed.len() - 1], open[open.len() - 1]);
        println!("round {round}: {closed:.0}/s beside a closed circuit, {open:.0}/s beside an open one");
    }
    control.pause("held").map_err(|error| error.to_string())?;
    until(&control, "done with its work", |_| ended(&control)).await?;
    gru.shutdown_with(StopMode::Now).await;
    let (closed, open) = (median(&mut closed), median(&mut open));
    println!("medians {closed:.0}/s and {open:.0}/s, ratio {:.3}", open / closed);
    Ok(())
}

/// Whether its gate is closed because of the circuit, and because of nothing else.
fn is_held_by_the_circuit(held: &PipelineStatus) -> bool {
    matches!(&held.waits_for[..], [wait] if matches!(&wait.reason, Reason::Circuit { limit, .. } if &**limit == LIMIT))
}

/// Whether everything that the pipeline behind the circuit has produced has succeeded.
fn ended(control: &Control) -> bool {
    let seen = control.snapshot();
    let produced = seen.pipelines.iter().find(|pipeline| pipeline.id == "held").map(|held| held.produced);
    let succeeded = seen.orchestrations.iter().find(|it| it.id == "held/caller").map(|it| it.ledger.succeeded);
    produced == succeeded
}

/// Waits until the pipeline behind the circuit is as it should be; answers how it is then.
async fn until(
    control: &Control,
    what: &str,
    holds: impl Fn(&PipelineStatus) -> bool,
) -> Result<PipelineStatus, String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen = held(control)?;
        if holds(&seen) {
            return Ok(seen);
        }
        if Instant::now() > deadline {
            return Err(format!("the pipeline behind the circuit is not {what} after {PATIENCE:?}: {seen:?}"));
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// The pipeline behind the circuit; an error if the circuit is in the way of its neighbour.
fn held(control: &Control) -> Result<PipelineStatus, String> {
    let pipelines = control.snapshot().pipelines;
    let is_circuit = |free: &PipelineStatus| free.waits_for.iter().any(|wait| wait.reason.as_str() == "circuit");
    if let Some(free) = pipelines.iter().find(|pipeline| pipeline.id == "free" && is_circuit(pipeline)) {
        return Err(format!("the neighbour waits for a circuit that it does not need: {free:?}"));
    }
    pipelines.into_iter().find(|pipeline| pipeline.id == "held").ok_or_else(|| "the pipeline has gone".to_owned())
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
