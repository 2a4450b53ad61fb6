//! The metrics this crate writes: process, host and log.

use metrics::Unit;

/// What a metric does over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Only grows while the process lives.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// One metric as the documentation lists it; none of these has labels.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Name {
    /// The name in a scrape.
    pub name: &'static str,
    /// Whether it only grows.
    pub kind: Kind,
    /// The unit in words, plural.
    pub unit: &'static str,
    /// One sentence on what is counted or measured.
    pub help: &'static str,
}

pub(crate) const LOG_LINES_LOST: &str = "minions_log_lines_lost_total";
pub(super) const PROCESS_MEMORY: &str = "minions_process_resident_memory_bytes";
pub(super) const PROCESS_CPU: &str = "minions_process_cpu_seconds_total";
pub(super) const PROCESS_FDS: &str = "minions_process_open_fds";
pub(super) const PROCESS_THREADS: &str = "minions_process_threads";
pub(super) const HOST_MEMORY_AVAILABLE: &str = "minions_host_memory_available_bytes";
pub(super) const HOST_MEMORY_TOTAL: &str = "minions_host_memory_total_bytes";
pub(super) const HOST_CPU: &str = "minions_host_cpu_usage_ratio";

const NAMES: &[(Name, Unit)] = &[
    (
        Name {
            name: LOG_LINES_LOST,
            kind: Kind::Counter,
            unit: "lines",
            help: "Log lines that could not be written to the log file and went to standard error.",
        },
        Unit::Count,
    ),
    (
        Name { name: PROCESS_MEMORY, kind: Kind::Gauge, unit: "bytes", help: "Memory of this process that is in RAM." },
        Unit::Bytes,
    ),
    (
        Name {
            name: PROCESS_CPU,
            kind: Kind::Counter,
            unit: "seconds",
            help: "Processor time this process has used, in user and kernel mode, in whole seconds.",
        },
        Unit::Seconds,
    ),
    (
        Name {
            name: PROCESS_FDS,
            kind: Kind::Gauge,
            unit: "file descriptors",
            help: "File descriptors this process has open, where the system tells.",
        },
        Unit::Count,
    ),
    (
        Name {
            name: PROCESS_THREADS,
            kind: Kind::Gauge,
            unit: "threads",
            help: "Threads of this process, where the system tells.",
        },
        Unit::Count,
    ),
    (
        Name {
            name: HOST_MEMORY_AVAILABLE,
            kind: Kind::Gauge,
            unit: "bytes",
            help: "Memory of the machine that can be used without swapping.",
        },
        Unit::Bytes,
    ),
    (Name { name: HOST_MEMORY_TOTAL, kind: Kind::Gauge, unit: "bytes", help: "Memory of the machine." }, Unit::Bytes),
    (
        Name {
            name: HOST_CPU,
            kind: Kind::Gauge,
            unit: "ratio",
            help: "Share of the machine's processors that was busy since the last measurement, from 0 to 1.",
        },
        Unit::Percent,
    ),
];

/// Every metric this crate writes, in the order of the documentation.
pub fn table() -> impl Iterator<Item = &'static Name> {
    NAMES.iter().map(|(name, _)| name)
}

/// Tells the recorder what each metric means, and that no line has been lost yet: a counter that first shows up at one
/// cannot be alerted on.
pub(super) fn describe() {
    metrics::counter!(LOG_LINES_LOST).increment(0);
    for (name, unit) in NAMES {
        match name.kind {
            Kind::Counter => metrics::describe_counter!(name.name, *unit, name.help),
            Kind::Gauge => metrics::describe_gauge!(name.name, *unit, name.help),
        }
    }
}
