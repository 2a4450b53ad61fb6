//! The runtime of Minions: components, typed events, durable workflows and their lifecycle.
//!
//! Programs depend on the facade, package `minions-rs`, which re-exports this crate module by module and adds the macros.
//! This crate knows no SQL, no HTTP, no command line and no file format.
//!
//! # A guided tour
//!
//! In the order in which an event travels:
//!
//! 1. [`component`] is what everything long-lived has in common: a name, needs, and how they are injected.
//!    [`resource`], [`pipeline`] and [`minion`] are the three kinds, one trait each.
//! 2. [`gru`] collects them in a [`GruBuilder`]; [`manifest`] resolves that into a program which can start, or into
//!    everything that is wrong with it; [`Gru`] is the program as it runs.
//! 3. A [`Pipeline`](pipeline::Pipeline) answers [`Next`](pipeline::Next) after `Next`. Each event becomes one
//!    [`workflow`] for every minion that reacts to it.
//! 4. A [`Minion`](minion::Minion) moves its workflow from step to step; what a step answers is a
//!    [`Flow`](minion::Flow), and who it is it learns from its [`Workflow`](workflow::Workflow).
//! 5. Before each step a [`store`] makes durable what the step begins with. [`StateStore`](store::StateStore) is the seam
//!    for other places to keep it.
//! 6. [`config`] turns sections of settings into components' own types, and [`telemetry`] names what is measured.
//!
//! # Without macros
//!
//! Everything that the macros write can be written by hand. A whole program:
//!
//! ```
//! use minions_core::component::{Assembly, Component};
//! use minions_core::minion::{Flow, Minion, StepInfo};
//! use minions_core::pipeline::{Next, Pipeline, Produces};
//! use minions_core::store::MemoryStore;
//! use minions_core::workflow::Workflow;
//! use minions_core::{Error, Gru, Result};
//!
//! struct Countdown(u32);
//!
//! impl Component for Countdown {
//!     const NAME: &'static str = "countdown";
//!
//!     fn assemble(_: &Assembly) -> Result<Self> {
//!         Ok(Self(3))
//!     }
//! }
//!
//! impl Pipeline for Countdown {
//!     type Event = u32;
//!
//!     async fn next(&mut self) -> Result<Next<u32>> {
//!         let Some(left) = self.0.checked_sub(1) else { return Ok(Next::End) };
//!         self.0 = left;
//!         Ok(Next::Event(left))
//!     }
//! }
//!
//! impl Produces<u32> for Countdown {}
//!
//! struct Caller;
//!
//! impl Component for Caller {
//!     const NAME: &'static str = "caller";
//!
//!     fn assemble(_: &Assembly) -> Result<Self> {
//!         Ok(Self)
//!     }
//! }
//!
//! impl Minion for Caller {
//!     type Event = u32;
//!     type Context = String;
//!     const STEPS: &'static [StepInfo] = &[StepInfo::new("compose"), StepInfo::new("call")];
//!
//!     async fn step<'a>(&'a self, index: usize, left: &'a u32, text: &'a mut String, _: &'a Workflow) -> Result<Flow> {
//!         match index {
//!             0 => *text = format!("{left} to go"),
//!             _ => println!("{text}"),
//!         }
//!         Ok(Flow::Continue)
//!     }
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Error> {
//! let gru = Gru::builder().orchestrate::<Countdown, Caller>().store(MemoryStore::new()).start().await?;
//! gru.finished().await;
//! assert!(gru.shutdown().await.is_clean());
//! # Ok(())
//! # }
//! ```

#![warn(clippy::print_stdout)]

mod backoff;
mod clock;
pub mod component;
pub mod config;
pub mod error;
mod fair;
pub mod gru;
pub mod limit;
pub mod manifest;
pub mod minion;
mod panics;
pub mod pipeline;
mod random;
pub mod reason;
pub mod resource;
pub mod store;
pub mod supervise;
pub mod telemetry;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod workflow;

#[doc(hidden)]
#[expect(missing_debug_implementations, clippy::must_use_candidate, reason = "macro support, not for people")]
pub mod __private;

pub use error::{Error, Result};
#[doc(no_inline)]
pub use gru::{Gru, GruBuilder};
pub use telemetry::caller::spawn;
