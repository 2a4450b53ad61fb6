//! Placeholder until the configuration lands.
use std::sync::Arc;

/// Typed configuration.
#[derive(Debug)]
pub struct Config<T>(Arc<T>);
impl<T> Clone for Config<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}
impl<T> std::ops::Deref for Config<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}
impl<T> From<T> for Config<T> {
    fn from(value: T) -> Self {
        Self(Arc::new(value))
    }
}
/// Settings.
#[derive(Clone, Debug, Default)]
pub struct Settings {}
impl Settings {
    /// None.
    #[must_use]
    pub fn empty() -> Self {
        Self {}
    }
}
/// Problem.
#[derive(Clone, Debug)]
pub struct Problem {}
impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "problem")
    }
}
/// Decoded.
#[derive(Debug)]
pub struct Decoded<T> {
    /// The value.
    pub value: T,
}
/// Decodes.
/// # Errors
/// When wrong.
pub fn decode_section<T: serde::de::DeserializeOwned>(_: &Settings, _: &str) -> Result<Decoded<T>, Vec<Problem>> {
    serde_json::from_str("{}").map(|value| Decoded { value }).map_err(|_| vec![Problem {}])
}
