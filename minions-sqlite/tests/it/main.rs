//! The SQLite store, with real files and real processes.

mod conformance;
