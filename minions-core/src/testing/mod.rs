//! What tests of stores and programs need (feature `testing`).

#[doc(hidden)]
pub mod conformance;
pub mod ops;

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
