//! A source that never stops, and steps that never end.
//!
//! ```text
//! cargo run --release --example flood -- --seconds 60
//! cargo run --release --example flood -- --neighbours --rounds 5
//! cargo run --release --example flood -- --lane 100000
//! ```
//!
//! The first one runs a program of its own with default settings and a hard limit of memory, as a control group where the
//! system lets one be made, as `ulimit -d` elsewhere. Its memory must not grow after the first tenth of the time, `ps` must
//! say why no event is taken, and `stop` must answer within a second.
//!
//! The second one runs two pipelines side by side, one of which needs a resource with a circuit, and compares in turns what
//! the other one gets done while that circuit is closed and while it is open. The gate must be closed by the circuit, only
//! of the pipeline that needs it, and open again once the resource works; what the other one gets done is told.
//!
//! The third one lets very many workflows wait in one lane, tells what one of them takes and how long an operator waits for an
//! answer about them, and then lets them have their turns, which must come in order.
//!
//! It ends with 0, or says what did not hold.

#![allow(unreachable_pub, reason = "`pub` here means: for the other modules of this program")]
#![allow(missing_docs, missing_debug_implementations, reason = "a program has no users of its parts")]

mod lane;
mod limit;
mod neighbours;
mod program;
mod watch;

use std::process::ExitCode;

use clap::Parser;

/// Makes the process the program that is flooded, instead of the one that watches it.
pub const ROLE: &str = "FLOOD_PROGRAM";

#[derive(Parser)]
pub struct Args {
    /// For how long the flood lasts.
    #[arg(long, default_value_t = 60)]
    pub seconds: u64,
    /// How much memory there is, in MiB.
    #[arg(long, default_value_t = 512)]
    pub limit: u64,
    /// How large the payload of each event is, in bytes.
    #[arg(long, default_value_t = 1024)]
    pub payload: usize,
    /// Compares two pipelines instead.
    #[arg(long)]
    pub neighbours: bool,
    /// Lets so many workflows wait in one lane instead.
    #[arg(long, value_name = "WORKFLOWS", conflicts_with = "neighbours")]
    pub lane: Option<u64>,
    /// How often each side has its turn then.
    #[arg(long, default_value_t = 5)]
    pub rounds: u32,
}

fn main() -> ExitCode {
    match std::env::var(ROLE).as_deref() {
        Ok(lane::ROLE) => return lane::Queue::main(),
        Ok(_) => return program::Flood::main(),
        Err(_) => {}
    }
    let args = Args::parse();
    let outcome = match args.lane {
        Some(waiting) => lane::queue(waiting, args.limit),
        None if args.neighbours => neighbours::compare(args.rounds),
        None => watch::flood(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(wrong) => {
            eprintln!("{wrong}");
            ExitCode::FAILURE
        }
    }
}
