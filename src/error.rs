//! The one error type of user code, and what an error says about another attempt.

#[doc(inline)]
pub use minions_core::error::*;

#[doc = include_str!("docs/failure.md")]
#[cfg(feature = "macros")]
pub use minions_macros::Failure;
