//! Who calls: a small value that follows a task, so that a resource knows on whose behalf it works.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, LazyLock};

use parking_lot::RwLock;
use tokio::task::JoinHandle;

use crate::component::Kind;

use super::activity::Standing;

tokio::task_local! {
    static SCOPE: Scope;
}

/// What follows a task: who calls, and what the calls are told to.
#[derive(Clone)]
pub(crate) struct Scope {
    pub(crate) caller: CallerId,
    /// Where the task stands in the attempt that it works for, if it works for one.
    pub(crate) standing: Option<Standing>,
}

impl Scope {
    /// Looks at the scope of this task, if it has one.
    pub(crate) fn look<T>(look: impl FnOnce(&Self) -> T) -> Option<T> {
        SCOPE.try_with(look).ok()
    }

    /// Runs `work` in this scope.
    pub(crate) fn around<F: Future>(self, work: F) -> impl Future<Output = F::Output> + use<F> {
        SCOPE.scope(self, work)
    }
}

/// A caller: the component whose code runs, and the orchestration that it runs for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Caller {
    pub(crate) kind: Option<Kind>,
    pub(crate) name: &'static str,
    /// Empty outside an orchestration.
    pub(crate) orchestration: Arc<str>,
}

/// A caller as a small number, 0 for "unknown", and the program that it belongs to, 0 for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CallerId {
    number: u32,
    program: u32,
}

impl CallerId {
    pub(crate) const UNKNOWN: Self = Self { number: 0, program: 0 };

    /// The number of a caller; equal callers have equal numbers, so that restarts do not use them up.
    pub(crate) fn intern(caller: Caller) -> Self {
        let mut registry = REGISTRY.write();
        if let Some(id) = registry.ids.get(&caller) {
            return *id;
        }
        let number = u32::try_from(registry.callers.len()).expect("fewer than four thousand million components");
        let id = Self { number, program: 0 };
        registry.callers.push(caller.clone());
        registry.ids.insert(caller, id);
        id
    }

    /// Whoever runs on this task.
    pub(crate) fn current() -> Self {
        Scope::look(|scope| scope.caller).unwrap_or(Self::UNKNOWN)
    }

    /// The same caller in the program of this number.
    pub(crate) const fn in_program(self, program: u32) -> Self {
        Self { program, ..self }
    }

    pub(crate) const fn program(self) -> u32 {
        self.program
    }

    pub(crate) fn caller(self) -> Caller {
        REGISTRY.read().callers[self.index()].clone()
    }

    pub(crate) const fn index(self) -> usize {
        self.number as usize
    }

    /// Runs `work` on behalf of this caller.
    pub(crate) fn scope<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        Scope { caller: self, standing: None }.around(work)
    }

    /// Runs `work` on behalf of this caller, and lets its calls be seen at `standing`.
    pub(crate) fn scope_at<F: Future>(self, standing: Standing, work: F) -> impl Future<Output = F::Output> {
        Scope { caller: self, standing: Some(standing) }.around(work)
    }
}

impl CallerId {
    /// Does `work` on behalf of this caller.
    pub(crate) fn scope_sync<T>(self, work: impl FnOnce() -> T) -> T {
        SCOPE.sync_scope(Scope { caller: self, standing: None }, work)
    }
}

/// Spawns a task that works on behalf of whoever spawns it, so that its calls of resources are counted as theirs, and the
/// time that they wait for a [limit](crate::limit) does not count as time of the step.
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
    let scope = Scope::look(Clone::clone).unwrap_or(Scope { caller: CallerId::UNKNOWN, standing: None });
    tokio::spawn(scope.around(work))
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
