//! The endpoint as a client sees it.

use std::net::{Ipv4Addr, SocketAddr};

use metrics_exporter_prometheus::PrometheusBuilder;
use tempfile::tempdir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use minions_app::logs::{self, LogOptions};
use minions_app::metrics::{self as app_metrics, Described, MetricsOptions};

use super::alone;
use super::prometheus::{self, Scrape};

fn any_port() -> MetricsOptions {
    MetricsOptions::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
}

/// The part of the table that is written without any component.
fn ours() -> Vec<Described> {
    let written = |row: &Described| {
        ["minions_log_", "minions_process_", "minions_host_"].iter().any(|start| row.name.starts_with(start))
    };
    app_metrics::reference().into_iter().filter(written).collect()
}

/// Runs `work` alone in a process with a runtime; answers its standard error to the parent and nothing to the child.
fn alone_with_runtime<F: Future<Output = ()>>(name: &str, work: impl FnOnce() -> F) -> Option<String> {
    if alone::directory().is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(work());
        return None;
    }
    let directory = tempdir().unwrap();
    Some(alone::stderr_of(alone::command(&format!("metrics::{name}"), directory.path())))
}

/// Asks for `path` on a connection of its own; answers the status line, the headers and the body.
async fn ask(address: SocketAddr, method: &str, path: &str) -> (String, String, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let (status, headers) = head.split_once("\r\n").unwrap();
    (status.to_owned(), headers.to_lowercase(), body.to_owned())
}

async fn scrape(address: SocketAddr) -> Scrape {
    let (status, headers, body) = ask(address, "GET", "/metrics").await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert!(headers.contains("content-type: text/plain; version=0.0.4"), "{headers}");
    prometheus::parse(&body).unwrap_or_else(|error| panic!("{error}\n{body}"))
}

#[test]
fn a_scrape_shows_our_table_and_the_users_metrics() {
    alone_with_runtime("a_scrape_shows_our_table_and_the_users_metrics", || async {
        let stop = CancellationToken::new();
        let running = app_metrics::start(&any_port(), stop.clone()).await;
        let address = running.address().unwrap();

        let first = scrape(address).await;
        let ours = ours();
        for row in &ours {
            let family = &first[row.name];
            assert_eq!(family.kind, row.kind, "{}", row.name);
            assert_eq!(family.help.as_deref(), Some(row.help), "{}", row.name);
            assert!(family.samples[0].labels.is_empty(), "{}", row.name);
        }
        assert_eq!(first.len(), ours.len());
        assert!(first["minions_process_resident_memory_bytes"].samples[0].value > 100_000.0);

        metrics::gauge!("my_gauge").set(-1.5);
        metrics::counter!("my_total", "page" => "a \"quoted\"\nname").increment(3);
        for seconds in [0.000_01, 0.02, 500.0] {
            metrics::histogram!("my_seconds", "step" => "fetch").record(seconds);
        }
        let second = scrape(address).await;
        assert_eq!(second["my_gauge"].samples[0].value, -1.5);
        assert_eq!(second["my_total"].samples[0].labels["page"], "a \"quoted\"\nname");
        assert_eq!(second["my_seconds"].kind, "histogram");
        let samples = &second["my_seconds"].samples;
        let below = samples.iter().find(|sample| sample.labels.get("le").is_some_and(|le| le == "0.025"));
        assert_eq!(below.unwrap().value, 2.0);

        let (status, _, body) = ask(address, "GET", "/").await;
        assert_eq!(status, "HTTP/1.1 404 Not Found");
        assert!(body.contains("/metrics"), "{body}");
        let (status, _, _) = ask(address, "POST", "/metrics").await;
        assert_eq!(status, "HTTP/1.1 405 Method Not Allowed");

        stop.cancel();
        running.stopped().await;
        TcpListener::bind(address).await.expect("the port is free");
    });
}

#[test]
fn a_second_start_in_one_process_serves_again() {
    alone_with_runtime("a_second_start_in_one_process_serves_again", || async {
        let stop = CancellationToken::new();
        let running = app_metrics::start(&any_port(), stop.clone()).await;
        let address = running.address().unwrap();
        metrics::counter!("kept_total").increment(1);
        stop.cancel();
        running.stopped().await;

        let stop = CancellationToken::new();
        let running = app_metrics::start(&MetricsOptions::new(address), stop.clone()).await;
        assert_eq!(running.address(), Some(address));
        assert_eq!(scrape(address).await["kept_total"].samples[0].value, 1.0);
        drop(running);
    });
}

#[test]
fn a_recorder_of_the_user_is_respected() {
    alone_with_runtime("a_recorder_of_the_user_is_respected", || async {
        let users = PrometheusBuilder::new().build_recorder();
        let handle = users.handle();
        metrics::set_global_recorder(users).unwrap();
        let stop = CancellationToken::new();
        let running = app_metrics::start(&any_port(), stop.clone()).await;
        assert!(running.recorder().is_none());
        assert!(running.address().is_none());
        // The user sees our figures beside their own.
        assert!(handle.render().contains("minions_process_resident_memory_bytes"));
        stop.cancel();
        running.stopped().await;
    });
}

#[test]
fn a_port_in_use_is_a_warning_with_the_fix() {
    let stderr = alone_with_runtime("a_port_in_use_is_a_warning_with_the_fix", || async {
        logs::install(&LogOptions::default()).unwrap();
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = taken.local_addr().unwrap();
        let stop = CancellationToken::new();
        let running = app_metrics::start(&MetricsOptions::new(address), stop.clone()).await;
        assert_eq!(running.address(), None);
        let recorder = running.recorder().expect("metrics are still recorded");
        assert!(recorder.render().contains("minions_process_threads"));
        eprintln!("{address}");
        stop.cancel();
        running.stopped().await;
    });
    let Some(stderr) = stderr else { return };
    let lines: Vec<&str> = stderr.lines().collect();
    let [warning, address] = lines[..] else { panic!("{stderr}") };
    assert!(
        warning.contains(&format!(
            " WARN  minions  no metrics endpoint at {address}, another program listens there; \
             set `minions.metrics.listen` to a free address, or to `false` error="
        )),
        "{warning}"
    );
}

/// Time stands still here, so that the grace the server gives such a client is over at once.
#[test]
fn a_client_that_stops_reading_does_not_hold_up_the_stop() {
    if alone::directory().is_none() {
        let directory = tempdir().unwrap();
        let name = "metrics::a_client_that_stops_reading_does_not_hold_up_the_stop";
        alone::stderr_of(alone::command(name, directory.path()));
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let stop = CancellationToken::new();
        let running = app_metrics::start(&any_port(), stop.clone()).await;
        let address = running.address().unwrap();
        // More than the buffers of a connection hold.
        let long = "x".repeat(16 << 20);
        metrics::gauge!("long", "label" => long).set(1.0);
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET /metrics HTTP/1.1\r\nhost: test\r\n\r\n").await.unwrap();
        // The first byte shows that the answer is under way.
        let mut byte = [0];
        client.read_exact(&mut byte).await.unwrap();

        stop.cancel();
        running.stopped().await;
        let mut rest = Vec::new();
        // Its end or a reset, but not for ever.
        let _ = client.read_to_end(&mut rest).await;
        TcpListener::bind(address).await.expect("the port is free");
        assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);
    });
}
