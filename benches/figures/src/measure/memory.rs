//! What a workflow occupies, by the resident memory of a process of its own: with what the allocator adds and keeps.
//!
//! The growth from few to many, so that what the program itself needs does not count. What is the user's own does not
//! either: the event and the context.

use minions::GruBuilder;
use minions::sqlite::Durability;

use crate::program::{Board, Page, ShortVisit, Single};
use crate::sample::{Measured, Sample};
use crate::system::resident_bytes;

use super::running::{Running, store};
use super::{Bench, database, runtime, until};

const FEW: u64 = 5_000;

/// In their second step, after a checkpoint.
pub fn in_flight(bench: &Bench, name: &str, durability: Option<Durability>) -> Measured {
    let (scratch, many) = (bench.scratch()?, FEW + bench.many(100_000));
    let mut builder = Single::builder();
    if let Some(durability) = durability {
        builder = builder.store(store(&database(scratch.path()), durability));
    }
    let capacity = usize::try_from(many).map_err(super::wrong)?;
    let board = Board::holding(FEW);
    let grown = runtime()?.block_on(grown(builder.max_in_flight(capacity), &board, many, Board::half, Held::Awake))?;
    let own = size_of::<Page>() + ShortVisit::default().own_bytes();
    Ok(vec![Sample::new(name, "bytes", grown - own as f64), Sample::new(format!("{name}_own"), "bytes", own as f64)])
}

/// Asleep after their first step.
pub fn sleeping(bench: &Bench, name: &str) -> Measured {
    let (scratch, many) = (bench.scratch()?, FEW + bench.many(250_000));
    let builder = Single::builder().store(store(&database(scratch.path()), Durability::Process));
    let board = Board::sleeping(FEW);
    let grown = runtime()?.block_on(grown(builder, &board, many, Board::begun, Held::Asleep))?;
    Ok(vec![Sample::new(name, "bytes", grown)])
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    Awake,
    Asleep,
}

/// By how many bytes the process grows for each workflow between [`FEW`] and `many`.
async fn grown(
    builder: GruBuilder,
    board: &Board,
    many: u64,
    there: fn(&Board) -> u64,
    held: Held,
) -> Result<f64, String> {
    let running = Running::start(builder, board).await?;
    let mut before = 0;
    for count in [FEW, many] {
        board.raise(count);
        let awake = if held == Held::Awake { count } else { 0 };
        until("all are there", || there(board) == count && running.in_flight() as u64 == awake).await?;
        if count == FEW {
            before = resident_bytes()?;
        }
    }
    let after = resident_bytes()?;
    running.break_off().await?;
    Ok((after as f64 - before as f64) / (many - FEW) as f64)
}
