//! The runtime's own section, `[minions]`.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use serde::Deserialize;

use minions_core::config::{Decoded, Problem, Settings, decode_section, duration};
use minions_core::guard::MemoryBounds;

use crate::logs::LogOptions;
use crate::metrics::MetricsOptions;

use super::lag::Lag;
use super::limits::Limits;
use super::restart::Restart;
use super::size;
use super::switch::{Fields, Switch};
use super::unlimited;

/// What the section `[minions]` says; every key has a default.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Options {
    /// Where workflows are kept.
    pub store: StoreOption,
    /// What a checkpoint survives.
    pub durability: DurabilityOption,
    /// How many workflows of one orchestration may be awake at once; 1 024 unless set, the greatest number for any.
    #[serde(deserialize_with = "unlimited::count")]
    pub max_in_flight: NonZeroUsize,
    /// How many bytes their events and contexts may take; 64 MiB unless set, the greatest number for any.
    #[serde(deserialize_with = "unlimited::size")]
    pub max_bytes_in_flight: u64,
    /// How many pieces of blocking work may run at once; eight for each processor unless set, the greatest number for any.
    #[serde(deserialize_with = "unlimited::count")]
    pub max_blocking: NonZeroUsize,
    /// How long a shutdown may take altogether; 30 s unless set.
    #[serde(with = "duration")]
    pub shutdown_deadline: Duration,
    /// What becomes of components that fail.
    pub restart: Restart,
    /// Other numbers than limited methods declare.
    pub limits: Limits,
    /// The guard over memory; on unless switched off.
    pub memory: Switch<Memory>,
    /// The watchdog over the threads of the runtime.
    pub lag: Lag,
    /// The program's logs; on unless switched off.
    pub logs: Switch<Logs>,
    /// The endpoint for metrics; on unless switched off.
    pub metrics: Switch<Metrics>,
}

/// Where workflows are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StoreOption {
    /// In a file in the state directory.
    #[default]
    Sqlite,
    /// In memory: lost when the process ends.
    Memory,
    /// Nowhere.
    None,
}

/// What a checkpoint survives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DurabilityOption {
    /// The loss of power.
    #[default]
    Power,
    /// The death of the process, not the loss of power.
    Process,
}

/// What `[minions.memory]` says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Memory {
    /// The share of the memory in use from which on no events are taken; 0.85 unless set.
    pub close_at: f64,
    /// The share below which they are taken again; 0.75 unless set.
    pub open_at: f64,
    /// How long they are not taken at least; 5 s unless set.
    #[serde(with = "duration")]
    pub cooldown: Duration,
    /// How often it is measured; every 500 ms unless set.
    #[serde(with = "duration")]
    pub every: Duration,
}

/// What `[minions.logs]` says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Logs {
    /// What is logged, as a level or as a filter such as `info,my_crate=debug`; `info` unless set.
    pub level: String,
    /// Whether lines go into the file in the state directory; they do unless set.
    pub file: bool,
    /// Whether lines go to the terminal; they do unless set.
    pub terminal: bool,
    /// The size in bytes at which the file is rotated; 10 MiB unless set.
    #[serde(deserialize_with = "size::deserialize")]
    pub max_size: u64,
    /// How many rotated files are kept; 5 unless set.
    pub keep: usize,
}

/// What `[minions.metrics]` says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Metrics {
    /// Where the endpoint listens; `127.0.0.1:8081` unless set.
    pub listen: SocketAddr,
}

impl Options {
    /// The name of the section.
    pub const SECTION: &'static str = "minions";

    /// Reads the section.
    ///
    /// # Errors
    ///
    /// All problems of the section.
    pub fn decode(settings: &Settings) -> Result<Decoded<Self>, Vec<Problem>> {
        decode_section(settings, Self::SECTION)
    }
}

impl Logs {
    /// What the logs are installed with; `file` is where they go if they go into a file.
    #[must_use]
    pub fn to_log_options(&self, file: impl Into<PathBuf>) -> LogOptions {
        LogOptions {
            filter: self.level.clone(),
            file: self.file.then(|| file.into()),
            terminal: self.terminal,
            max_size: self.max_size,
            keep: self.keep,
        }
    }
}

impl From<Metrics> for MetricsOptions {
    fn from(metrics: Metrics) -> Self {
        Self::new(metrics.listen)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            store: StoreOption::default(),
            durability: DurabilityOption::default(),
            max_in_flight: const { NonZeroUsize::new(1_024).unwrap() },
            max_bytes_in_flight: 64 << 20,
            max_blocking: default_blocking(),
            shutdown_deadline: Duration::from_secs(30),
            restart: Restart::default(),
            limits: Limits::default(),
            memory: Switch::default(),
            lag: Lag::default(),
            logs: Switch::default(),
            metrics: Switch::default(),
        }
    }
}

/// As many as the builder lets run unless it is told otherwise.
fn default_blocking() -> NonZeroUsize {
    const { NonZeroUsize::new(8).unwrap() }.saturating_mul(thread::available_parallelism().unwrap_or(TWO))
}

const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();

impl Default for Memory {
    fn default() -> Self {
        let MemoryBounds { close_at, open_at, cooldown, every, .. } = MemoryBounds::default();
        Self { close_at, open_at, cooldown, every }
    }
}

impl From<&Memory> for MemoryBounds {
    fn from(memory: &Memory) -> Self {
        let Memory { close_at, open_at, cooldown, every } = *memory;
        Self::default().between(open_at, close_at).cooldown(cooldown).every(every)
    }
}

impl Default for Logs {
    fn default() -> Self {
        let LogOptions { filter, terminal, max_size, keep, .. } = LogOptions::default();
        Self { level: filter, file: true, terminal, max_size, keep }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self { listen: MetricsOptions::default().listen }
    }
}

impl Fields for Memory {
    const FIELDS: &'static [&'static str] = &["close_at", "open_at", "cooldown", "every"];
}

impl Fields for Logs {
    const FIELDS: &'static [&'static str] = &["level", "file", "terminal", "max_size", "keep"];
}

impl Fields for Metrics {
    const FIELDS: &'static [&'static str] = &["listen"];
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use minions_core::supervise;
    use serde_json::json;

    use super::*;

    fn decode(section: &serde_json::Value) -> Result<Decoded<Options>, Vec<Problem>> {
        Options::decode(&Settings::from_json(json!({"minions": section})).unwrap())
    }

    #[test]
    fn nothing_set_is_all_defaults() {
        let options = Options::decode(&Settings::empty()).unwrap();
        assert_eq!(options.value, Options::default());
        let defaults: Vec<_> = options.keys.defaults.iter().map(ToString::to_string).collect();
        assert_eq!(
            defaults,
            [
                "durability",
                "lag",
                "limits",
                "logs",
                "max_blocking",
                "max_bytes_in_flight",
                "max_in_flight",
                "memory",
                "metrics",
                "restart",
                "shutdown_deadline",
                "store",
            ]
        );
    }

    #[test]
    fn every_key_can_be_set() {
        let options = decode(&json!({
            "store": "memory", "durability": "process", "max_in_flight": 7, "max_bytes_in_flight": "1MiB",
            "shutdown_deadline": "2m", "memory": {"close_at": 0.9, "open_at": 0.5, "cooldown": "1m", "every": "1s"},
            "logs": {"level": "debug", "file": false, "terminal": false, "max_size": "1KB", "keep": 1},
            "metrics": {"listen": "0.0.0.0:9"}, "limits": {}, "max_blocking": 3,
            "lag": {"name_after": "100ms", "close_at": "3s", "open_at": "1s", "cooldown": "0s"},
            "restart": {
                "policy": "never", "first_delay": "1s", "max_delay": "2s", "multiplier": 1.5, "jitter": 0, "limit": 1,
                "reset": "1m", "components": {},
            },
        }))
        .unwrap();
        let logs = Logs { level: "debug".into(), file: false, terminal: false, max_size: 1_000, keep: 1 };
        let expected = Options {
            store: StoreOption::Memory,
            durability: DurabilityOption::Process,
            max_in_flight: NonZeroUsize::new(7).unwrap(),
            max_bytes_in_flight: 1 << 20,
            max_blocking: NonZeroUsize::new(3).unwrap(),
            shutdown_deadline: Duration::from_secs(120),
            restart: Restart {
                policy: supervise::Restart::Never,
                first_delay: Duration::from_secs(1),
                max_delay: Duration::from_secs(2),
                multiplier: 1.5,
                jitter: 0.0,
                limit: 1,
                reset: Duration::from_secs(60),
                components: BTreeMap::new(),
            },
            limits: Limits::default(),
            memory: Switch::On(Memory {
                close_at: 0.9,
                open_at: 0.5,
                cooldown: Duration::from_secs(60),
                every: Duration::from_secs(1),
            }),
            lag: Lag {
                name_after: Duration::from_millis(100),
                close_at: Duration::from_secs(3),
                open_at: Duration::from_secs(1),
                cooldown: Duration::ZERO,
            },
            logs: Switch::On(logs),
            metrics: Switch::On(Metrics { listen: "0.0.0.0:9".parse().unwrap() }),
        };
        assert_eq!(options.value, expected);
        assert!(options.keys.defaults.is_empty(), "{:?}", options.keys);
    }

    #[test]
    fn parts_are_switched_off_and_on() {
        let options = decode(&json!({"logs": false, "metrics": true, "store": "none"})).unwrap().value;
        assert_eq!((options.logs.as_on(), options.store), (None, StoreOption::None));
        assert_eq!(options.metrics.as_on(), Some(&Metrics::default()));
        let options = decode(&json!({"logs": {"keep": 9}})).unwrap();
        assert_eq!(options.value.logs.as_on(), Some(&Logs { keep: 9, ..Logs::default() }));
        assert!(options.keys.defaults.iter().any(|path| path.to_string() == "logs.level"));
    }

    #[test]
    fn what_may_be_without_bound_says_so_in_one_word() {
        let unlimited = json!({
            "max_in_flight": "unlimited", "max_bytes_in_flight": "unlimited", "max_blocking": "unlimited",
        });
        let options = decode(&unlimited).unwrap().value;
        assert_eq!((options.max_in_flight, options.max_bytes_in_flight), (NonZeroUsize::MAX, u64::MAX));
        assert_eq!(options.max_blocking, NonZeroUsize::MAX);
        for wrong in [json!("many"), json!("Unlimited"), json!(0), json!(-1), json!(1.5), json!("18446744073709551616")]
        {
            for key in ["max_in_flight", "max_blocking"] {
                let problems = decode(&json!({ key: wrong })).unwrap_err();
                let said = problems[0].to_string();
                assert!(
                    said.contains(&format!("[minions] {key}: expected an integer above 0, or \"unlimited\"")),
                    "{said}"
                );
            }
        }
        assert!(decode(&json!({"max_bytes_in_flight": 0})).is_err());
    }

    #[test]
    fn logs_go_into_the_file_only_if_they_should() {
        let logs = Logs { level: "debug".into(), ..Logs::default() };
        let options = logs.to_log_options("state/logs/minions.log");
        assert_eq!(options.file, Some(PathBuf::from("state/logs/minions.log")));
        assert_eq!(
            (options.filter.as_str(), options.terminal, options.max_size, options.keep),
            ("debug", true, 10 << 20, 5)
        );
        assert_eq!(Logs { file: false, ..logs }.to_log_options("x").file, None);
    }

    #[test]
    fn all_mistakes_come_at_once() {
        let problems = decode(&json!({
            "stoer": 1, "store": "sqllite", "max_in_flight": 0, "shutdown_deadline": 30,
            "logs": {"levl": "x", "max_size": "big", "keep": -1}, "metrics": "on",
        }))
        .unwrap_err();
        let lines: Vec<_> = problems.iter().map(|problem| problem.to_string().replace("code: ", "")).collect();
        assert_eq!(
            lines,
            [
                "[minions]: unknown key `stoer`; did you mean `store`? \
                 (known: store, durability, max_in_flight, max_bytes_in_flight, max_blocking, shutdown_deadline, restart, \
                 limits, memory, lag, logs, metrics)",
                "[minions] logs: unknown key `levl`; did you mean `level`? \
                 (known: level, file, terminal, max_size, keep)",
                "[minions] logs.keep: expected an integer, not negative, found integer -1",
                "[minions] logs.max_size: `big` is not a size; \
                 write a whole number and B, KB, MB, GB, KiB, MiB or GiB",
                "[minions] max_in_flight: expected an integer above 0, or \"unlimited\", found integer 0",
                "[minions] metrics: expected a table, or false to switch it off, found a string",
                "[minions] shutdown_deadline: expected a duration such as \"30s\", found integer 30",
                "[minions] store: unknown value `sqllite`; did you mean `sqlite`? (known: sqlite, memory, none)",
            ]
        );
    }
}
