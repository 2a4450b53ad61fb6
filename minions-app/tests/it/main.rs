//! What of this crate can be seen from outside only.

mod program;
mod telemetry;
