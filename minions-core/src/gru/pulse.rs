//! Keeps the clock of a runtime going while user code blocks one of its threads.
//!
//! Timers and sockets are watched by one thread of a runtime at a time. When that one takes up a task, nobody else is asked
//! to watch in its place unless there is more to do; a task that blocks then stops every timer of the program, deadlines
//! included. A little work that comes from outside, at intervals, wakes another thread, and that one watches from then on.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};
use tracing::warn;

/// So long the clock may stand still.
const EVERY: Duration = Duration::from_millis(50);

/// Beats as long as it lives.
pub(super) struct Pulse {
    /// Nothing is ever sent; the thread ends when this is gone.
    _beats: Option<Sender<()>>,
}

impl Pulse {
    /// A runtime of one thread has nobody else to wake, so it has none.
    pub(super) fn of(runtime: &Handle) -> Self {
        if runtime.runtime_flavor() == RuntimeFlavor::CurrentThread {
            return Self { _beats: None };
        }
        let ((beats, end), runtime) = (channel(), runtime.clone());
        let beat = move || {
            while end.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                runtime.spawn(async {});
            }
        };
        if let Err(error) = thread::Builder::new().name("minions-pulse".to_owned()).spawn(beat) {
            warn!(
                error = &error as &dyn std::error::Error,
                "no thread for the pulse; a blocked thread may stop the clock"
            );
        }
        Self { _beats: Some(beats) }
    }
}
