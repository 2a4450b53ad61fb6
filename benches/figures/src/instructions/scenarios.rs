//! The hot paths, each of which can be taken any number of times.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use minions::GruBuilder;
use minions::minion::ErasedMinion;
use minions::sqlite::{Durability, SqliteStore};
use minions::store::MemoryStore;
use tokio::runtime::Runtime;

use crate::program::{Board, Desk, ShortVisit, Single, worker};
use crate::telemetry::install_outputs;

/// One hot path.
pub struct Scenario {
    pub name: &'static str,
    /// What is counted.
    pub each: &'static str,
    /// How often it is taken by the two processes whose difference counts.
    pub times: [u64; 2],
    /// Whether threads beside the one that takes it belong to it.
    pub threads: bool,
    run: fn(&Path, u64) -> Result<(), String>,
}

pub const SCENARIOS: &[Scenario] = &[
    // The whole life of a workflow of three steps: admission, four operations of a store, telemetry.
    workflows("workflow_no_store", |_, times| workflows_of(Single::builder(), times, 64)),
    workflows("workflow_memory", |_, times| workflows_of(Single::builder().store(MemoryStore::new()), times, 64)),
    // What is recorded is gathered in blocks, so it takes more of them until they are even.
    Scenario { times: [500, 2_500], ..workflows("workflow_telemetry", with_telemetry) },
    Scenario { threads: true, ..workflows("workflow_sqlite", with_sqlite) },
    Scenario { each: "call", times: [1_000, 11_000], ..workflows("tracked_call", tracked_calls) },
    Scenario { times: [1_000, 6_000], ..workflows("load_and_encode", loads) },
];

const fn workflows(name: &'static str, run: fn(&Path, u64) -> Result<(), String>) -> Scenario {
    Scenario { name, each: "workflow", times: [100, 600], threads: false, run }
}

/// What the process does that is counted.
///
/// # Errors
///
/// When it cannot be done.
pub fn serve(name: &str, times: u64) -> Result<(), String> {
    let scenario = SCENARIOS.iter().find(|scenario| scenario.name == name);
    let scenario = scenario.ok_or_else(|| format!("no path is called `{name}`"))?;
    let directory = tempfile::tempdir().map_err(|error| format!("no directory for the state: {error}"))?;
    (scenario.run)(directory.path(), times)
}

/// Everything else is not counted: how long a clock takes to be calibrated at first, for example, is different every time.
#[inline(never)]
fn counted<T>(work: impl FnOnce() -> T) -> T {
    black_box(work())
}

/// What callgrind knows it by.
pub const COUNTED: &str = "*scenarios::counted*";

/// One thread for everything, so that counts repeat.
fn runtime() -> Result<Runtime, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| format!("no runtime: {error}"))
}

fn workflows_of(builder: GruBuilder, times: u64, in_flight: usize) -> Result<(), String> {
    let board = Board::ending(times);
    let shared = board.clone();
    let builder = builder.max_in_flight(in_flight).resource(move || shared.clone());
    let runtime = runtime()?;
    let run = async {
        let gru = builder.start().await.map_err(|error| error.to_string())?;
        let finished = gru.finished().await;
        let report = gru.shutdown().await;
        if board.through() == times && report.is_clean() {
            Ok(())
        } else {
            Err(format!("{} of {times} workflows are through; {finished:?}, {report}", board.through()))
        }
    };
    counted(|| runtime.block_on(run))
}

fn with_sqlite(directory: &Path, times: u64) -> Result<(), String> {
    let store = SqliteStore::at(directory.join("state.db")).durability(Durability::Process);
    workflows_of(Single::builder().store(store), times, 1)
}

fn with_telemetry(directory: &Path, times: u64) -> Result<(), String> {
    install_outputs(directory)?;
    calibrate();
    workflows_of(Single::builder().store(MemoryStore::new()), times, 64)
}

/// The recorder's clock is calibrated by the first sample.
fn calibrate() {
    metrics::histogram!("minions_bench_calibration").record(0.0);
}

fn tracked_calls(directory: &Path, times: u64) -> Result<(), String> {
    install_outputs(directory)?;
    calibrate();
    let (runtime, desk) = (runtime()?, Desk::default());
    let calls = async {
        for number in 0..times {
            black_box(desk.ask(number).await);
        }
    };
    counted(|| runtime.block_on(calls));
    Ok(())
}

/// From bytes to a workflow and back.
fn loads(_: &Path, times: u64) -> Result<(), String> {
    let minion: Arc<dyn ErasedMinion> = Arc::new(worker(Board::limited(0)));
    let context = serde_json::to_vec(&ShortVisit::default()).map_err(|error| error.to_string())?;
    let mut out = Vec::new();
    let load = |out: &mut Vec<u8>| {
        let loaded = minion.clone().load(br#"{"number":1,"sampled":false}"#, &context)?;
        out.clear();
        loaded.encode_context(out)
    };
    let loads = || (0..times).try_for_each(|_| load(&mut out));
    counted(loads).map_err(|error| format!("{error:#}"))?;
    if out == context { Ok(()) } else { Err("the context has changed".to_owned()) }
}
