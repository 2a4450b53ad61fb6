//! A shared dependency.

use std::any::TypeId;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::resource::Resource;

use super::{Assembly, Inject, Need};

/// A handle on the one live instance of the resource `T`.
///
/// It dereferences to the resource, and clones share it. A test makes one out of any value:
///
/// ```
/// use minions_core::component::Dep;
///
/// #[derive(Default)]
/// struct Http { agent: String }
///
/// struct Watcher { http: Dep<Http> }
///
/// let watcher = Watcher { http: Dep::new(Http { agent: "probe".to_owned() }) };
/// assert_eq!(watcher.http.agent, "probe");
/// ```
pub struct Dep<T>(Arc<T>);

impl<T> Dep<T> {
    /// Shares `value`; for tests and for programs that build components by hand.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self(Arc::new(value))
    }
}

impl<T> From<Arc<T>> for Dep<T> {
    fn from(shared: Arc<T>) -> Self {
        Self(shared)
    }
}

impl<T> Clone for Dep<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Deref for Dep<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: fmt::Debug> fmt::Debug for Dep<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: Resource> Inject for Dep<T> {
    const NEED: Need = Need::resource::<T>();

    fn inject(cx: &Assembly) -> Result<Self> {
        let live = cx.live(TypeId::of::<T>()).ok_or_else(|| not_running(T::NAME, cx.component()))?;
        Ok(Self(live.downcast().expect("instances are kept under the id of their type")))
    }
}

fn not_running(resource: &str, component: &str) -> Error {
    format!("the resource `{resource}` that `{component}` needs is not running").into()
}
