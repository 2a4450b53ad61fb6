//! Named points: places of the program where a kill is interesting. One of them may be armed, and then its n-th passing
//! kills the process on the spot, without any cleaning up.

use std::process::{Command, Stdio, abort};
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// The places in the store's life and in the program, and what happens there.
const PLACES: &[(&str, &[&str])] = &[
    // The store, by the kind of operation that a batch contains.
    ("open", &["before", "after"]),
    ("admit", &["before", "during", "after"]),
    ("cursor", &["before", "during", "after"]),
    ("key", &["before", "during", "after"]),
    ("turn", &["before", "during", "after"]),
    ("advance", &["before", "during", "after"]),
    ("emit", &["before", "during", "after"]),
    ("work", &["before", "during", "after"]),
    ("wait", &["before", "during", "after"]),
    ("defer", &["before", "during", "after"]),
    ("resolve", &["before", "during", "after"]),
    ("suspect", &["before", "during", "after"]),
    ("scan", &["before", "after"]),
    ("due", &["before", "after"]),
    ("lanes", &["before", "after"]),
    ("cursors", &["before", "after"]),
    ("close", &["before", "after"]),
    // In the transaction, on the thread that writes.
    ("effect", &["begin", "end"]),
    ("source", &["startup", "line", "message", "shutdown"]),
    ("acknowledgement", &["before", "after"]),
    ("minion", &["startup", "shutdown"]),
    ("begin", STEPS),
    ("end", STEPS),
    ("stop", &["before", "after"]),
];

const STEPS: &[&str] =
    &["take", "rest", "poll", "post", "wait", "decide", "finish", "refund", "check", "file", "carry", "hand"];

/// All names, in a fixed order.
pub fn names() -> Vec<String> {
    let names = |(place, what): &(&str, &[&str])| what.iter().map(|what| format!("{place}.{what}")).collect::<Vec<_>>();
    PLACES.iter().flat_map(names).collect()
}

/// Calls of the system at whose n-th beginning, in any thread, `strace` kills the program: between what is written to the
/// log of the database and its confirmation by the disk, for example.
const CALLS: &[&str] = &["write", "pwrite64", "fsync", "ftruncate", "unlink"];

/// The names of those calls.
pub fn calls() -> Vec<String> {
    CALLS.iter().map(|call| format!("system.{call}")).collect()
}

/// The call of the system that the point is, if it is one.
pub fn as_call(name: &str) -> Option<&str> {
    name.strip_prefix("system.")
}

/// Whether `strace` is there and may attach.
pub fn can_trace() -> bool {
    let mut command = Command::new("strace");
    command.args(["-f", "-o", "/dev/null", "true"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Whether the point can only be passed by a program that is told to stop.
pub fn is_at_stop(name: &str) -> bool {
    ["close.", "stop."].iter().any(|place| name.starts_with(place)) || name.ends_with(".shutdown")
}

/// Which point kills: `name:nth:micros`. The time is between a batch that is handed over and the death "during" it.
#[derive(Clone, Debug)]
pub struct Armed {
    pub name: String,
    pub nth: u64,
    pub micros: u64,
}

impl FromStr for Armed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(':');
        let mut part = || parts.next().ok_or_else(|| format!("`{text}` is not name:nth:micros"));
        let name = part()?.to_owned();
        let mut number = || part()?.parse().map_err(|error| format!("`{text}`: {error}"));
        Ok(Self { name, nth: number()?, micros: number()? })
    }
}

static ARMED: OnceLock<(Armed, AtomicU64)> = OnceLock::new();

/// Arms a point of this process, once.
pub fn arm(armed: Armed) {
    let nth = AtomicU64::new(armed.nth);
    let _ = ARMED.set((armed, nth));
}

/// Passes a point, and dies if it is its turn.
pub fn pass(place: &str, what: &str) {
    if is_turn(place, what) {
        abort();
    }
}

/// Passes a point whose death comes a moment later, while everything goes on.
pub fn pass_slowly(place: &str, what: &str) {
    if is_turn(place, what) {
        let micros = ARMED.get().map_or(0, |(armed, _)| armed.micros);
        thread::spawn(move || {
            thread::sleep(Duration::from_micros(micros));
            abort();
        });
    }
}

fn is_turn(place: &str, what: &str) -> bool {
    let Some((armed, left)) = ARMED.get() else { return false };
    let is_named = armed.name.split_once('.').is_some_and(|name| name == (place, what));
    // Below zero it wraps around, and never comes back to one.
    is_named && left.fetch_sub(1, Ordering::Relaxed) == 1
}
