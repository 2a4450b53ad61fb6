//! What a component says of its own state.

/// The answer of a `health` hook.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Health {
    /// It works.
    #[default]
    Healthy,
    /// It does not work, and why.
    Unhealthy(String),
}

impl Health {
    /// Not well, because of `why`.
    #[must_use]
    pub fn unhealthy(why: impl Into<String>) -> Self {
        Self::Unhealthy(why.into())
    }

    /// Whether the component works.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        matches!(self, Self::Healthy)
    }
}
