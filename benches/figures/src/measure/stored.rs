//! What stored workflows that rest cost those that run.

use std::path::PathBuf;

use minions::sqlite::Durability;

use crate::ceiling::rows;
use crate::clock::Waits;
use crate::program::{Board, Single};
use crate::sample::Measured;

use super::running::{Running, store};
use super::{Bench, durable, runtime, until};

/// The rate of a program whose store holds so many sleeping workflows of the same orchestration.
pub fn measure(bench: &Bench, name: &str, count: u64) -> Measured {
    let count = bench.many(count);
    let path = filled(bench, count)?;
    let board = Board::new(Waits::for_in_flight(1024));
    let builder = Single::builder().store(store(&path, Durability::Power));
    let samples = runtime()?.block_on(durable::run(bench, name, builder, &board, 1))?;
    match rows(&path)? {
        rows if rows == count => Ok(samples),
        rows => Err(format!("{rows} workflows are stored, not {count}")),
    }
}

/// The store with so many; made the first time, and the same for all rounds.
fn filled(bench: &Bench, count: u64) -> Result<PathBuf, String> {
    let directory = bench.directory.join(format!("sleeping-{count}"));
    let path = super::database(&directory);
    if !path.exists() {
        runtime()?.block_on(async {
            let board = Board::sleeping(count);
            let builder = Single::builder().store(store(&path, Durability::Process));
            let running = Running::start(builder, &board).await?;
            until("all sleep", || board.begun() == count && running.in_flight() == 0).await?;
            running.break_off().await
        })?;
    }
    Ok(path)
}
