//! Logs and metrics as a process shows them: both are global, so every test has a process of its own.

mod alone;
mod logs;
mod metrics;
pub(crate) mod prometheus;
