//! Workflows a second of a whole program, with a store and without one.

use minions::GruBuilder;
use minions::sqlite::Durability;

use crate::ceiling::rows;
use crate::clock::Waits;
use crate::program::Board;
use crate::sample::{Measured, waits};

use super::running::{Running, store};
use super::{Bench, Window, database, runtime};

/// What runs.
#[derive(Clone, Copy)]
pub struct Load {
    pub program: fn() -> GruBuilder,
    /// How many workflows may be awake at once, of all orchestrations together.
    pub in_flight: usize,
    /// How many orchestrations there are.
    pub orchestrations: usize,
    /// How many of them react to each event.
    pub fan_out: u64,
    /// What a checkpoint survives; nothing without a store.
    pub durability: Option<Durability>,
}

impl Load {
    /// One source and one minion, durable against a loss of power.
    pub const fn single(in_flight: usize) -> Self {
        let durability = Some(Durability::Power);
        Self { program: crate::program::Single::builder, in_flight, orchestrations: 1, fan_out: 1, durability }
    }
}

pub fn measure(bench: &Bench, name: &str, load: Load) -> Measured {
    let scratch = bench.scratch()?;
    let path = database(scratch.path());
    let mut builder = (load.program)().max_in_flight(load.in_flight.div_ceil(load.orchestrations));
    if let Some(durability) = load.durability {
        builder = builder.store(store(&path, durability));
    }
    let board = Board::new(Waits::for_in_flight(load.in_flight));
    let samples = runtime()?.block_on(run(bench, name, builder, &board, load.fan_out))?;
    if load.durability.is_some() {
        match rows(&path)? {
            0 => {}
            rows => return Err(format!("{rows} workflows are left in the store")),
        }
    }
    Ok(samples)
}

/// Lets the sources flow for a while and counts what comes through.
pub async fn run(bench: &Bench, name: &str, builder: GruBuilder, board: &Board, fan_out: u64) -> Measured {
    let running = Running::start(builder, board).await?;
    tokio::time::sleep(bench.warm_up).await;
    board.waits().set_wanted(true);
    let window = Window::open(bench, || board.through()).await?;
    board.waits().set_wanted(false);
    running.end(fan_out).await?;
    let mut samples = window.samples(name, "workflows/s");
    samples.extend(waits(name, board.waits().take())?);
    Ok(samples)
}
