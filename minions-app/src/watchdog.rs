//! Ends a process that does not end by itself.

use std::process;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use minions_core::gru::hooks_under_way;

use crate::exit::Exit;
use crate::output::{SAID, complain};

/// What a stop may take beyond its deadline: the last moments that hooks are left with, and the end of the store.
const GRACE: Duration = Duration::from_secs(5);

/// Ends the process when it still lives so long after; dropped in time, it does nothing.
///
/// It has a thread of its own, because the threads of the runtime are no help when user code blocks all of them: then no
/// timer of theirs fires, and no deadline that is kept by one.
#[derive(Debug)]
#[must_use = "it watches for as long as it lives"]
pub(crate) struct Watchdog {
    /// Dropping it tells the thread to end.
    _alive: Sender<()>,
}

impl Watchdog {
    /// Watches over something that has `deadline` to end; if it does not, says that it is `late`, what keeps it, and what
    /// happens `then`.
    pub(crate) fn over(deadline: Duration, late: &'static str, then: &'static str) -> Self {
        let (alive, gone) = mpsc::channel();
        let watch = move || {
            if gone.recv_timeout(deadline.saturating_add(GRACE)) == Err(RecvTimeoutError::Timeout) {
                let late = format!("{late}, something blocks its threads{}; {then}", suspects());
                tracing::error!(target: SAID, "{late}");
                complain(late);
                process::exit(Exit::Failed.code().into());
            }
        };
        // Without the thread the stop is bounded by the runtime's own deadlines, as long as its threads run.
        if let Err(error) = thread::Builder::new().name("minions-watchdog".to_owned()).spawn(watch) {
            tracing::warn!(%error, "nobody watches over the deadline of the stop");
        }
        Self { _alive: alive }
    }
}

/// The hooks that have not ended, for a sentence that says that something has not.
pub(crate) fn suspects() -> String {
    match &*hooks_under_way() {
        [] => String::new(),
        hooks => format!(", and these hooks have not ended: {}", hooks.join("; ")),
    }
}
