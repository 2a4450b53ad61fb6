//! What the runtime says of itself: [`names`] is the table of its metrics, and the ledgers say what became of every event.

pub(crate) mod activity;
pub(crate) mod caller;
pub(crate) mod current;
pub(crate) mod handles;
mod ledger;
pub mod names;
pub(crate) mod tally;

pub use current::CurrentStep;
pub(crate) use ledger::Kept;
pub use ledger::{EventLedger, WorkflowLedger};
pub use tally::flush;
