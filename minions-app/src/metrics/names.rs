//! The metrics this crate writes: process, host and log. None of them has labels.

use metrics::Unit;

use minions_core::telemetry::names::MetricKind;

/// One metric.
pub(super) struct Own {
    pub(super) name: &'static str,
    pub(super) kind: MetricKind,
    /// The unit in words, plural: `metrics` has no word for some.
    pub(super) unit: &'static str,
    pub(super) help: &'static str,
    registered: Unit,
}

macro_rules! table {
    ($($constant:ident = $name:literal, $kind:ident, $unit:literal as $registered:ident, $help:literal;)*) => {
        $(pub(crate) const $constant: &str = $name;)*

        /// All of them, in the order of the documentation.
        pub(super) const OWN: &[Own] = &[$(Own {
            name: $name,
            kind: MetricKind::$kind,
            unit: $unit,
            help: $help,
            registered: Unit::$registered,
        }),*];
    };
}

table! {
    LOG_LINES_LOST = "minions_log_lines_lost_total", Counter, "lines" as Count,
        "Log lines that could not be written to the log file and went to standard error.";
    PROCESS_MEMORY = "minions_process_resident_memory_bytes", Gauge, "bytes" as Bytes,
        "Memory of this process that is in RAM.";
    PROCESS_CPU = "minions_process_cpu_seconds_total", Counter, "seconds" as Seconds,
        "Processor time this process has used, in user and kernel mode, in whole seconds.";
    PROCESS_FDS = "minions_process_open_fds", Gauge, "file descriptors" as Count,
        "File descriptors this process has open, where the system tells.";
    PROCESS_THREADS = "minions_process_threads", Gauge, "threads" as Count,
        "Threads of this process, where the system tells.";
    HOST_MEMORY_AVAILABLE = "minions_host_memory_available_bytes", Gauge, "bytes" as Bytes,
        "Memory of the machine that can be used without swapping.";
    HOST_MEMORY_TOTAL = "minions_host_memory_total_bytes", Gauge, "bytes" as Bytes,
        "Memory of the machine.";
    HOST_CPU = "minions_host_cpu_usage_ratio", Gauge, "ratio" as Percent,
        "Share of the machine's processors that was busy since the last measurement, from 0 to 1.";
}

/// Tells the recorder what each metric means, and that no line has been lost yet: a counter that first shows up at one
/// cannot be alerted on.
pub(super) fn describe() {
    metrics::counter!(LOG_LINES_LOST).increment(0);
    for Own { name, kind, help, registered, .. } in OWN {
        match kind {
            MetricKind::Counter => metrics::describe_counter!(*name, *registered, *help),
            _ => metrics::describe_gauge!(*name, *registered, *help),
        }
    }
}
