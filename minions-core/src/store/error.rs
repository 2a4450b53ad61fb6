//! Why a store refused.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// A store could not do what it was asked for.
///
/// Cheap to clone, because one failed batch answers many waiters.
#[derive(Clone, Debug)]
pub struct StoreError {
    kind: Kind,
    what: Arc<str>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Unavailable,
    Rejected,
    WorkFailed,
    Owned,
    NewerSchema,
}

impl StoreError {
    /// The store does not work now; the same operation may succeed later.
    #[must_use]
    pub fn unavailable(what: impl Into<Arc<str>>) -> Self {
        Self::of(Kind::Unavailable, what)
    }

    /// The operation can never succeed as it is.
    #[must_use]
    pub fn rejected(what: impl Into<Arc<str>>) -> Self {
        Self::of(Kind::Rejected, what)
    }

    /// What a step handed over to its checkpoint has failed, and the checkpoint with it; `source` is the user's error.
    #[must_use]
    pub fn work_failed(what: impl Into<Arc<str>>, source: crate::Error) -> Self {
        let mut error = Self::of(Kind::WorkFailed, what);
        error.source = Some(Arc::from(source.into_boxed()));
        error
    }

    /// Another process owns the store.
    #[must_use]
    pub fn owned(what: impl Into<Arc<str>>) -> Self {
        Self::of(Kind::Owned, what)
    }

    /// The store was written by a newer version.
    #[must_use]
    pub fn newer_schema(what: impl Into<Arc<str>>) -> Self {
        Self::of(Kind::NewerSchema, what)
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// Whether the operation itself is at fault, or what it was to do, and repeating it is useless.
    #[must_use]
    pub fn is_rejected(&self) -> bool {
        matches!(self.kind, Kind::Rejected | Kind::WorkFailed)
    }

    /// Whether it was rejected because what a step handed over to its checkpoint has failed.
    #[must_use]
    pub fn is_work_failed(&self) -> bool {
        self.kind == Kind::WorkFailed
    }

    /// Whether another process owns the store.
    #[must_use]
    pub fn is_owned(&self) -> bool {
        self.kind == Kind::Owned
    }

    /// Whether the store was written by a newer version.
    #[must_use]
    pub fn is_newer_schema(&self) -> bool {
        self.kind == Kind::NewerSchema
    }

    fn of(kind: Kind, what: impl Into<Arc<str>>) -> Self {
        Self { kind, what: what.into(), source: None }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
