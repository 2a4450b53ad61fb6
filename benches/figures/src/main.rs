//! What Minions costs, against what it could cost at best.
//!
//! ```text
//! cargo run --release -p minions-bench -- --rounds 5 --json figures.json
//! cargo run --release -p minions-bench -- --quick --only durable_vs_ceiling_1024,resume
//! cargo run --release -p minions-bench -- instructions
//! ```
//!
//! In each round everything is measured once, one after the other, so that a figure and its reference meet the same machine; the
//! ratio of two figures is the median of the ratios of all rounds. Metrics are recorded and logs are written as in a user's
//! program. The work is everywhere the same: an event, three trivial steps on a context of about 200 bytes, each with its durable
//! checkpoint. A few figures are about a process, and are taken in one of their own. `instructions` counts what hot paths take,
//! which needs no quiet machine.

#![allow(unreachable_pub, reason = "`pub` here means: for the other modules of this program")]
#![allow(missing_docs, reason = "a program has no users of its parts")]

mod ceiling;
mod clock;
mod figures;
mod instructions;
mod measure;
mod plan;
mod process;
mod program;
mod report;
mod rounds;
mod sample;
mod stats;
mod system;
mod telemetry;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use tempfile::TempDir;

use crate::measure::Bench;
use crate::plan::{measurements, select};
use crate::telemetry::Telemetry;

#[derive(Parser)]
#[command(about = "What Minions costs, against what it could cost at best.", args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    args: Args,
}

#[derive(clap::Args)]
struct Args {
    /// How often everything is measured.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Where the figures go as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Only these figures, and what they are compared to.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    only: Vec<String>,
    #[command(flatten)]
    place: Place,
}

#[derive(clap::Args)]
struct Place {
    /// A tenth of the time and of the sizes, to see that everything works; the figures mean little.
    #[arg(long)]
    quick: bool,
    /// Where the states lie that are measured: on the disk that matters. The system's directory for temporary files by default.
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Takes one measurement once and writes it as JSON.
    Measure {
        name: String,
        /// Without metrics and logs.
        #[arg(long)]
        silent: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Counts the instructions of hot paths, and fails where they have become more.
    Instructions {
        /// Records what is counted as the baseline.
        #[arg(long)]
        bless: bool,
        #[arg(long, value_name = "FILE", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.json"))]
        baseline: PathBuf,
        /// Where callgrind's own files go, for its viewers.
        #[arg(long, value_name = "DIR")]
        profile: Option<PathBuf>,
    },
    #[command(hide = true)]
    Scenario { name: String, times: u64 },
}

fn main() -> ExitCode {
    // The time since the process began is measured from here.
    clock::now_ns();
    let cli = Cli::parse();
    let outcome = match &cli.command {
        None => all(&cli.args),
        Some(Command::Measure { name, silent, place }) => one(place, name, *silent),
        Some(Command::Instructions { bless, baseline, profile }) => {
            instructions::check(baseline, *bless, profile.as_deref())
        }
        Some(Command::Scenario { name, times }) => instructions::serve(name, *times),
    };
    outcome.map_or_else(
        |wrong| {
            eprintln!("minions-bench: {wrong}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

fn bench(place: &Place, directory: PathBuf) -> Bench {
    let times = if place.quick { (100, 200) } else { (500, 1500) };
    let (warm_up, window) = (Duration::from_millis(times.0), Duration::from_millis(times.1));
    Bench { directory, warm_up, window, quick: place.quick }
}

/// A directory that takes with it what was measured in it.
fn scratch(place: &Place) -> Result<TempDir, String> {
    let parent = place.directory.clone().unwrap_or_else(std::env::temp_dir);
    let scratch = tempfile::Builder::new().prefix("minions-bench-").tempdir_in(&parent);
    scratch.map_err(|error| format!("no directory in `{}`: {error}", parent.display()))
}

fn all(args: &Args) -> Result<(), String> {
    let measurements = select(measurements(), &args.only)?;
    let scratch = scratch(&args.place)?;
    let bench = bench(&args.place, scratch.path().to_owned());
    let page = system::page_write(&bench.directory)?;
    eprintln!("{}; a page is on the disk after {:.3} ms", system::machine(), page.as_secs_f64() * 1e3);
    if page < Duration::from_micros(20) {
        eprintln!("`{}` is no disk that keeps anything: see --directory", scratch.path().display());
    }
    let telemetry = Telemetry::install(&bench.directory)?;
    let figures = rounds::run(&bench, &measurements, args.rounds.into())?;
    telemetry.end(measurements.iter().any(|measurement| measurement.name.starts_with("durable")))?;
    let figures = figures.summarize();
    eprintln!("{}", report::to_table(&figures));
    if let Some(path) = &args.json {
        let text = report::to_json(&figures)?;
        std::fs::write(path, text).map_err(|error| format!("`{}` cannot be written: {error}", path.display()))?;
    }
    Ok(())
}

fn one(place: &Place, name: &str, silent: bool) -> Result<(), String> {
    let measurement = measurements().into_iter().find(|measurement| measurement.name == name);
    let measurement = measurement.ok_or_else(|| format!("no measurement is called `{name}`"))?;
    let scratch = scratch(place)?;
    let bench = bench(place, scratch.path().to_owned());
    let telemetry = if silent { None } else { Some(Telemetry::install(&bench.directory)?) };
    process::serve(&bench, &measurement)?;
    telemetry.map_or(Ok(()), |telemetry| telemetry.end(name.starts_with("durable")))
}
