//! What a program's first file needs: `use minions::prelude::*;`.
//!
//! `Result` here is [`minions::Result`](crate::Result), whose error type may be left out or replaced.

pub use serde::{Deserialize, Serialize};

pub use crate::Result;
pub use crate::component::{Dep, Health, Stop};
pub use crate::config::{Config, Secret};
// Only its methods: a name of ours should not stand in the way of another crate's.
pub use crate::error::ResultExt as _;
// So that a step can `self.emit(..)`.
pub use crate::minion::Emits as _;
pub use crate::minion::Flow;
pub use crate::pipeline::{Cursor, Delivery, Inlet, Next};
#[cfg(feature = "sqlite")]
pub use crate::sqlite::WithCheckpoint;
pub use crate::workflow::Workflow;
#[cfg(feature = "macros")]
pub use crate::{minion, minion_step, pipeline, resource};
