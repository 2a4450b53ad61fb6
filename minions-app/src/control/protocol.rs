//! What goes over the socket: one line of JSON each way, one request for each connection.
//!
//! ```text
//! → {"v":1,"command":"stop","id":"sitemap/auditor","mode":"park"}
//! ← {"v":1,"ok":{"orchestration":"sitemap/auditor","mode":"park",…}}
//! ← {"v":1,"error":{"kind":"not-found","message":"there is no `sitemap/auditor`; …"}}
//! ```
//!
//! A client keeps its side of the connection open until it has the answer; one that goes away during a start takes it
//! back.

use std::fmt::Display;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use minions_core::gru::{ComponentFailure, ControlError, StartError, StartRequest, StopMode};

/// The version of this protocol; another one is refused, because an order that is half understood is worse than none.
pub(super) const VERSION: u32 = 1;

/// The longest request, in bytes; the longest real one has the context of a workflow.
pub(super) const LONGEST_REQUEST: u64 = 4 * 1024 * 1024;

/// The longest answer that a client reads, in bytes: thousands of orchestrations.
pub(super) const LONGEST_ANSWER: u64 = 256 * 1024 * 1024;

/// What a running program is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Request {
    Ps,
    Start(Start),
    Stop { id: String, mode: StopMode },
    Pause { id: String },
    Resume { id: String },
    Shutdown { mode: Option<StopMode> },
    Wf(crate::workflows::Request),
}

/// What is to be started; a path is absolute, because the program may be in another directory than the person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Start {
    pub(super) orchestration: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) max_in_flight: Option<usize>,
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Answer {
    Ok(Value),
    Error(Refusal),
}

/// Why it does not do it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Refusal {
    /// A word for scripts.
    pub(super) kind: String,
    /// A sentence for people, with the fix.
    pub(super) message: String,
    /// The component that failed, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<Value>,
    /// What failed while the others were stopped again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) cleanup: Vec<Value>,
}

#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    v: u32,
    #[serde(flatten)]
    said: T,
}

#[derive(Deserialize)]
struct Version {
    v: u32,
}

impl Request {
    pub(super) fn to_line(&self) -> Result<String, serde_json::Error> {
        to_line(self)
    }

    /// Understands one line, which ends with its line feed.
    pub(super) fn from_line(line: &[u8]) -> Result<Self, Refusal> {
        let malformed = |why: &dyn Display| Refusal::new("malformed", format!("the request is not understood: {why}"));
        let Some(line) = line.strip_suffix(b"\n") else {
            return Err(malformed(&format_args!("it is no line of at most {LONGEST_REQUEST} bytes")));
        };
        let Version { v } = serde_json::from_slice(line).map_err(|error| malformed(&error))?;
        if v != VERSION {
            let what =
                format!("the program speaks version {VERSION} of the protocol, not {v}; use its own command line");
            return Err(Refusal::new("version", what));
        }
        let understood = serde_json::from_slice::<Versioned<Self>>(line);
        understood.map(|request| request.said).map_err(|error| malformed(&error))
    }
}

impl Answer {
    pub(super) fn ok(value: &impl Serialize) -> Self {
        match serde_json::to_value(value) {
            Ok(value) => Self::Ok(value),
            // Only maps with odd keys and failing user code cannot be written, and our answers have neither.
            Err(error) => Self::Error(Refusal::new("internal", format!("the answer cannot be written: {error}"))),
        }
    }

    pub(super) fn to_line(&self) -> Result<String, serde_json::Error> {
        to_line(self)
    }

    pub(super) fn from_line(line: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice::<Versioned<Self>>(line).map(|answer| answer.said)
    }
}

fn to_line(said: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut line = serde_json::to_string(&Versioned { v: VERSION, said })?;
    line.push('\n');
    Ok(line)
}

impl Refusal {
    pub(super) fn new(kind: &str, message: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), message: message.into(), failure: None, cleanup: Vec::new() }
    }
}

impl From<crate::workflows::Refusal> for Refusal {
    fn from(refusal: crate::workflows::Refusal) -> Self {
        Self::new(refusal.kind, refusal.message)
    }
}

impl From<ControlError> for Refusal {
    fn from(error: ControlError) -> Self {
        let kind = match &error {
            ControlError::AlreadyRunning { .. } => "already-running",
            ControlError::NotFound { .. } => "not-found",
            ControlError::WaitsForItself { .. } => "waits-for-itself",
            ControlError::Stopped { .. } => "stopped",
            ControlError::ShuttingDown => "shutting-down",
            _ => "refused",
        };
        Self::new(kind, error.to_string())
    }
}

impl From<StartError> for Refusal {
    fn from(error: StartError) -> Self {
        let message = error.to_string();
        match error {
            StartError::Refused(error) => error.into(),
            StartError::Manifest(_) => Self::new("manifest", message),
            StartError::HeldBack(_) => Self::new("held-back", message),
            StartError::Store(_) => Self::new("store", message),
            StartError::Component { failure, cleanup } => Self {
                failure: in_json(&failure),
                cleanup: cleanup.iter().filter_map(in_json).collect(),
                ..Self::new("component", message)
            },
            _ => Self::new("refused", message),
        }
    }
}

impl From<Start> for StartRequest {
    fn from(start: Start) -> Self {
        let mut request = Self::named(start.orchestration);
        if let Some(pattern) = start.from {
            request = request.config(pattern);
        }
        if let Some(id) = start.id {
            request = request.id(id);
        }
        if let Some(workflows) = start.max_in_flight {
            request = request.max_in_flight(workflows);
        }
        request
    }
}

fn in_json(failure: &ComponentFailure) -> Option<Value> {
    serde_json::to_value(failure).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(line: &str) -> Refusal {
        Request::from_line(line.as_bytes()).expect_err(line)
    }

    #[test]
    fn requests_are_one_line_and_come_back_the_same() {
        let start = Start {
            orchestration: "sitemap/auditor".to_owned(),
            from: Some("/etc/a-*.toml".to_owned()),
            id: None,
            max_in_flight: Some(8),
        };
        for request in [
            Request::Ps,
            Request::Start(start),
            Request::Stop { id: "a/b".to_owned(), mode: StopMode::Park },
            Request::Pause { id: "line\nfeed".to_owned() },
            Request::Resume { id: "a".to_owned() },
            Request::Shutdown { mode: None },
        ] {
            let line = request.to_line().unwrap();
            assert_eq!(line.matches('\n').count(), 1, "{line}");
            assert_eq!(Request::from_line(line.as_bytes()).unwrap(), request, "{line}");
        }
        let stop = "{\"v\":1,\"command\":\"stop\",\"id\":\"a/b\",\"mode\":\"drain\"}\n";
        let expected = Request::Stop { id: "a/b".to_owned(), mode: StopMode::Drain };
        assert_eq!(Request::from_line(stop.as_bytes()).unwrap(), expected);
    }

    #[test]
    fn what_is_not_understood_whole_is_refused() {
        for line in [
            "",
            "{\"v\":1,\"command\":\"ps\"}",
            "\n",
            "stop everything\n",
            "[1]\n",
            "{\"command\":\"ps\"}\n",
            "{\"v\":1,\"command\":\"explode\"}\n",
            "{\"v\":1,\"command\":\"stop\",\"id\":\"a/b\"}\n",
            "{\"v\":1,\"command\":\"stop\",\"id\":\"a/b\",\"mode\":\"park\",\"dry\":true}\n",
            "{\"v\":1,\"command\":\"start\",\"orchestration\":\"a/b\",\"dry\":true}\n",
            "{\"v\":1,\"command\":\"ps\"}{\"v\":1,\"command\":\"ps\"}\n",
        ] {
            assert_eq!(refused(line).kind, "malformed", "{line}");
        }
        assert!(Request::from_line(b"\xff\xfe\n").is_err());
    }

    #[test]
    fn another_version_is_told_what_to_do() {
        let refusal = refused("{\"v\":2,\"command\":\"levitate\"}\n");
        assert_eq!(refusal.kind, "version");
        assert!(refusal.message.contains("version 1 of the protocol, not 2"), "{}", refusal.message);
    }

    #[test]
    fn answers_have_the_documented_shape() {
        let of = |answer: &Answer| serde_json::from_str::<Value>(&answer.to_line().unwrap()).unwrap();
        assert_eq!(of(&Answer::ok(&json!({"a": 1}))), json!({"v": 1, "ok": {"a": 1}}));
        let refusal = Refusal::from(ControlError::NotFound { id: "a/b".to_owned(), known: Vec::new() });
        let error = json!({"kind": "not-found", "message": "there is no `a/b`; nothing runs"});
        assert_eq!(of(&Answer::Error(refusal.clone())), json!({"v": 1, "error": error}));
        let line = Answer::Error(refusal.clone()).to_line().unwrap();
        assert_eq!(Answer::from_line(line.as_bytes()).unwrap(), Answer::Error(refusal));
        let refused = Refusal::from(StartError::Refused(ControlError::ShuttingDown));
        assert_eq!(
            (refused.kind.as_str(), refused.message.as_str()),
            ("shutting-down", "the program is shutting down")
        );
    }
}
