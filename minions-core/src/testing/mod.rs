//! What tests of stores and programs need (feature `testing`).
//!
//! A *step* needs nothing of it: call it on a struct literal, with `Dep::new(fake)` and `Config::from(value)`. A *program*
//! is run on a [`MemoryStore`](crate::store::MemoryStore), fed by a [`Source`] and watched by a [`Probe`]; a [`Gate`]
//! holds it where the test wants it, a [`FaultyStore`] fails on command, and
//! [`GruBuilder::resource`](crate::GruBuilder::resource) replaces a resource by a value, and [`simulate`] makes time virtual
//! and chance repeatable.
//! A *store* runs [`store_conformance!`].

#[doc(hidden)]
pub mod conformance;
mod faulty;
mod gate;
pub mod ops;
mod probe;
mod simulate;
mod source;

pub use faulty::FaultyStore;
pub use gate::Gate;
pub use probe::{Probe, Probed, Wire};
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
