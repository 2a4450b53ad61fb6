//! Where numbers go when the user has not decided otherwise: a Prometheus endpoint, process and host figures included.
//!
//! [`start`] is called once, before any component registers its handles. A recorder that the user has installed is
//! respected: it receives everything, and no endpoint is opened.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use minions_core::gru::Control;

mod health;
mod host;
mod listener;
mod names;
mod options;
mod recorder;
mod reference;
mod server;

pub use self::options::MetricsOptions;
pub use self::recorder::Recorder;
pub use self::reference::{Described, markdown, reference};

pub(crate) use self::names::LOG_LINES_LOST;

use self::health::Watched;
use self::server::Endpoint;

/// How often process and host are measured and the recorder tidies up.
const INTERVAL: Duration = Duration::from_secs(5);

/// What runs for metrics; dropping it ends the tasks at once.
#[derive(Debug)]
pub struct Metrics {
    recorder: Option<Recorder>,
    address: Option<SocketAddr>,
    watched: Watched,
    tasks: JoinSet<()>,
}

/// Installs the recorder, measures process and host, and serves `GET /metrics`, `/healthz` and `/readyz`
/// until `stop` is cancelled.
///
/// An endpoint that cannot be opened is logged as a warning with its address and the fix; everything else goes on. The
/// first figures are there when this returns.
///
/// # Cancel safety
///
/// A dropped future leaves the recorder installed, which a process can have only once, and no task.
pub async fn start(options: &MetricsOptions, stop: CancellationToken) -> Metrics {
    let recorder = Recorder::install();
    names::describe();
    let mut tasks = JoinSet::new();
    if let Some(sampler) = host::publish(host::Probe::default()).await {
        tasks.spawn(host::run(sampler, INTERVAL, stop.clone()));
    }
    let (mut address, watched) = (None, Watched::default());
    if let Some(recorder) = &recorder {
        tasks.spawn(recorder.clone().run_upkeep(INTERVAL, stop.clone()));
        match Endpoint::bind(options.listen, recorder.clone(), watched.clone()).await {
            Ok(endpoint) => {
                address = Some(endpoint.address());
                tracing::info!("metrics are at http://{}/metrics", endpoint.address());
                tasks.spawn(endpoint.run(stop));
            }
            Err(error) => server::warn_unavailable(options.listen, &error),
        }
    }
    Metrics { recorder, address, watched, tasks }
}

impl Metrics {
    /// The recorder that was installed, or `None` if the user's own one is in use.
    #[must_use]
    pub fn recorder(&self) -> Option<&Recorder> {
        self.recorder.as_ref()
    }

    /// Where the endpoint listens, or `None` if there is none.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Lets `/healthz` and `/readyz` tell of the program that `control` handles, which is starting until then. A second
    /// call does nothing.
    pub fn watch(&self, control: Control) {
        self.watched.set(control);
    }

    /// Waits until everything has ended after the token given to [`start`] was cancelled; the port is free then.
    ///
    /// Scrapes under way are answered; a client that does not read its answer is cut off after a second.
    ///
    /// # Cancel safety
    ///
    /// A dropped future ends the tasks at once.
    pub async fn stopped(mut self) {
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::warn!(error = &error as &dyn std::error::Error, "a metrics task ended early");
            }
        }
    }
}
