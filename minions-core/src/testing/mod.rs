//! What tests of stores and programs need (feature `testing`).
//!
//! A *step* needs nothing of it: call it on a struct literal, with `Dep::new(fake)` and `Config::from(value)`. A *program*
//! is run on a [`MemoryStore`](crate::store::MemoryStore), fed by a [`Source`] and watched by a [`Probe`]; a [`Gate`]
//! holds it where the test wants it, a [`FaultyStore`] fails on command, and
//! [`GruBuilder::resource`](crate::GruBuilder::resource) replaces a resource by a value, and [`simulate`] makes time virtual
//! and chance repeatable.
//! A *store* runs [`store_conformance!`]; [`schema_lock!`] tells a program whose *stored workflows* would not survive a change.

#[doc(hidden)]
pub mod conformance;
mod faulty;
mod gate;
pub mod ops;
mod probe;
mod schema;
mod simulate;
mod source;

pub use faulty::FaultyStore;
pub use gate::Gate;
pub use probe::{Probe, Probed, Wire};
pub(crate) use schema::{Kind, kind};
pub use schema::{SchemaLock, SchemaReport, Stranded};
pub use simulate::simulate;
pub use source::{Ear, Events, Source};

/// Makes the conformance suite of stores into tests: what [`StateStore`](crate::store::StateStore) promises, and that
/// what it refuses is refused.
///
/// The first argument makes a new, empty *place* for a store (a directory, an address, the content itself); the second
/// is a closure that makes a store at that place, and is called again for what a restart would find there. The suite
/// calls `open` and `close` itself, and each test has a place of its own.
///
/// ```
/// # // The tests themselves run where a crate uses the macro; here it only has to compile.
/// mod memory {
///     use minions_core::store::MemoryStore;
///
///     minions_core::testing::store_conformance!(MemoryStore::new(), |place| place.clone());
/// }
/// # fn main() {}
/// ```
#[doc(inline)]
pub use crate::__store_conformance as store_conformance;

/// Makes a test that compares what the program stores with `minions.schema.json` beside `Cargo.toml`, so that a change
/// that would strand stored workflows fails where it is made.
///
/// The first run writes the file; commit it. A safe change asks for `MINIONS_SCHEMA=write cargo test`, which brings it up to
/// date; one that would strand stored workflows says which, what would become of them, and the remedies. When nothing of
/// that is stored anywhere any more, `MINIONS_SCHEMA=retire cargo test` forgets it. Where `CI` is set nothing is written.
///
/// The lock remembers the ids of orchestrations, the names of steps, and samples of events and contexts, for each version of
/// each minion: a full and a bare value, and every variant of every enum. Types that refuse made-up values can be given
/// samples by hand.
///
/// ```
/// # // The tests themselves run where a crate uses the macro; here it only has to compile.
/// # fn program() -> minions_core::GruBuilder { minions_core::GruBuilder::new() }
/// minions_core::testing::schema_lock!(program());
/// # mod given {
/// # use super::program;
///
/// minions_core::testing::schema_lock!(program(), |lock| lock.file("locks/program.json"));
/// # }
/// # fn main() {}
/// ```
#[doc(inline)]
pub use crate::__schema_lock as schema_lock;
