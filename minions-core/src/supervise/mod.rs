//! What becomes of a component that fails while it runs.

mod policy;
#[cfg_attr(not(test), expect(dead_code, reason = "the runtime counts with it as soon as it supervises"))]
mod restarts;

pub use policy::{Restart, RestartPolicy};
#[expect(unused_imports, reason = "the runtime counts with it as soon as it supervises")]
pub(crate) use restarts::Restarts;
