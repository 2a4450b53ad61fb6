//! What the runtime says of itself: metric names, handles, and who calls whom.

pub mod caller;
pub(crate) mod handles;
pub mod names;
