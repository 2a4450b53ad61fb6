//! What is measured: a program as a user writes it, with three trivial steps on a context that changes every time.

mod board;
mod context;
mod parts;

pub use board::Board;
#[cfg(test)]
pub use parts::LongVisit;
pub use parts::{Asking, Desk, FanOut, Long, Page, ShortVisit, Single, Tens, worker};
