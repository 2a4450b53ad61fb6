#![doc = include_str!("docs/overview.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

// Lets the macros, which name `::minions`, work in this crate's own documentation.
extern crate self as minions;

#[doc(inline)]
pub use minions_core::{Error, Result, location, spawn};
// Their page is in `gru`, beside what they take and answer.
#[doc(no_inline)]
pub use minions_core::{Gru, GruBuilder};
#[doc(inline)]
pub use minions_core::{
    component, config, gru, limit, manifest, minion, pipeline, reason, resource, store, supervise, telemetry, workflow,
};

pub mod error;

#[cfg(feature = "testing")]
#[doc(inline)]
pub use minions_core::testing;

#[cfg(feature = "app")]
#[doc(inline)]
pub use minions_app as app;
#[cfg(feature = "sqlite")]
#[doc(inline)]
pub use minions_sqlite as sqlite;

#[cfg(feature = "macros")]
mod macros;
#[cfg(feature = "macros")]
pub use macros::*;

pub mod prelude;

#[doc(hidden)]
pub mod __private;

#[cfg(any(doctest, test))]
mod book;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
