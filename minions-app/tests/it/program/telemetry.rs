//! What a running program tells: metrics, log lines, and what happens if the port is taken.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use minions_app::metrics::reference;

use crate::telemetry::prometheus::{self, Scrape};

use super::support::Place;

fn scrape(address: &str) -> Scrape {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    prometheus::parse(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// The value of a family's first series with these labels.
fn value(scrape: &Scrape, name: &str, labels: &[(&str, &str)]) -> f64 {
    let family = scrape.get(name).unwrap_or_else(|| panic!("{name} is missing"));
    let has = |sample: &&prometheus::Sample| {
        labels.iter().all(|(label, value)| sample.labels.get(*label).is_some_and(|found| found == value))
    };
    family.samples.iter().find(has).unwrap_or_else(|| panic!("{name} {labels:?} is missing")).value
}

/// T1: the documented table is what a live scrape shows, in both directions.
#[test]
fn a_live_scrape_is_the_documented_table() {
    let place = Place::new();
    let args = ["--set", "numbers.stumble=true", "--set", "numbers.stay=true"];
    let mut running = place.start(2, &["first"], &args);
    let line = running.says("metrics are at http://");
    let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).unwrap().to_owned();
    let mut held = Vec::new();
    for _ in 0..2 {
        let asked = place.asked();
        if asked.point == "first 1" { asked.answer("fail") } else { held.push(asked) }
    }
    running.says("workflow quarantined");
    let of = [("orchestration", "numbers/worker"), ("minion", "worker")];
    // The line is written a moment before the end is counted, and there is nothing to be told by that it was.
    let deadline = Instant::now() + Duration::from_secs(60);
    let seen = loop {
        let seen = scrape(&address);
        if value(&seen, "minions_workflows_in_flight", &of) == 1.0 {
            break seen;
        }
        assert!(Instant::now() < deadline, "the end of a workflow is never counted");
    };

    let reference = reference();
    for metric in &reference {
        let family =
            seen.get(metric.name).unwrap_or_else(|| panic!("{} is in the table, not in the scrape", metric.name));
        assert_eq!((family.kind.as_str(), family.help.as_deref()), (metric.kind, Some(metric.help)), "{}", metric.name);
        let documented: BTreeSet<_> = metric.labels.iter().copied().collect();
        for sample in &family.samples {
            let labels: BTreeSet<_> = sample.labels.keys().map(String::as_str).filter(|label| *label != "le").collect();
            assert_eq!(labels, documented, "{}", metric.name);
        }
    }
    let known = |name: &&String| reference.iter().any(|metric| metric.name == name.as_str());
    let strangers: Vec<_> = seen.keys().filter(|name| !known(name)).collect();
    assert!(strangers.is_empty(), "{strangers:?} are in the scrape, not in the table");

    assert_eq!(value(&seen, "minions_workflows_started_total", &of), 2.0);
    assert_eq!(value(&seen, "minions_steps_in_flight", &[("step", "first")]), 1.0);
    assert_eq!(value(&seen, "minions_workflows_quarantined", &of), 1.0);
    assert_eq!(value(&seen, "minions_pipeline_errors_total", &[("pipeline", "numbers")]), 1.0);
    let call = [("resource", "gate"), ("method", "pass"), ("caller", "worker"), ("orchestration", "numbers/worker")];
    assert_eq!(value(&seen, "minions_resource_errors_total", &call), 1.0);
    assert_eq!(value(&seen, "minions_resource_calls_in_flight", &[("resource", "gate")]), 1.0);

    running.kill();
    drop(held);
}

#[test]
fn a_port_in_use_is_not_fatal() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let ended = place.start(1, &[], &["--set", &format!("minions.metrics.listen={address}")]).end().code(0);
    assert!(ended.stderr.contains(&format!("no metrics endpoint at {address}")), "{}", ended.stderr);
    assert_eq!(ended.steps().len(), 3);
}

/// T3: what a user logs inside a step names the workflow, and everything that is said is in the file too.
#[test]
fn the_log_file_is_json_and_knows_the_step() {
    let place = Place::new();
    place.start(1, &[], &[]).end().code(0);
    let log = place.log();
    let of = |message: &str| log.iter().filter(|line| line["message"] == message).collect::<Vec<_>>();
    let works = of("works");
    let steps: Vec<_> = works.iter().map(|line| line["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["first", "second", "third"]);
    for line in &works {
        let expected = json!(["INFO", "it_app", "worker", "worker", "numbers/worker", 1, 1]);
        let found = ["level", "target", "minion", "component", "orchestration", "attempt", "n"].map(|key| &line[key]);
        assert_eq!(json!(found), expected);
        assert_eq!(line["workflow"].as_str().map(str::len), Some(32));
        assert!(line["time"].is_string());
    }
    assert_eq!(of("starting")[0]["state"], ".minions");
    assert_eq!(log.last().map(|line| &line["exit_code"]), Some(&Value::from(0)));
}

#[test]
fn logs_and_metrics_are_switched_off_by_the_configuration() {
    let place = Place::new();
    place.write("minions.toml", "[minions]\nlogs = false\nmetrics = false\n");
    let mut command = place.command(&[], &["--set", "numbers.count=1"]);
    command.env_remove("MINIONS__MINIONS__METRICS__LISTEN");
    let ended = super::support::Running::start(command).end().code(0);
    assert_eq!(ended.stderr, "");
    assert!(!place.state().join("logs").exists());
    // Errors are still said.
    let running = place.start(1, &["startup"], &["--set", "minions.metrics=false"]);
    place.answer_all(&["startup"], "fail");
    let ended = running.end().code(4);
    assert!(ended.stderr.starts_with("error: it_app could not start"), "{}", ended.stderr);
}

#[test]
fn logs_and_metrics_are_switched_off_by_the_program() {
    let place = Place::new();
    let mut command = place.command(&[], &["--set", "numbers.count=1"]);
    command.env("IT_APP", "quiet");
    let ended = super::support::Running::start(command).end().code(0);
    assert_eq!(ended.stderr, "");
    assert!(!place.state().join("logs").exists());
}

/// T6: whoever holds a thread is named while it does, with the place in the source.
#[test]
fn t6_a_step_that_blocks_its_thread_is_named_in_the_log_with_its_file_and_line() {
    let place = Place::new();
    let mut running = place.start(1, &["first"], &[]);
    place.asked().answer("block");
    running.says("it blocks a thread of the runtime");
    let named = |line: &Value| line["message"].as_str().is_some_and(|said| said.starts_with("it blocks a thread"));
    let deadline = Instant::now() + Duration::from_secs(60);
    let line = loop {
        // The file is written beside the terminal.
        match place.log().into_iter().find(named) {
            Some(line) => break line,
            None => assert!(Instant::now() < deadline, "what was said is not in the file"),
        }
    };
    assert_eq!([&line["component"], &line["orchestration"], &line["step"]], ["worker", "numbers/worker", "first"]);
    let at = line["at"].as_str().unwrap();
    assert!(at.contains("it_app.rs:"), "{at}");
    running.kill();
}
