//! The runtime's behaviours, on components written by hand and a store in memory that can be told to fail.
//!
//! Each test is named after the mark of the behaviour that it shows.

mod support;

mod admission;
mod control;
mod cycles;
mod emits;
mod erased;
mod found;
mod hang;
mod lifecycle;
mod manifest;
mod outcomes;
mod panics;
mod persistence;
mod races;
mod random;
mod resume;
mod schema;
mod sharing;
mod supervision;
mod telemetry;
mod upgrade;
mod workflows;
