//! The program that is killed.

mod journal;
mod sources;
mod workers;

pub use journal::Journal;
pub use sources::{Lines, Queue};
pub use workers::{Auditor, Clerk, Courier};
