//! The struct half, the same for all three kinds.

mod model;
