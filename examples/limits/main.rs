//! What limits cost, and how fair they are.
//!
//! ```text
//! cargo run --release --example limits -- --keys 10000
//! ```
//!
//! - *fairness*: every key has its calls waiting at once, one of them a hundred times as many; when has the slowest key had all
//!   of its calls, and when the one in the middle?
//! - *memory*: how much a key takes, and whether idle keys are forgotten.
//! - *time*: what a permit costs; and, inside a step of a running program with its metrics, what a tracked and a limited
//!   method cost above a bare one.

#![allow(unreachable_pub, reason = "`pub` here means: for the other modules of this program")]
#![allow(missing_docs, reason = "a program has no users of its parts")]

mod calls;
mod keys;

use std::process::ExitCode;

use clap::Parser;
use minions::app::metrics::Recorder;

#[derive(Parser)]
struct Args {
    /// How many keys there are.
    #[arg(long, default_value_t = 10_000)]
    keys: u32,
    /// How many calls are measured.
    #[arg(long, default_value_t = 1_000_000)]
    calls: u32,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    // What the generated `main` installs: everything is counted.
    let _recorder = Recorder::install();
    // Memory first: what the others give back would be taken again without a trace.
    let sound = keys::memory(args.keys).await && keys::fairness(args.keys).await;
    keys::time(args.keys, args.calls).await;
    calls::measure(args.calls).await;
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
