//! What becomes of a component that fails while it runs.

mod policy;
mod restarts;

pub use policy::{Restart, RestartPolicy};
pub(crate) use restarts::Restarts;
