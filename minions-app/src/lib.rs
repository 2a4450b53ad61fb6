//! See the crate's description.

pub mod logs;
pub mod metrics;
