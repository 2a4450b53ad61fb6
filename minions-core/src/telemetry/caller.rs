//! Who calls: a small value that follows a task, so that a resource knows on whose behalf it works.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, LazyLock};

use parking_lot::RwLock;
use tokio::task::JoinHandle;

use crate::component::Kind;

tokio::task_local! {
    static CALLER: CallerId;
}

/// A caller: the component whose code runs, and the orchestration that it runs for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Caller {
    pub(crate) kind: Option<Kind>,
    pub(crate) name: &'static str,
    /// Empty outside an orchestration.
    pub(crate) orchestration: Arc<str>,
}

/// A caller as a small number; 0 is "unknown".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CallerId(u32);

impl CallerId {
    pub(crate) const UNKNOWN: Self = Self(0);

    /// The number of a caller; equal callers have equal numbers, so that restarts do not use them up.
    pub(crate) fn intern(caller: Caller) -> Self {
        let mut registry = REGISTRY.write();
        if let Some(id) = registry.ids.get(&caller) {
            return *id;
        }
        let id = Self(u32::try_from(registry.callers.len()).expect("fewer than four thousand million components"));
        registry.callers.push(caller.clone());
        registry.ids.insert(caller, id);
        id
    }

    /// Whoever runs on this task.
    pub(crate) fn current() -> Self {
        CALLER.try_with(|caller| *caller).unwrap_or(Self::UNKNOWN)
    }

    pub(crate) fn caller(self) -> Caller {
        REGISTRY.read().callers[self.index()].clone()
    }

    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }

    /// Runs `work` on behalf of this caller.
    pub(crate) fn scope<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        CALLER.scope(self, work)
    }
}

impl CallerId {
    /// Does `work` on behalf of this caller.
    pub(crate) fn scope_sync<T>(self, work: impl FnOnce() -> T) -> T {
        CALLER.sync_scope(self, work)
    }
}

/// Spawns a task that works on behalf of whoever spawns it, so that its calls of resources are counted as theirs.
///
/// A task of `tokio::spawn` counts as `unknown`.
///
/// # Panics
///
/// Outside a tokio runtime.
pub fn spawn<F>(work: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let caller = CallerId::current();
    tokio::spawn(CALLER.scope(caller, work))
}

struct Registry {
    callers: Vec<Caller>,
    ids: HashMap<Caller, CallerId>,
}

static REGISTRY: LazyLock<RwLock<Registry>> = LazyLock::new(|| {
    let unknown = Caller { kind: None, name: "unknown", orchestration: "".into() };
    RwLock::new(Registry { ids: HashMap::from([(unknown.clone(), CallerId::UNKNOWN)]), callers: vec![unknown] })
});

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_caller_follows_its_task_and_minions_spawn() {
        let caller = Caller { kind: Some(Kind::Minion), name: "watcher", orchestration: "a/b".into() };
        let id = CallerId::intern(caller.clone());
        assert_eq!(CallerId::intern(caller.clone()), id);
        assert_eq!(id.caller(), caller);
        id.scope(async {
            assert_eq!(CallerId::current(), id);
            assert_eq!(spawn(async { CallerId::current() }).await.unwrap(), id);
            assert_eq!(tokio::spawn(async { CallerId::current() }).await.unwrap(), CallerId::UNKNOWN);
        })
        .await;
        assert_eq!(CallerId::current(), CallerId::UNKNOWN);
    }
}
