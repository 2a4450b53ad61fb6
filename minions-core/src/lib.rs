//! The runtime of Minions.

pub mod store;
pub mod workflow;
