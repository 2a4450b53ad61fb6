//! Signals that ask the program to stop: the first gracefully, the second at once.

use std::io;
use std::process;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::exit::Exit;
use crate::output::{SAID, say};

/// Listens for SIGINT and SIGTERM (elsewhere for Ctrl-C) for as long as it lives.
///
/// The handlers stay in place afterwards, as the system's default action cannot be restored safely.
#[derive(Debug)]
pub(crate) struct Signals {
    requested: CancellationToken,
    task: JoinHandle<()>,
}

impl Signals {
    /// From now on signals are ours; a second one ends the process.
    pub(crate) fn listen() -> io::Result<Self> {
        let mut incoming = Incoming::register()?;
        let requested = CancellationToken::new();
        let stop = requested.clone();
        let task = tokio::spawn(async move {
            let name = incoming.next().await;
            tracing::info!(target: SAID, "stopping because of {name}");
            say(format_args!("{name}: stopping; the steps under way are finished first, once more to stop at once"));
            stop.cancel();
            let name = incoming.next().await;
            tracing::warn!(target: SAID, "stopping at once because of a second {name}");
            say(format_args!("{name} again: stopping at once; stored work resumes with the next start"));
            process::exit(Exit::Failed.code().into());
        });
        Ok(Self { requested, task })
    }

    /// Waits for the first signal; answers at once from then on.
    pub(crate) async fn requested(&self) {
        self.requested.cancelled().await;
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(unix)]
struct Incoming {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Incoming {
    fn register() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "interrupted",
            _ = self.terminate.recv() => "terminated",
        }
    }
}

#[cfg(windows)]
struct Incoming(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Incoming {
    fn register() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn next(&mut self) -> &'static str {
        self.0.recv().await;
        "interrupted"
    }
}
