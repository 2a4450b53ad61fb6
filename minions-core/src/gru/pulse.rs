//! Keeps the clock of a runtime going while user code blocks one of its threads, and watches over it from outside.
//!
//! Timers and sockets are watched by one thread of a runtime at a time. When that one takes up a task, nobody else is asked
//! to watch in its place unless there is more to do; a task that blocks then stops every timer of the program, deadlines
//! included. A little work that comes from outside, at intervals, wakes another thread, and that one watches from then on.
//! How long that work waits for a thread is how far the runtime is behind.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Handle, RuntimeFlavor};
use tracing::warn;

use crate::clock::is_simulated;
use crate::guard::{Lag, tick};
use crate::telemetry::flush;

/// So long the clock may stand still.
const EVERY: Duration = Duration::from_millis(50);

/// If it could not beat for so long, it was the machine that stood still.
const STILL: Duration = Duration::from_millis(250);

/// Beats as long as it lives.
pub(super) struct Pulse {
    /// Nothing is ever sent; the thread ends when this is gone.
    _beats: Option<Sender<()>>,
}

impl Pulse {
    /// Watches over the runtime and tells `lag` what it sees; a simulation has no time of its own to be behind.
    pub(super) fn of(runtime: &Handle, mut lag: Lag) -> Self {
        if is_simulated() {
            return Self { _beats: None };
        }
        let ((beats, end), runtime) = (channel(), runtime.clone());
        let beat = move || {
            let (mut last, mut probe) = (Instant::now(), None);
            while end.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                let now = Instant::now();
                let stood_still = now.duration_since(std::mem::replace(&mut last, now)) > STILL;
                tick();
                flush();
                let held = if stood_still { Duration::ZERO } else { lag.look(now) };
                let behind = if runtime.runtime_flavor() == RuntimeFlavor::CurrentThread {
                    // Whoever holds its only thread is why it is behind; nobody else is there to be woken.
                    held
                } else {
                    Probe::behind(&mut probe, &runtime, now)
                };
                if !stood_still {
                    lag.judge(behind, now);
                }
            }
        };
        if let Err(error) = thread::Builder::new().name("minions-pulse".to_owned()).spawn(beat) {
            warn!(
                error = &error as &dyn std::error::Error,
                "no thread for the pulse; a blocked thread may stop the clock, and nobody sees it"
            );
        }
        Self { _beats: Some(beats) }
    }
}

/// A task that says when it ran.
struct Probe {
    sent: Instant,
    ran: Arc<OnceLock<Instant>>,
}

impl Probe {
    /// How late the last one is, or was; sends the next one.
    fn behind(last: &mut Option<Self>, runtime: &Handle, now: Instant) -> Duration {
        let ran = match last {
            Some(Self { sent, ran }) => match ran.get() {
                Some(ran) => ran.duration_since(*sent),
                None => {
                    // Another thread may still watch the clock.
                    runtime.spawn(async {});
                    return now.duration_since(*sent);
                }
            },
            None => Duration::ZERO,
        };
        let next = Self { sent: now, ran: Arc::default() };
        let runs = next.ran.clone();
        runtime.spawn(async move {
            let _ = runs.set(Instant::now());
        });
        *last = Some(next);
        ran
    }
}
