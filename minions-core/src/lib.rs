//! The runtime of Minions.

pub mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod workflow;
