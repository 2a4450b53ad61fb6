//! Configuration: reads the sources and merges them, and says where each value came from.
//!
//! [`Sources`] describes where to look, [`Sources::load`] reads it all into core's
//! [`Settings`](minions_core::config::Settings). The order, later ones win: the file, the environment variables
//! `MINIONS__SECTION__KEY`, the arguments `--set section.key=VALUE`. [`Files`] reads the further files that an
//! orchestration names, and [`Options`] is the runtime's own section.

mod explain;
mod files;
mod format;
mod lag;
mod limits;
mod options;
mod overrides;
mod restart;
mod size;
mod sources;
mod switch;
pub(crate) mod unlimited;

pub use self::files::Files;
pub use self::lag::Lag;
pub use self::limits::Limits;
pub use self::options::{DurabilityOption, Logs, Memory, Metrics, Options, StoreOption};
pub use self::restart::{ComponentRestart, Restart};
pub use self::sources::{Loaded, Sources};
pub use self::switch::{Fields, Switch};

pub(crate) use self::explain::{Row, Section, Shown, explain};
