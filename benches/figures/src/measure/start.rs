//! A cold start: from the beginning of `main` to the first step of the first event, on a new store.

use minions::sqlite::Durability;

use crate::program::{Board, Single};
use crate::sample::{Measured, Sample};

use super::running::{Running, store};
use super::{Bench, database, runtime, until};

pub fn measure(bench: &Bench, name: &str) -> Measured {
    let scratch = bench.scratch()?;
    let builder = Single::builder().store(store(&database(scratch.path()), Durability::Power));
    let board = Board::limited(1);
    runtime()?.block_on(async {
        let running = Running::start(builder, &board).await?;
        until("the event is through", || board.through() == 1).await?;
        running.end(1).await
    })?;
    Ok(vec![Sample::new(name, "ms", board.first_ns() as f64 / 1e6)])
}
