//! Guards over what all components of a process share: its memory, and the threads of its runtime.
//!
//! When one of them is scarce, the gates of the pipelines close and no orchestration is started; work in flight goes on, because
//! it is what gives back what is scarce.

mod lag;
mod memory;
mod spot;

pub(crate) use lag::Lag;
pub use lag::LagBounds;
pub(crate) use memory::watch as watch_memory;
pub use memory::{MeasureError, MemoryBounds, MemoryGauge, MemoryUse};
pub(crate) use spot::{Code, Spot, tick};
