//! Why something waits: one vocabulary for pipelines and workflows, in snapshots, metrics, logs and commands.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Why a pipeline does not take its next event, or a workflow does not go on.
///
/// The same value is shown wherever somebody asks: in a [`Snapshot`](crate::gru::Snapshot), by `ps` and `wf show`, in the
/// log, and, as [`as_str`](Self::as_str), as the label of a metric. Its words for people are its [`Display`](fmt::Display).
///
/// Times are milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// As many workflows of an orchestration are awake as may be.
    InFlight {
        /// Its id.
        orchestration: Arc<str>,
        /// How many may be.
        max: usize,
    },
    /// As many workflows of an orchestration wait for their turn in its lanes as may be.
    Backlog {
        /// Its id.
        orchestration: Arc<str>,
        /// How many may wait.
        max: u64,
    },
    /// As many workflows wait for their turn in one lane of an orchestration as may.
    LaneFull {
        /// Its id.
        orchestration: Arc<str>,
        /// The key of the lane.
        lane: Arc<str>,
        /// How many may wait.
        max: u64,
    },
    /// Too many workflows of an orchestration are in quarantine.
    Quarantine {
        /// Its id.
        orchestration: Arc<str>,
        /// How many there are.
        count: u64,
        /// From how many on no event is taken.
        max: u64,
    },
    /// A workflow of an orchestration has been in quarantine for too long.
    QuarantineAge {
        /// Its id.
        orchestration: Arc<str>,
        /// Since when the oldest one is as it is.
        since_ms: i64,
        /// For how long it may be, in milliseconds.
        age_ms: u64,
    },
    /// The events and contexts of an orchestration's workflows that are awake take as much memory as they may.
    Bytes {
        /// Its id.
        orchestration: Arc<str>,
        /// How many bytes they take.
        used: u64,
        /// How many they may take.
        max: u64,
    },
    /// The memory of the container or of the host runs out.
    Memory {
        /// How many bytes are used.
        used: u64,
        /// How many there are.
        limit: u64,
        /// Whose memory it is.
        of: MemoryOf,
    },
    /// The threads of the runtime do not keep up: a task that is ready waits for so long.
    Lag {
        /// Milliseconds.
        behind_ms: u64,
    },
    /// The circuit of a limit is open: what it protects fails too often.
    Circuit {
        /// The limited method, as `resource.method`.
        limit: Arc<str>,
        /// When it is tried again.
        until_ms: i64,
    },
    /// A resource says that it does not work.
    Unhealthy {
        /// Its name.
        resource: Arc<str>,
        /// What it says.
        why: String,
    },
    /// An operator has paused it.
    Paused,
    /// It waits until as many as may be awake are fewer.
    Place,
    /// Others of the same lane are before it.
    Lane {
        /// The key of the lane.
        lane: Arc<str>,
        /// How many are before it.
        ahead: u64,
    },
    /// It has been given its turn in its lane, which is paced.
    Pace {
        /// The key of the lane.
        lane: Arc<str>,
        /// When its turn comes.
        until_ms: i64,
    },
    /// It waits for a permit of a limit.
    Limit {
        /// The limited method, as `resource.method`.
        limit: Arc<str>,
        /// The key whose turn it is to wait for, if the limit is one per key.
        key: Option<Arc<str>>,
        /// How many calls are before it.
        ahead: u64,
    },
    /// It is inside a tracked call.
    Call {
        /// The method, as `resource.method`.
        call: Arc<str>,
    },
    /// Its checkpoint is on its way to the store.
    Store,
    /// It sleeps.
    Sleep {
        /// Until when.
        until_ms: i64,
    },
    /// It waits for a signal.
    Signal {
        /// The name of the signal.
        signal: Arc<str>,
        /// Until when it waits at most.
        until_ms: Option<i64>,
    },
    /// Its last attempt failed, or was too early, and there will be another one.
    PutOff {
        /// When.
        until_ms: i64,
        /// How many attempts have failed.
        failed: u32,
        /// How many there are in all, where the program is known.
        of: Option<u32>,
    },
}

/// Whose memory is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MemoryOf {
    /// What the control group of the process may use.
    Container,
    /// What the machine has.
    Host,
    /// What the process may use for itself.
    Process,
}

/// A [`Reason`], and since when it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Wait {
    /// Why.
    #[serde(flatten)]
    pub reason: Reason,
    /// Since when, in milliseconds since the Unix epoch.
    pub since_ms: i64,
}

impl Wait {
    /// `reason`, since `since_ms`.
    #[must_use]
    pub const fn new(reason: Reason, since_ms: i64) -> Self {
        Self { reason, since_ms }
    }
}

impl Reason {
    /// The word for it in lists, for scripts, and as the label of metrics.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::InFlight { .. } => "in_flight",
            Self::Backlog { .. } => "backlog",
            Self::LaneFull { .. } => "lane_full",
            Self::Quarantine { .. } => "quarantine",
            Self::QuarantineAge { .. } => "quarantine_age",
            Self::Bytes { .. } => "bytes",
            Self::Memory { .. } => "memory",
            Self::Lag { .. } => "lag",
            Self::Circuit { .. } => "circuit",
            Self::Unhealthy { .. } => "unhealthy",
            Self::Paused => "paused",
            Self::Place => "place",
            Self::Lane { .. } => "lane",
            Self::Pace { .. } => "pace",
            Self::Limit { .. } => "limit",
            Self::Call { .. } => "call",
            Self::Store => "store",
            Self::Sleep { .. } => "sleep",
            Self::Signal { .. } => "signal",
            Self::PutOff { .. } => "put_off",
        }
    }

    /// When it is over, in milliseconds since the Unix epoch, if that is known.
    #[must_use]
    pub const fn until_ms(&self) -> Option<i64> {
        match self {
            Self::Circuit { until_ms, .. }
            | Self::Pace { until_ms, .. }
            | Self::Sleep { until_ms }
            | Self::PutOff { until_ms, .. } => Some(*until_ms),
            Self::Signal { until_ms, .. } => *until_ms,
            _ => None,
        }
    }

    /// Whether it comes and goes while everything works: what is awake is enough, or somebody wanted it so.
    #[must_use]
    pub const fn is_routine(&self) -> bool {
        !matches!(
            self,
            Self::Quarantine { .. }
                | Self::QuarantineAge { .. }
                | Self::Memory { .. }
                | Self::Lag { .. }
                | Self::Circuit { .. }
                | Self::Unhealthy { .. }
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InFlight { orchestration, max } => {
                write!(f, "`{orchestration}` has {max} workflows awake, as many as it may")
            }
            Self::Backlog { orchestration, max } => {
                write!(f, "{max} workflows of `{orchestration}` wait in its lanes, as many as may")
            }
            Self::LaneFull { orchestration, lane, max } => {
                write!(f, "{max} workflows of `{orchestration}` wait in lane `{lane}`, as many as may")
            }
            Self::Quarantine { orchestration, count, max } => write!(
                f,
                "{count} workflows of `{orchestration}` are in quarantine, and with {max} no more events are taken; retry or \
                 drop some with `wf`, or raise the bound with `GruBuilder::quarantine`"
            ),
            Self::QuarantineAge { orchestration, age_ms, .. } => write!(
                f,
                "a workflow of `{orchestration}` is in quarantine for longer than {:?}; retry or drop it with `wf`, or \
                 raise the bound with `GruBuilder::quarantine`",
                Duration::from_millis(*age_ms)
            ),
            Self::Bytes { orchestration, used, max } => write!(
                f,
                "what `{orchestration}` has awake takes {}, and with {} no more events are taken",
                Mebibytes(*used),
                Mebibytes(*max)
            ),
            Self::Memory { used, limit, of } => {
                write!(f, "the memory of the {of} is used up: {} of {}", Mebibytes(*used), Mebibytes(*limit))
            }
            Self::Lag { behind_ms } => write!(f, "the runtime is {behind_ms} ms behind; a step blocks its thread"),
            Self::Circuit { limit, .. } => write!(f, "the circuit of `{limit}` is open"),
            Self::Unhealthy { resource, why } => write!(f, "the resource `{resource}` is unhealthy: {why}"),
            Self::Paused => f.write_str("paused by an operator"),
            Self::Place => f.write_str("waits for a place among the workflows that are awake"),
            Self::Lane { lane, ahead } => write!(f, "waits in lane `{lane}`, with {ahead} before it"),
            Self::Pace { lane, .. } => write!(f, "waits for its turn in lane `{lane}`, which is paced"),
            Self::Limit { limit, key, ahead } => {
                write!(f, "waits for a permit of `{limit}`")?;
                if let Some(key) = key {
                    write!(f, " for `{key}`")?;
                }
                write!(f, ", with {ahead} before it")
            }
            Self::Call { call } => write!(f, "inside `{call}`"),
            Self::Store => f.write_str("its checkpoint is on its way to the store"),
            Self::Sleep { .. } => f.write_str("sleeps"),
            Self::Signal { signal, .. } => write!(f, "waits for signal `{signal}`"),
            Self::PutOff { failed, of, .. } => {
                write!(f, "put off after attempt {failed}")?;
                of.map_or(Ok(()), |of| write!(f, " of {of}"))
            }
        }
    }
}

impl fmt::Display for MemoryOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Container => "container",
            Self::Host => "host",
            Self::Process => "process",
        })
    }
}

struct Mebibytes(u64);

impl fmt::Display for Mebibytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} MiB", self.0 as f64 / f64::from(1 << 20))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_knows_until_when_where_that_is_known() {
        assert_eq!(Reason::Sleep { until_ms: 5 }.until_ms(), Some(5));
        assert_eq!(Reason::Signal { signal: "approval".into(), until_ms: None }.until_ms(), None);
        assert_eq!(Reason::Place.until_ms(), None);
    }

    #[test]
    fn a_full_minion_is_routine_and_a_broken_resource_is_not() {
        assert!(Reason::InFlight { orchestration: "a/b".into(), max: 1 }.is_routine());
        assert!(!Reason::Unhealthy { resource: "http".into(), why: "no route".into() }.is_routine());
    }

    #[test]
    fn a_reason_survives_the_socket_with_the_time_since_when_it_holds() {
        let reason = Reason::Limit { limit: "http.get".into(), key: Some("example.org".into()), ahead: 3 };
        let wait = Wait::new(reason, 17);
        let json = serde_json::to_value(&wait).unwrap();
        assert_eq!(json["reason"], wait.reason.as_str());
        assert_eq!(json["since_ms"], 17);
        assert_eq!(serde_json::from_value::<Wait>(json).unwrap(), wait);
        assert_eq!(wait.reason.to_string(), "waits for a permit of `http.get` for `example.org`, with 3 before it");
    }
}
