//! Signals that ask the program to stop: the first gracefully, the second at once.

use std::io;
use std::process;
use std::thread;

use tokio_util::sync::{CancellationToken, DropGuard};

use crate::exit::Exit;
use crate::output::{SAID, say};

/// Listens for SIGINT and SIGTERM (elsewhere for Ctrl-C) for as long as it lives.
///
/// The handlers stay in place afterwards, as the system's default action cannot be restored safely.
///
/// It listens on a thread of its own: user code that blocks every thread of the runtime must not make the process deaf.
#[derive(Debug)]
pub(crate) struct Signals {
    requested: CancellationToken,
    /// Ends the thread.
    _listening: DropGuard,
}

impl Signals {
    /// From now on signals are ours; a second one ends the process.
    pub(crate) fn listen() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let mut incoming = {
            let _inside = runtime.enter();
            Incoming::register()?
        };
        let (requested, end) = (CancellationToken::new(), CancellationToken::new());
        let (stop, ended) = (requested.clone(), end.clone());
        let listen = async move {
            let name = incoming.next().await;
            tracing::info!(target: SAID, "stopping because of {name}");
            say(format_args!("{name}: stopping; the steps under way are finished first, once more to stop at once"));
            stop.cancel();
            let name = incoming.next().await;
            tracing::warn!(target: SAID, "stopping at once because of a second {name}");
            say(format_args!("{name} again: stopping at once; stored work resumes with the next start"));
            process::exit(Exit::Failed.code().into());
        };
        thread::Builder::new().name("minions-signals".to_owned()).spawn(move || {
            runtime.block_on(ended.run_until_cancelled(listen));
        })?;
        Ok(Self { requested, _listening: end.drop_guard() })
    }

    /// Waits for the first signal; answers at once from then on.
    pub(crate) async fn requested(&self) {
        self.requested.cancelled().await;
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
