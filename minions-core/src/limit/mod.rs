//! Limits on what is scarce, where it is shared: how many calls at once, how many in a time, and none while it fails.
//!
//! `#[limit(..)]` puts one on a tracked method of a resource. Here is what it is made of: a [`Limit`] says what is allowed, a
//! [`Limiter`] keeps to it and can be used by hand, a [`Permit`] is one call that may go on, [`Rejected`] says why one may
//! not, and when it may be tried again.
//!
//! Calls that wait are served in turn: in the order in which they came for one key, and key by key in a circle, however many
//! calls of one key there are.

mod bounds;
mod breaker;
mod circuits;
mod instances;
mod keys;
mod limiter;
mod meter;
mod method;
mod metrics;
#[cfg(test)]
mod model;
mod program;
mod rate;
mod rejected;
mod scheduler;
mod settings;
#[cfg(test)]
mod tests;
mod waiting;

pub use bounds::{Bounds, Circuit, Limit};
pub use circuits::{Circuits, CircuitsWatch};
pub(crate) use instances::Instances;
pub use limiter::{Limiter, Outcome, Permit};
pub use method::{Admitted, LimitInfo, LimitedMethod, Turn};
pub(crate) use program::Limits;
pub use rate::Rate;
pub use rejected::{Rejected, Why};
pub use settings::{BoundsSettings, CircuitSettings, LimitSettings};
