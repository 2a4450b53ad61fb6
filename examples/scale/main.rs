//! What very many stored workflows cost: those that sleep, and those that are unfinished when the program starts.
//!
//! ```text
//! cargo run --release --example scale -- --sleeping 1000000
//! cargo run --release --example scale -- --unfinished 100000
//! ```
//!
//! Each measurement is taken by processes of their own, which this one starts:
//!
//! - `--sleeping`: the first process puts so many workflows to sleep, durably, and tells how its memory has grown; the second
//!   one starts on that state and tells when the first of them wakes up.
//! - `--unfinished`: the first process dies with so many workflows in the middle of a step; the second one tells how long its
//!   start takes, how fast it gets through them, and how long new events have to wait meanwhile.

#![allow(unreachable_pub, reason = "`pub` here means: for the other modules of this program")]
#![allow(missing_docs, reason = "a program has no users of its parts")]

mod parts;
mod phases;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use clap::{Parser, ValueEnum};

#[derive(Parser)]
struct Args {
    /// How many workflows sleep.
    #[arg(long)]
    sleeping: Option<u64>,
    /// How many workflows are unfinished.
    #[arg(long)]
    unfinished: Option<u64>,
    #[arg(long, hide = true)]
    phase: Option<Phase>,
    #[arg(long, hide = true, default_value = ".")]
    directory: PathBuf,
    #[arg(long, hide = true, default_value_t = 0)]
    count: u64,
}

/// What a process is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Phase {
    FallAsleep,
    WakeUp,
    Die,
    Resume,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let outcome = match args.phase {
        Some(phase) => phases::run(phase, &args.directory, args.count),
        None => measure(&args),
    };
    outcome.map_or_else(
        |wrong| {
            eprintln!("{wrong}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

fn measure(args: &Args) -> Result<(), String> {
    let directory = tempfile::tempdir().map_err(|error| format!("no directory for the state: {error}"))?;
    if let Some(count) = args.sleeping {
        let directory = directory.path().join("sleeping");
        process(Phase::FallAsleep, &directory, count)?;
        size(&directory);
        // By then the one that sleeps for a short time is due.
        std::thread::sleep(parts::SHORT);
        process(Phase::WakeUp, &directory, count)?;
    }
    if let Some(count) = args.unfinished {
        let directory = directory.path().join("unfinished");
        // It dies as it should.
        let died = process(Phase::Die, &directory, count);
        if died.is_ok() {
            return Err("the process has not died".to_owned());
        }
        size(&directory);
        process(Phase::Resume, &directory, count)?;
    }
    if args.sleeping.or(args.unfinished).is_none() {
        return Err("say `--sleeping N` or `--unfinished N`".to_owned());
    }
    Ok(())
}

fn process(phase: Phase, directory: &Path, count: u64) -> Result<(), String> {
    let name = phase.to_possible_value().expect("no phase is skipped");
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command.args(["--phase", name.get_name(), "--count", &count.to_string()]).arg("--directory").arg(directory);
    let status = command.status().map_err(|error| error.to_string())?;
    if status.success() { Ok(()) } else { Err(format!("the process to {} has ended with {status}", name.get_name())) }
}

fn size(directory: &Path) {
    let size = |suffix: &str| {
        let file = directory.join(format!("state.db{suffix}"));
        file.metadata().map_or(0.0, |file| file.len() as f64 / f64::from(1 << 20))
    };
    println!("the file has {:.1} MiB, and its log {:.1} MiB", size(""), size("-wal"));
}

/// A time for people.
fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}
