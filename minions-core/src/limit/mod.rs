//! Limits on what is scarce, where it is shared.

mod circuits;

pub use circuits::{Circuits, CircuitsWatch};
