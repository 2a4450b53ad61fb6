//! What it costs that a method of a resource is tracked.

use crate::program::{Asking, Board};
use crate::sample::Measured;

use super::running::Running;
use super::{Bench, runtime, until};

pub fn measure(_: &Bench, _: &str) -> Measured {
    let board = Board::limited(1);
    runtime()?.block_on(async {
        let running = Running::start(Asking::builder(), &board).await?;
        let mut told = Vec::new();
        until("the minion tells what it has measured", || {
            told = board.told();
            !told.is_empty()
        })
        .await?;
        running.break_off().await?;
        Ok(told)
    })
}
