//! The runtime of Minions: components, typed events, durable workflows and their lifecycle.
//!
//! Programs depend on the facade, package `minions-rs`, which re-exports this crate module by module and adds the macros.
//! This crate knows no SQL, no HTTP, no command line and no file format.

#![warn(clippy::print_stdout)]

mod backoff;
pub mod component;
pub mod config;
pub mod error;
pub mod gru;
pub mod manifest;
pub mod minion;
mod panics;
pub mod pipeline;
pub mod resource;
pub mod store;
pub mod telemetry;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod workflow;

#[doc(hidden)]
#[expect(missing_debug_implementations, clippy::must_use_candidate, reason = "macro support, not for people")]
pub mod __private;

pub use error::{Error, Result};
pub use gru::{Gru, GruBuilder};
pub use telemetry::caller::spawn;
