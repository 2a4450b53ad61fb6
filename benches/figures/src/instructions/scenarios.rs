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
    run: fn(&Path, u64) -> Result<(), String>,
}

pub const SCENARIOS: &[Scenario] = &[
    // The whole life of a workflow of three steps: admission, four operations of a store, telemetry.
    workflows("workflow_no_store", |_, times| workflows_of(Single::builder(), times, 64)),
    workflows("workflow_memory", |_, times| workflows_of(Single::builder().store(MemoryStore::new()), times, 64)),
    // What is recorded is gathered in blocks, so it takes more of them until they are even.
    Scenario { times: [500, 2_500], ..workflows("workflow_telemetry", with_telemetry) },
    workflows("workflow_sqlite", |directory, times| {
        let store = SqliteStore::at(directory.join("state.db")).durability(Durability::Process);
        workflows_of(Single::builder().store(store), times, 1)
    }),
    Scenario { name: "tracked_call", each: "call", times: [1_000, 11_000], run: tracked_calls },
    Scenario { name: "load_and_encode", each: "workflow", times: [1_000, 6_000], run: loads },
];

const fn workflows(name: &'static str, run: fn(&Path, u64) -> Result<(), String>) -> Scenario {
    Scenario { name, each: "workflow", times: [100, 600], run }
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

/// One thread for everything, so that counts repeat.
fn runtime() -> Result<Runtime, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| format!("no runtime: {error}"))
}

fn workflows_of(builder: GruBuilder, times: u64, in_flight: usize) -> Result<(), String> {
    let board = Board::ending(times);
    let shared = board.clone();
    let builder = builder.max_in_flight(in_flight).resource(move || shared.clone());
    runtime()?.block_on(async {
        let gru = builder.start().await.map_err(|error| error.to_string())?;
        let finished = gru.finished().await;
        let report = gru.shutdown().await;
        if board.through() == times && report.is_clean() {
            Ok(())
        } else {
            Err(format!("{} of {times} workflows are through; {finished:?}, {report}", board.through()))
        }
    })
}

fn with_telemetry(directory: &Path, times: u64) -> Result<(), String> {
    install_outputs(directory)?;
    workflows_of(Single::builder().store(MemoryStore::new()), times, 64)
}

fn tracked_calls(directory: &Path, times: u64) -> Result<(), String> {
    install_outputs(directory)?;
    let desk = Desk::default();
    runtime()?.block_on(async {
        for number in 0..times {
            black_box(desk.ask(number).await);
        }
    });
    Ok(())
}

/// From bytes to a workflow and back.
fn loads(_: &Path, times: u64) -> Result<(), String> {
    let minion: Arc<dyn ErasedMinion> = Arc::new(worker(Board::limited(0)));
    let context = serde_json::to_vec(&ShortVisit::default()).map_err(|error| error.to_string())?;
    let mut out = Vec::new();
    for _ in 0..times {
        let wrong = |error: minions::Error| format!("{error:#}");
        let loaded = minion.clone().load(br#"{"number":1,"sampled":false}"#, &context).map_err(wrong)?;
        out.clear();
        loaded.encode_context(&mut out).map_err(wrong)?;
    }
    if out == context { Ok(()) } else { Err("the context has changed".to_owned()) }
}
