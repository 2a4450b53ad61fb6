//! The SQLite store, with real files and real processes.

mod child;
mod conformance;
mod crash;
mod damage;
mod file;
#[cfg(target_os = "linux")]
mod full;
mod lock;
mod state_file;
mod version;
