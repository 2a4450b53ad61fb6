//! Starts, stops and breaks things at random for as long as you like, and sees that nothing is left behind.
//!
//! ```text
//! cargo run --release --example soak -- --minutes 30
//! cargo run --release --example soak -- --rounds 20 --seed 7
//! cargo run --release --example soak -- --cycles 1000 --orchestrations 200   # exact counts, memory that stays
//! cargo run --release --example soak -- --scale                              # one start and stop beside many others
//! cargo run --release --example soak -- --stop-in-flight 20000
//! ```
//!
//! One process, twenty [resources](parts) in layers, five sources of every temper, four minions, a SQLite store in a
//! temporary directory. A [driver](driver) gives orders through `Control` at random: starts, stops of every mode, starts
//! that nobody waits for any more, pauses, and now and then the end of the whole program and its next start on the same
//! store; and it makes [trouble](chaos): hooks that fail, panic, hang or block their thread. After each round everything
//! comes to rest, and then
//!
//! - the snapshot says exactly what follows from what runs: who is up, who feeds whom, who is [used by](plan) whom;
//! - exactly the values of those components exist;
//! - as many tasks run as ever when the same was running;
//! - every event ran or is stored, for everyone who was there for it, once, its steps in order; and a step that had ended
//!   ran again only if it was interrupted ([ledger](ledger));
//! - while the program is down: no task, thread or value more than after the first time, at most two more descriptors, and
//!   memory that does not grow.
//!
//! It ends with 1 and tells the seed if anything of that is not so. Ctrl-C ends it early, with its summary.

#![allow(unreachable_pub, reason = "`pub` here means: for the other modules of this program")]
#![allow(missing_docs, reason = "a program has no users of its parts")]

mod chaos;
mod dice;
mod driver;
mod ledger;
mod measure;
mod order;
mod parts;
mod plan;
mod vitals;

use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;

use driver::Driver;
use vitals::{Vitals, median};

#[derive(Parser)]
struct Args {
    /// For how long.
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// For how many rounds at most.
    #[arg(long)]
    rounds: Option<u64>,
    /// The same seed throws the same dice; a new one unless it is given.
    #[arg(long)]
    seed: Option<u64>,
    /// How many threads the runtime has.
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// Instead: so many cycles of start, work and stop, with exact counts and the memory of each hundred.
    #[arg(long)]
    cycles: Option<u64>,
    /// How many orchestrations each cycle has.
    #[arg(long, default_value_t = 200)]
    orchestrations: usize,
    /// Instead: what a start and a stop cost beside 10, 100 and 1000 others.
    #[arg(long)]
    scale: bool,
    /// Instead: stops so many workflows in flight.
    #[arg(long)]
    stop_in_flight: Option<u64>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    be_quiet_about_planned_panics();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(args.workers.max(1)).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(soak(&args))
}

async fn soak(args: &Args) -> ExitCode {
    let seed = args.seed.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |now| now.as_secs()));
    println!("seed {seed}");
    let directory = match tempfile::tempdir() {
        Ok(directory) => directory,
        Err(error) => {
            eprintln!("no directory for the state: {error}");
            return ExitCode::FAILURE;
        }
    };
    let measured = match (args.cycles, args.stop_in_flight) {
        (Some(cycles), _) => Some(measure::cycles(directory.path(), cycles, args.orchestrations).await),
        (None, Some(workflows)) => Some(measure::stop_in_flight(directory.path(), workflows).await),
        (None, None) if args.scale => Some(measure::scale(directory.path(), 101).await),
        (None, None) => None,
    };
    if let Some(outcome) = measured {
        return match outcome {
            Ok(()) => ExitCode::SUCCESS,
            Err(wrong) => {
                println!("VIOLATION: {wrong}");
                ExitCode::FAILURE
            }
        };
    }
    let mut interrupted = tokio::spawn(tokio::signal::ctrl_c());
    let mut driver = match Driver::new(seed, directory.path()) {
        Ok(driver) => driver,
        Err(wrong) => {
            eprintln!("{wrong}");
            return ExitCode::FAILURE;
        }
    };
    let (began, end) = (Instant::now(), Duration::from_secs_f64(args.minutes.max(0.0) * 60.0));
    let mut told = began;
    let outcome = loop {
        if let Err(wrong) = driver.round().await {
            break Err(wrong);
        }
        if told.elapsed() > Duration::from_secs(60) {
            told = Instant::now();
            println!("{}", line(&driver, began));
        }
        let enough = args.rounds.is_some_and(|rounds| driver.figures.rounds >= rounds);
        if enough || (args.rounds.is_none() && began.elapsed() > end) || interrupted.is_finished() {
            break driver.end().await;
        }
    };
    interrupted.abort();
    let _ = (&mut interrupted).await;
    println!("{}", line(&driver, began));
    match outcome.and_then(|()| flat(&driver.memory)) {
        Ok(memory) => {
            println!("nothing left behind; {memory}");
            ExitCode::SUCCESS
        }
        Err(wrong) => {
            let kept = directory.keep();
            println!(
                "VIOLATION in round {}, seed {seed}, state kept in {}:\n{wrong}",
                driver.figures.rounds,
                kept.display()
            );
            driver.diary.iter().for_each(|line| println!("  {line}"));
            ExitCode::FAILURE
        }
    }
}

fn line(driver: &Driver, began: Instant) -> String {
    let (figures, now) = (&driver.figures, Vitals::now());
    let (ended, repeated) = driver.workflows();
    format!(
        "{:>5.0} s: {} rounds, {} starts of all, {} orders, {} troubles, {} lost, {ended} workflows, {repeated} steps repeated; \
         {} tasks, {} descriptors, {} threads, {} KiB",
        began.elapsed().as_secs_f64(),
        figures.rounds,
        figures.restarts,
        figures.orders,
        figures.troubles,
        figures.lost,
        now.tasks,
        now.descriptors,
        now.threads,
        now.memory
    )
}

/// Whether memory has stopped growing: the middle of the last third of the samples against that of the third before.
///
/// Each sample is taken while the program is down, so all that is left is what was left behind, what the allocator keeps,
/// and the ledger. The first third is for warming up: the allocator has a heap for each of the threads that hooks run on.
/// A twentieth and 4 MiB is what its fragmentation comes to; one task of 1 KiB left behind in each round would be more
/// after an hour.
fn flat(samples: &[u64]) -> Result<String, String> {
    let third = samples.len() / 3;
    if third < 8 {
        return Ok(format!("too few starts of all to judge the memory by ({})", samples.len()));
    }
    let (middle, last) = (median(&samples[third..third * 2]), median(&samples[third * 2..]));
    let told =
        format!("memory {middle} KiB in the middle of the run, {last} KiB at its end, {} samples", samples.len());
    if last > middle + middle / 20 + 4096 { Err(format!("it grows: {told}")) } else { Ok(told) }
}

/// Panics are part of the plan here; those that are not are told as ever.
fn be_quiet_about_planned_panics() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !panic.payload_as_str().is_some_and(|message| message.starts_with("planned:")) {
            tell(panic);
        }
    }));
}
