//! What the program is made of.

mod resources;
mod sources;
mod workers;

use sources::{Ending, Failing, Idle, Panicky, Ready};
use workers::{Checker, Copier, Fragile, Slow};

pub use workers::STEPS;

minions::app! {
    #[no_main]
    pub struct Soak;
    Ready => Copier,
    Ready => Checker,
    Idle => Copier,
    Idle => Fragile,
    Failing => Checker,
    Failing => Slow,
    Panicky => Slow,
    Panicky => Fragile,
    Ending => Slow,
    Ending => Copier,
}
