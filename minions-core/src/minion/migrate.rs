//! A stored workflow as a migration sees it.

use serde_json::Value;

/// What an older version has stored, to be changed in place by [`Minion::migrate`](super::Minion::migrate).
///
/// ```
/// use minions_core::Result;
/// use minions_core::minion::Stored;
///
/// /// Version 2 measures in milliseconds, and has no step `warm_up` any more.
/// fn migrate(stored: &mut Stored) -> Result<()> {
///     if stored.version < 2 {
///         let seconds = stored.context["seconds"].take();
///         stored.context["millis"] = (seconds.as_u64().unwrap_or(0) * 1000).into();
///         if stored.step == "warm_up" {
///             stored.step = "fetch".to_owned();
///         }
///     }
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Stored {
    /// The version that it was stored by.
    pub version: u32,
    /// The stable name of the step that is next.
    pub step: String,
    /// The event.
    pub event: Value,
    /// The context.
    pub context: Value,
}

impl Stored {
    /// A workflow that `version` stored before `step`, for testing a migration.
    #[must_use]
    pub fn new(version: u32, step: impl Into<String>, event: Value, context: Value) -> Self {
        Self { version, step: step.into(), event, context }
    }
}
