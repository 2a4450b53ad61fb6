//! How many instructions hot paths take, counted by callgrind, against a recorded baseline.
//!
//! A clock on a busy machine sees no regression of three percent; a count does. Each path is run a few and many times by
//! processes of their own, and the difference is divided: what starting and stopping takes does not count. Everything runs on
//! one thread where it can, so that counts repeat within a few tenths of a percent.

mod baseline;
mod scenarios;
mod valgrind;

pub use scenarios::serve;

use std::path::Path;

use baseline::{Baseline, Verdict};
use scenarios::SCENARIOS;

/// Counts and compares; with `bless` the counts become the baseline.
///
/// # Errors
///
/// A path that takes more than it may, with both numbers, or that cannot be counted.
pub fn check(path: &Path, bless: bool, profile: Option<&Path>) -> Result<(), String> {
    let mut counted = Baseline::new();
    for scenario in SCENARIOS {
        let instructions = valgrind::count(scenario, profile)?;
        eprintln!("{:<24} {instructions:>10} instructions a {}", scenario.name, scenario.each);
        counted.record(scenario.name, instructions);
    }
    if bless {
        return counted.write(path);
    }
    let verdicts = Baseline::read(path)?.compare(&counted)?;
    let told: Vec<_> = verdicts.iter().filter(|verdict| **verdict != Verdict::Same).map(ToString::to_string).collect();
    let failed = verdicts.iter().any(Verdict::is_failure);
    let told = told.join("\n");
    if failed {
        return Err(format!("{told}\n{HOW_TO_BLESS}"));
    }
    if !told.is_empty() {
        eprintln!("{told}\n{HOW_TO_BLESS}");
    }
    Ok(())
}

const HOW_TO_BLESS: &str = "to record what it takes now: cargo run --release -p minions-bench -- instructions --bless";
