//! Configuration: values that know where they came from, decoded into users' types with every problem at once.
//!
//! This module reads no files and knows no format; it takes a merged [`Settings`] and gives each component its
//! section as a [`Config<T>`]. See [`decode_section`] for how a section becomes a value, [`Problem`] for what a report
//! says, and [`Secret`] for what is never printed.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

mod decode;
pub mod duration;
mod origin;
mod path;
mod problem;
mod secret;
mod settings;
pub(crate) mod suggest;
mod value;

#[cfg(any(test, feature = "testing"))]
pub(crate) use decode::made_up;
pub use decode::{Decoded, SectionKeys, decode_section};
pub use origin::Origin;
pub use path::{KeyPath, Segment};
pub use problem::Problem;
pub use secret::Secret;
pub use settings::{ENV_PREFIX, Settings, SettingsFiles, env_name};
pub use suggest::nearest;
pub use value::{Data, Table, Value};

/// A component's own section of the configuration, decoded and shared. Cheap to clone.
///
/// A unit test makes one from a value:
///
/// ```
/// # use minions_core::config::Config;
/// struct HttpSettings { agent: String }
/// let settings = Config::from(HttpSettings { agent: "probe".to_owned() });
/// assert_eq!(settings.agent, "probe");
/// ```
pub struct Config<T>(Arc<T>);

impl<T> Config<T> {
    /// The shared value itself, for code that knows nothing of configuration.
    #[must_use]
    pub fn into_inner(self) -> Arc<T> {
        self.0
    }
}

impl<T> From<T> for Config<T> {
    fn from(value: T) -> Self {
        Self(Arc::new(value))
    }
}

impl<T> Clone for Config<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Config<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Default> Default for Config<T> {
    fn default() -> Self {
        Self::from(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for Config<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
