//! What a commit survives.

use serde::{Deserialize, Serialize};

/// What a commit has survived when it is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Durability {
    /// The loss of power: the disk has confirmed every commit (`synchronous = FULL`).
    #[default]
    Power,
    /// The death of the process, not the loss of power, which may undo the last commits but never tears one
    /// (`synchronous = NORMAL`). Two to four times as fast when few workflows are in flight.
    Process,
}

impl Durability {
    /// The value of SQLite's `synchronous` for it, in WAL mode.
    pub(crate) const fn synchronous(self) -> &'static str {
        match self {
            Self::Power => "FULL",
            Self::Process => "NORMAL",
        }
    }
}
