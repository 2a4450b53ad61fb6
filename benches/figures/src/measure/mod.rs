//! One file for each kind of measurement. Each checks that what it measured has happened: a wrong run has no figures.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::sample::Sample;
use crate::system::cpu_seconds;

pub mod ceiling;
pub mod durable;
pub mod memory;
pub mod resume;
pub mod spawn;
pub mod start;
pub mod stored;
pub mod tracked;

mod running;

/// Where and for how long.
#[derive(Clone, Debug)]
pub struct Bench {
    /// On the disk that is measured.
    pub directory: PathBuf,
    /// Before anything is counted.
    pub warm_up: Duration,
    /// How long is counted.
    pub window: Duration,
    /// Whether figures matter less than time.
    pub quick: bool,
}

impl Bench {
    /// A directory for one run, which takes its files with it.
    fn scratch(&self) -> Result<tempfile::TempDir, String> {
        tempfile::tempdir_in(&self.directory).map_err(|error| format!("no directory for the state: {error}"))
    }

    /// `full`, or a tenth of it if figures matter less than time.
    fn many(&self, full: u64) -> u64 {
        if self.quick { full / 10 } else { full }
    }
}

/// A runtime of its own for each run, as `app!` makes it.
fn runtime() -> Result<tokio::runtime::Runtime, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| format!("no runtime: {error}"))
}

fn database(directory: &Path) -> PathBuf {
    directory.join("state.db")
}

fn wrong(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Waits until something is so.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) -> Result<(), String> {
    let patience = Duration::from_secs(120);
    let wait = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(patience, wait).await.map_err(|_| format!("after {patience:?} still not: {what}"))
}

/// What happened within the window of a run.
struct Window {
    through: u64,
    seconds: f64,
    cpu_seconds: f64,
}

impl Window {
    /// Counts with `through` for as long as the bench says, and on until anything has come through.
    async fn open(bench: &Bench, through: impl Fn() -> u64) -> Result<Self, String> {
        let (cpu, before, began) = (cpu_seconds()?, through(), Instant::now());
        tokio::time::sleep(bench.window).await;
        until("anything has come through", || through() > before).await?;
        let (after, seconds) = (through(), began.elapsed().as_secs_f64());
        Ok(Self { through: after - before, seconds, cpu_seconds: cpu_seconds()? - cpu })
    }

    /// How many a second, and what they cost.
    fn samples(&self, name: &str, unit: &str) -> Vec<Sample> {
        let through = self.through as f64;
        vec![
            Sample::new(name, unit, through / self.seconds),
            Sample::new(format!("{name}_cpu"), "cpu s/1e6", self.cpu_seconds * 1e6 / through),
        ]
    }
}
