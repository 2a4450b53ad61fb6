//! What becomes of a component that fails while it runs.

mod policy;

pub use policy::{Restart, RestartPolicy};
