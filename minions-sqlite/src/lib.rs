//! The SQLite state store of Minions: one file, one writer, a durable commit for many workflows at once.
//!
//! ```no_run
//! use minions_sqlite::{Durability, SqliteStore};
//!
//! let store = SqliteStore::at(".minions/state.db").durability(Durability::Process);
//! ```
//!
//! # How it is built
//!
//! * **Writing** is one thread with one `rusqlite` connection and prepared statements (`writer`, `session`,
//!   `apply`). A batch is one transaction: begin, every operation, commit. That is more than ten times as fast as
//!   awaiting each statement on an `sqlx` connection.
//! * **Opening and the schema** (`open`, `schema`) are done by that same connection before its first batch: the file is
//!   looked at, locked, migrated and written through one handle, in one place, and nothing can come in between.
//! * **Reading** is a small read-only `sqlx` pool (`reader`); in WAL mode readers and the writer never wait for each
//!   other. Both libraries share one bundled SQLite.
//! * **Ownership** is a lock on a file beside the database (`lock`), which the system takes from a dead process.
//!
//! # Where a user's work joins a commit
//!
//! `Session::isolated` in `session` runs an operation that hands over work under its own savepoint, on the writer's
//! thread and inside the transaction of the batch: first the checkpoint, which says whether it was applied before, then
//! the work (`tx`). Its error or panic rolls back its own savepoint only. A statement of it that rolls back the whole
//! transaction, as an interrupted one does, makes the batch be applied again without that operation.

#![warn(clippy::print_stdout)]

mod apply;
mod durability;
mod head;
mod lock;
mod migration;
mod open;
mod owner;
mod panics;
mod reader;
mod schema;
mod session;
mod state_file;
mod store;
mod stored;
mod tx;
mod vacuum;
mod value;
mod writer;

/// The crate of the pool that a [`StateFile`] gives, in the version that it is of.
pub use sqlx;

pub use durability::Durability;
pub use state_file::StateFile;
pub use store::SqliteStore;
pub use tx::{FromRow, FromValue, Params, SqlError, SqliteTx, ToValue, Value, WithCheckpoint, work};
