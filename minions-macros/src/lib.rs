//! The attribute macros of Minions.
