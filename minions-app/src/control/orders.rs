//! [`Orders`]: what whoever runs the program hears from the control socket.

use minions_core::gru::{Control, ShutdownReport, StopMode};

use crate::state::State;

#[cfg(unix)]
use {
    super::server::{self, Service},
    std::sync::Arc,
    tokio::sync::{mpsc, oneshot, watch},
    tokio_util::sync::{CancellationToken, DropGuard},
};

/// The control socket of a running program; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Orders {
    #[cfg(unix)]
    socket: Option<Open>,
}

#[cfg(unix)]
#[derive(Debug)]
struct Open {
    shutdowns: mpsc::Receiver<Option<StopMode>>,
    report: watch::Sender<Option<Arc<ShutdownReport>>>,
    end: DropGuard,
    ended: oneshot::Receiver<()>,
}

#[cfg(unix)]
impl Orders {
    /// Takes orders for the program from now on. One that cannot have a socket goes on without, with a warning.
    pub(crate) fn take(program: &str, state: &State, control: Control) -> Self {
        let (ask, shutdowns) = mpsc::channel(1);
        let (report, reported) = watch::channel(None);
        let end = CancellationToken::new();
        let listening = std::path::absolute(&state.dir).and_then(|dir| {
            server::listen(Service {
                program: program.into(),
                dir,
                control,
                runtime: tokio::runtime::Handle::current(),
                shutdowns: ask,
                report: reported,
                end: end.clone(),
            })
        });
        let end = end.drop_guard();
        match listening {
            Ok(ended) => Self { socket: Some(Open { shutdowns, report, end, ended }) },
            Err(error) => {
                tracing::warn!(%error, "no orders are taken, `ps` and the like do not work");
                Self { socket: None }
            }
        }
    }

    /// Waits for the order to shut down.
    pub(crate) async fn shutdown(&mut self) -> Option<StopMode> {
        if let Some(open) = &mut self.socket
            && let Some(mode) = open.shutdowns.recv().await
        {
            return mode;
        }
        std::future::pending().await
    }

    /// Tells whoever has asked how the shutdown went.
    pub(crate) fn report(&self, report: Arc<ShutdownReport>) {
        if let Some(open) = &self.socket {
            open.report.send_replace(Some(report));
        }
    }

    /// Takes no more orders; answers when nothing of the socket is left.
    pub(crate) async fn end(self) {
        if let Some(Open { end, ended, .. }) = self.socket {
            drop(end);
            let _ = ended.await;
        }
    }
}

#[cfg(not(unix))]
impl Orders {
    /// There is no socket on this system.
    pub(crate) fn take(_: &str, _: &State, _: Control) -> Self {
        Self {}
    }

    /// Nobody asks.
    pub(crate) async fn shutdown(&mut self) -> Option<StopMode> {
        std::future::pending().await
    }

    /// Nobody has asked.
    pub(crate) fn report(&self, _: std::sync::Arc<ShutdownReport>) {}

    /// Nothing is left.
    pub(crate) async fn end(self) {}
}
