//! The endpoint: `GET /metrics`, `/healthz`, `/readyz`, and a hint everywhere else.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::health::Watched;
use super::listener::CutListener;
use super::recorder::Recorder;

/// How long answers under way may take once the endpoint stops.
const GRACE: Duration = Duration::from_secs(1);

/// A bound endpoint that does not answer yet.
#[derive(Debug)]
pub(super) struct Endpoint {
    listener: TcpListener,
    address: SocketAddr,
    recorder: Recorder,
    watched: Watched,
}

impl Endpoint {
    pub(super) async fn bind(listen: SocketAddr, recorder: Recorder, watched: Watched) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, recorder, watched })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop` is cancelled; no connection is left when it returns.
    pub(super) async fn run(self, stop: CancellationToken) {
        let cut = CancellationToken::new();
        // Connections live in tasks of their own; they end with this future even if it is dropped.
        let _cut_on_drop = cut.clone().drop_guard();
        let metrics = Router::new().route("/metrics", get(scrape)).with_state(self.recorder);
        let health = Router::new().route("/healthz", get(health)).route("/readyz", get(readiness));
        let routes = metrics.merge(health.with_state(self.watched)).fallback(hint);
        let listener = CutListener { inner: self.listener, cut: cut.clone() };
        let late = async {
            stop.cancelled().await;
            tokio::time::sleep(GRACE).await;
            cut.cancel();
            // The server ends by itself now that its connections do.
            std::future::pending::<()>().await;
        };
        let server = axum::serve(listener, routes).with_graceful_shutdown(stop.clone().cancelled_owned());
        tokio::select! {
            ended = server => {
                if let Err(error) = ended {
                    tracing::warn!(
                        error = &error as &dyn Error,
                        "the metrics endpoint at {} ended early",
                        self.address
                    );
                }
            }
            () = late => {}
        }
    }
}

/// Says that there is no endpoint and what to do; a program does its work without being watched.
pub(super) fn warn_unavailable(listen: SocketAddr, error: &io::Error) {
    let reason = match error.kind() {
        io::ErrorKind::AddrInUse => "another program listens there",
        io::ErrorKind::PermissionDenied => "this user may not listen there",
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address",
        _ => "it cannot be opened",
    };
    tracing::warn!(
        error = error as &dyn Error,
        "no metrics endpoint at {listen}, {reason}; set `minions.metrics.listen` to a free address, or to `false`"
    );
}

async fn scrape(State(recorder): State<Recorder>) -> impl IntoResponse {
    const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, FORMAT)], recorder.render())
}

async fn health(State(watched): State<Watched>, headers: HeaderMap) -> impl IntoResponse {
    watched.health().respond(&headers)
}

async fn readiness(State(watched): State<Watched>, headers: HeaderMap) -> impl IntoResponse {
    watched.readiness().respond(&headers)
}

async fn hint() -> impl IntoResponse {
    (StatusCode::NOT_FOUND, "nothing here; metrics are at /metrics, health at /healthz and /readyz\n")
}
