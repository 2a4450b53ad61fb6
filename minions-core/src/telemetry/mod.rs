//! What the runtime says of itself: [`names`] is the table of its metrics.

pub(crate) mod caller;
pub(crate) mod handles;
pub mod names;
