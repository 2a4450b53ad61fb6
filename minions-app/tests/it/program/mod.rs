//! A whole program in a process of its own: `examples/it_app.rs`, which does at its gates what the test says.

mod answers;
#[cfg(unix)]
mod control;
mod exit_codes;
mod health;
mod ownership;
#[cfg(unix)]
mod signals;
mod state_file;
mod support;
mod telemetry;
mod workflows;
