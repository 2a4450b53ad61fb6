//! How fast a program gets through what an earlier run has left.

use std::time::Instant;

use minions::sqlite::Durability;

use crate::program::{Board, Single};
use crate::sample::{Measured, Sample};

use super::running::{Running, store};
use super::{Bench, database, runtime, until, wrong};

pub fn measure(bench: &Bench, name: &str) -> Measured {
    let (scratch, count) = (bench.scratch()?, bench.many(20_000));
    let path = database(scratch.path());
    let builder = || Single::builder().store(store(&path, Durability::Power));
    let capacity = usize::try_from(count).map_err(wrong)?;
    // Runtimes of their own, as if they were processes.
    runtime()?.block_on(async {
        let board = Board::holding(count);
        let running = Running::start(builder().max_in_flight(capacity), &board).await?;
        until("all are in their second step", || board.half() == count).await?;
        running.break_off().await
    })?;
    runtime()?.block_on(async {
        let board = Board::limited(0);
        let began = Instant::now();
        let running = Running::start(builder(), &board).await?;
        let started = began.elapsed().as_secs_f64();
        until("all are through", || board.through() == count).await?;
        let rate = count as f64 / began.elapsed().as_secs_f64();
        until("nothing is awake", || running.in_flight() == 0).await?;
        running.break_off().await?;
        Ok(vec![Sample::new(name, "workflows/s", rate), Sample::new(format!("{name}_start"), "ms", started * 1e3)])
    })
}
