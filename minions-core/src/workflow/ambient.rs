//! What the steps of one orchestration have around them, whichever workflow they belong to.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::component::Stop;

/// One value for all workflows, so that a step that begins counts no owners of anything that others count as well: on
/// another core that takes longer than the rest of its beginning.
pub(crate) struct Ambient {
    pub(crate) orchestration: Arc<str>,
    pub(crate) minion: &'static str,
    pub(crate) stop: Stop,
    /// One permit for every piece of blocking work that may run at once.
    pub(crate) blocking: Arc<Semaphore>,
}

impl Ambient {
    /// Of a workflow that belongs to no runtime.
    pub(crate) fn detached() -> Self {
        let blocking = Arc::new(Semaphore::new(1));
        Self { orchestration: "detached".into(), minion: "detached", stop: Stop::never(), blocking }
    }
}
