//! The runtime's behaviours, on components written by hand and a store in memory that can be told to fail.
//!
//! Each test is named after the mark of the behaviour that it shows.

mod support;

mod admission;
mod bounds;
mod circuit;
mod control;
mod cursor;
mod cycles;
mod deaths;
mod deliveries;
mod emits;
mod erased;
mod found;
mod gate;
mod hang;
mod inlet;
mod lag;
mod lanes;
mod ledger;
mod lifecycle;
mod limits;
mod manifest;
mod operators;
mod outcomes;
mod panics;
mod persistence;
mod races;
mod random;
mod rest;
mod resume;
mod schema;
mod sharing;
mod supervision;
mod telemetry;
mod upgrade;
mod workflows;
