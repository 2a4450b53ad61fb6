//! `/healthz` and `/readyz` of a running program.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::support::{Place, Running};

/// The status code and the body.
fn ask(address: &str, path: &str, accept: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\naccept: {accept}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn text(address: &str, path: &str) -> (u16, String) {
    ask(address, path, "*/*")
}

fn json(address: &str, path: &str) -> (u16, Value) {
    let (code, body) = ask(address, path, "application/json");
    (code, serde_json::from_str(&body).unwrap())
}

fn endpoint(running: &mut Running) -> String {
    let line = running.says("metrics are at http://");
    line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).unwrap().to_owned()
}

/// Asks until the answer is the expected one: what is true a moment later than the last thing that could be waited for.
#[track_caller]
fn becomes(address: &str, expected: (u16, &str)) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let (code, body) = text(address, "/readyz");
        if (code, &*body) == expected {
            return;
        }
        assert!(Instant::now() < deadline, "{code} {body}");
    }
}

#[test]
fn a_program_that_starts_lives_and_is_not_ready() {
    let place = Place::new();
    let mut running = place.start(1, &["startup", "end"], &[]);
    let address = endpoint(&mut running);
    let starting = place.asked();
    assert_eq!(text(&address, "/healthz"), (200, "ok\n".to_owned()));
    let (code, body) = json(&address, "/readyz");
    assert_eq!((code, &body["status"], &body["troubles"][0]["kind"]), (503, &json!("not ready"), &json!("runtime")));
    starting.answer("go");
    let end = place.asked();
    becomes(&address, (200, "ready\n"));
    assert_eq!(json(&address, "/healthz"), (200, json!({"status": "ok"})));
    assert_eq!(json(&address, "/readyz"), (200, json!({"status": "ready", "troubles": []})));
    assert_eq!(text(&address, "/nowhere").0, 404);
    end.answer("go");
    running.end().code(0);
}

#[test]
fn readiness_names_what_is_unhealthy_until_it_is_well_again() {
    let place = Place::new();
    let mut running = place.start(1, &["health", "end"], &[]);
    let address = endpoint(&mut running);
    let mut end = None;
    // The source may come to its end before anybody asks how the resource is.
    let mut health = |word: &str| {
        loop {
            let asked = place.asked();
            if asked.point == "health" {
                return asked.answer(word);
            }
            end = Some(asked);
        }
    };
    health("fail");
    becomes(&address, (503, "resource gate: cannot pass health\n"));
    let trouble = json!({"kind": "resource", "name": "gate", "what": "cannot pass health"});
    assert_eq!(json(&address, "/readyz"), (503, json!({"status": "not ready", "troubles": [trouble]})));
    // Whoever restarts what is not well would make it worse.
    assert_eq!(text(&address, "/healthz").0, 200);
    health("go");
    becomes(&address, (200, "ready\n"));
    end.unwrap_or_else(|| place.asked()).answer("go");
    running.end().code(0);
}
