//! Lets the store forget what is past its time, every now and then.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::task::AbortHandle;
use tracing::debug;

use crate::clock::now_ms;
use crate::store::{KeepHistory, Tidy};

use super::runtime::Runtime;

/// Keys and history are kept at most so much longer than asked for.
const EVERY: Duration = Duration::from_secs(60);

/// The task that tidies up, as long as it lives.
pub(super) struct Tidying(AbortHandle);

impl Tidying {
    /// Begins at once, and goes on until the program is gone.
    pub(super) fn begin(runtime: &Arc<Runtime>) -> Self {
        let this = Arc::downgrade(runtime);
        Self(runtime.spawn(tidy(this)))
    }
}

impl Drop for Tidying {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn tidy(runtime: Weak<Runtime>) {
    loop {
        let Some(op) = runtime.upgrade().map(|runtime| what_is_kept(&runtime)) else { return };
        let Some(answer) = runtime.upgrade().map(|runtime| runtime.engine.submit(op)) else { return };
        if let Err(error) = answer.await {
            // Nothing is lost by keeping it longer.
            debug!(%error, "the store was not tidied up");
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// What the orchestrations that run want to be kept of their history; that of others stays as it is.
fn what_is_kept(runtime: &Runtime) -> Tidy {
    let at_ms = now_ms();
    let history = runtime.look(|state| {
        let live = state.parts.values().filter_map(|part| part.link()?.orchestration.as_ref());
        let kept = live.map(|orchestration| KeepHistory {
            orchestration: orchestration.id.clone(),
            last: orchestration.history.count(),
            since_ms: orchestration
                .history
                .age()
                .map_or(i64::MIN, |age| at_ms.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX))),
        });
        kept.collect()
    });
    Tidy { at_ms, history }
}
