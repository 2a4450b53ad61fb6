//! `GET /healthz` and `GET /readyz`: whether the process should be left alone, and whether work should be sent to it.

use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use serde::Serialize;

use minions_core::gru::{Control, RuntimePhase};

/// The program that is asked; there is none before it has started.
#[derive(Clone, Debug, Default)]
pub(super) struct Watched(Arc<OnceLock<Control>>);

/// What is answered, in text or in JSON.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Answer {
    #[serde(skip)]
    well: bool,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    troubles: Option<Vec<Told>>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Told {
    kind: String,
    name: String,
    what: String,
}

impl Watched {
    /// From now on `control` is asked; the first one counts.
    pub(super) fn set(&self, control: Control) {
        let _ = self.0.set(control);
    }

    /// Whether it lives: answering is enough, unless there is nothing left to answer for.
    pub(super) fn health(&self) -> Answer {
        let stopped = self.0.get().is_some_and(|control| control.snapshot().phase == RuntimePhase::Stopped);
        let status = if stopped { "stopped" } else { "ok" };
        Answer { well: !stopped, status, troubles: None }
    }

    /// Whether it can do its work, and why not.
    pub(super) fn readiness(&self) -> Answer {
        let Some(control) = self.0.get() else {
            return readiness(vec![told("runtime", "start", "the program is starting")]);
        };
        let troubles = control.snapshot().troubles();
        readiness(troubles.iter().map(|trouble| told(trouble.kind, &trouble.name, &trouble.what)).collect())
    }
}

fn told(kind: &str, name: &str, what: &str) -> Told {
    Told { kind: kind.to_owned(), name: name.to_owned(), what: what.to_owned() }
}

fn readiness(troubles: Vec<Told>) -> Answer {
    let well = troubles.is_empty();
    Answer { well, status: if well { "ready" } else { "not ready" }, troubles: Some(troubles) }
}

impl Answer {
    /// As the client wants it; nobody on the way may keep it.
    pub(super) fn respond(&self, headers: &HeaderMap) -> impl IntoResponse + use<> {
        let code = if self.well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let (kind, body) = match self.to_json().filter(|_| wants_json(headers)) {
            Some(json) => ("application/json", json),
            None => ("text/plain; charset=utf-8", self.to_text()),
        };
        (code, [(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-store")], body)
    }

    fn to_json(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }

    /// The status if all is well, else one line for each trouble.
    fn to_text(&self) -> String {
        let mut text = String::new();
        for Told { kind, name, what } in self.troubles.iter().flatten() {
            // Lines are counted and searched, so what a component says stays on its line. Writing to a string cannot fail.
            let _ = writeln!(text, "{kind} {name}: {}", what.replace(char::is_control, " "));
        }
        if text.is_empty() {
            text = format!("{}\n", self.status);
        }
        text
    }
}

fn wants_json(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().any(|accept| accept.to_str().is_ok_and(|text| text.contains("application/json")))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn before_the_start_it_lives_and_is_not_ready() {
        let watched = Watched::default();
        assert_eq!((watched.health().well, watched.health().to_text().as_str()), (true, "ok\n"));
        let readiness = watched.readiness();
        assert_eq!((readiness.well, readiness.to_text().as_str()), (false, "runtime start: the program is starting\n"));
    }

    #[test]
    fn each_trouble_is_a_line() {
        let trouble = readiness(vec![told("resource", "http", "no route\nto host"), told("pipeline", "tail", "lost")]);
        assert_eq!(trouble.to_text(), "resource http: no route to host\npipeline tail: lost\n");
        let json: Value = serde_json::from_str(&trouble.to_json().unwrap()).unwrap();
        let troubles = json!([
            {"kind": "resource", "name": "http", "what": "no route\nto host"},
            {"kind": "pipeline", "name": "tail", "what": "lost"},
        ]);
        assert_eq!(json, json!({"status": "not ready", "troubles": troubles}));
    }

    #[test]
    fn all_well_is_one_word() {
        let well = readiness(Vec::new());
        assert_eq!((well.well, well.to_text().as_str()), (true, "ready\n"));
        assert_eq!(well.to_json().unwrap(), "{\"status\":\"ready\",\"troubles\":[]}");
    }

    #[test]
    fn json_is_for_those_who_ask() {
        let accepts = |text: &str| wants_json(&HeaderMap::from_iter([(ACCEPT, text.parse().unwrap())]));
        assert!(accepts("application/json") && accepts("text/html, application/json;q=0.9"));
        assert!(!accepts("*/*") && !accepts("text/plain") && !wants_json(&HeaderMap::new()));
    }
}
