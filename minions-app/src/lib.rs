//! What a Minions program runs when it is started: the generated command line, configuration, logs and metrics around
//! one [`GruBuilder`](minions_core::GruBuilder).
//!
//! `app!` of the facade writes a `main` that calls [`App`]; a program with a `main` of its own calls it too:
//!
//! ```no_run
//! # use minions_app::App;
//! # use minions_core::GruBuilder;
//! fn main() -> std::process::ExitCode {
//!     let builder = GruBuilder::new(); // `Watch::builder()` of `app!`
//!     App::new(builder).without_metrics().main()
//! }
//! ```
//!
//! # Exit codes
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done: every source has ended, or somebody asked for the stop and it went in order |
//! | 1 | a component was lost, the stop was not in order or cut short by a second signal, or a command failed |
//! | 2 | the arguments or the configuration are wrong; nothing was started |
//! | 3 | every source has ended, and workflows are in quarantine |
//! | 4 | the start failed: a component, or the state, which another process may own |
//!
//! After a stop by signal or by order the quarantine does not count: whoever stops a program has not asked how it went.

mod app;
mod args;
mod check;
mod cli;
pub mod config;
mod control;
mod exit;
mod explain;
mod fate;
mod graph;
pub mod logs;
mod memory;
pub mod metrics;
mod output;
mod prepare;
mod report;
mod run;
mod signals;
mod state;
mod text;
mod watchdog;
mod workflows;

pub use self::app::App;
pub use self::args::Args;
#[doc(hidden)]
pub use self::args::NoArgs;
pub use self::exit::Exit;
pub use self::state::StateDir;

#[doc(no_inline)]
pub use clap;
