//! A whole program in a process of its own: `examples/it_app.rs`, which does at its gates what the test says.

mod answers;
mod exit_codes;
mod ownership;
#[cfg(unix)]
mod signals;
mod support;
mod telemetry;
mod workflows;
