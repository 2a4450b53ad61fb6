//! What a program of a user has from the start: metrics for Prometheus, and logs at `info` in a file.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::thread::{self, JoinHandle};

use minions::app::logs::{self, Installed, LogOptions};
use minions::app::metrics::{self, MetricsOptions, Recorder};
use tokio_util::sync::CancellationToken;

/// Only what counts and writes, without the endpoint and without upkeep.
///
/// # Errors
///
/// When something is missing that a user's program would have.
pub fn install_outputs(directory: &Path) -> Result<(), String> {
    let mut options = LogOptions::default();
    options.file = Some(directory.join("logs/minions.log"));
    options.terminal = false;
    let installed = logs::install(&options).map_err(|error| format!("no logs: {error}"))?;
    if installed != Installed::Ours {
        return Err(format!("the logs are not those of a user's program: {installed:?}"));
    }
    Recorder::install().map(drop).ok_or_else(|| "the metrics are not those of a user's program".to_owned())
}

/// Metrics and logs of this process.
#[derive(Debug)]
pub struct Telemetry {
    stop: CancellationToken,
    thread: JoinHandle<()>,
}

impl Telemetry {
    /// Switches both on, for the rest of the process. The endpoint and the upkeep run on a thread of their own, because
    /// runtimes come and go here.
    ///
    /// # Errors
    ///
    /// When something is missing that a user's program would have.
    pub fn install(directory: &Path) -> Result<Self, String> {
        install_outputs(directory)?;
        let stop = CancellationToken::new();
        let token = stop.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| format!("no runtime: {error}"))?;
        let serve = move || {
            runtime.block_on(async {
                let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
                let metrics = metrics::start(&MetricsOptions::new(any_port), token.clone()).await;
                token.cancelled().await;
                metrics.stopped().await;
            });
        };
        let thread = thread::Builder::new().name("metrics".to_owned()).spawn(serve);
        let thread = thread.map_err(|error| format!("no thread for metrics: {error}"))?;
        Ok(Self { stop, thread })
    }

    /// Ends the endpoint, and makes sure that steps were counted if `steps` says that some ran.
    ///
    /// # Errors
    ///
    /// When nothing was.
    pub fn end(self, steps: bool) -> Result<(), String> {
        self.stop.cancel();
        self.thread.join().map_err(|_| "the thread of the metrics has panicked")?;
        let text = Recorder::install().map(|recorder| recorder.render()).unwrap_or_default();
        let counted = text.lines().any(|line| {
            let value = line.strip_prefix("minions_steps_started_total{").and_then(|line| line.rsplit(' ').next());
            value.is_some_and(|value| value.parse().is_ok_and(|count: f64| count > 0.0))
        });
        if steps && !counted {
            return Err("the metrics have counted no step".to_owned());
        }
        Ok(())
    }
}
