//! Every metric of the runtime: one table of names, kinds, units, labels and meanings.
//!
//! No label carries a workflow id: the number of series is bounded by the program, not by its work.

use metrics::Unit;

macro_rules! table {
    ($($constant:ident = $name:literal, $kind:ident, $unit:ident, [$($label:literal),*], $help:literal;)*) => {
        $(#[doc = $help] pub const $constant: &str = $name;)*

        /// All of them, in the order of the documentation.
        pub const TABLE: &[Metric] = &[$(Metric {
            name: $name, kind: MetricKind::$kind, unit: Unit::$unit, labels: &[$($label),*], help: $help,
        }),*];
    };
}

table! {
    WORKFLOWS_STARTED = "minions_workflows_started_total", Counter, Count, ["orchestration", "minion"],
        "Workflows begun by an event.";
    WORKFLOWS_RESUMED = "minions_workflows_resumed_total", Counter, Count, ["orchestration", "minion"],
        "Stored workflows taken up again.";
    WORKFLOWS_IN_FLIGHT = "minions_workflows_in_flight", Gauge, Count, ["orchestration", "minion"],
        "Workflows that are awake in this process.";
    WORKFLOWS_BYTES = "minions_workflows_in_flight_bytes", Gauge, Bytes, ["orchestration", "minion"],
        "What the events and contexts of those take, as they are stored.";
    WORKFLOWS_FINISHED = "minions_workflows_finished_total", Counter, Count, ["orchestration", "minion", "status"],
        "Workflows that ended; status is succeeded, aborted, failed or quarantined.";
    WORKFLOWS_PARKED = "minions_workflows_parked_total", Counter, Count, ["orchestration", "minion"],
        "Workflows left stored at a step because the runtime stopped.";
    WORKFLOW_DURATION = "minions_workflow_duration_seconds", Histogram, Seconds, ["orchestration", "minion", "status"],
        "Time from a workflow's start or resumption in this process to its end.";
    STEPS_STARTED = "minions_steps_started_total", Counter, Count, ["orchestration", "minion", "step"],
        "Attempts at a step.";
    STEPS_IN_FLIGHT = "minions_steps_in_flight", Gauge, Count, ["orchestration", "minion", "step"],
        "Steps that are running.";
    STEPS_FINISHED = "minions_steps_finished_total", Counter, Count, ["orchestration", "minion", "step", "status"],
        "Attempts that ended; status is succeeded, aborted, failed, panicked or timed_out.";
    STEPS_RETRIED = "minions_steps_retried_total", Counter, Count, ["orchestration", "minion", "step"],
        "Attempts after which the step was put off, to be tried again.";
    STEP_DURATION = "minions_step_duration_seconds", Histogram, Seconds, ["orchestration", "minion", "step"],
        "Time that an attempt at a step took, without its checkpoint and without waiting for permits of limits.";
    EVENTS_PRODUCED = "minions_events_produced_total", Counter, Count, ["pipeline"],
        "Events that a pipeline returned.";
    EVENTS_FANNED_OUT = "minions_events_fanned_out_total", Counter, Count, ["pipeline"],
        "Workflows created for those events, over all minions.";
    EVENTS_REFUSED = "minions_events_refused_total", Counter, Count, ["pipeline"],
        "Events that could not be stored and were not admitted.";
    EVENTS_DUPLICATE = "minions_events_duplicate_total", Counter, Count, ["pipeline"],
        "Events with a key that was admitted before.";
    EVENTS_FILTERED = "minions_events_filtered_total", Counter, Count, ["orchestration", "minion"],
        "Events that a minion does not accept.";
    PIPELINE_ERRORS = "minions_pipeline_errors_total", Counter, Count, ["pipeline"],
        "Calls of next that failed or panicked.";
    PIPELINE_WAITING = "minions_pipeline_waiting", Gauge, Count, ["pipeline", "reason"],
        "1 while the pipeline takes no event for this reason; there from the first time on that it does not.";
    RESOURCE_CALLS = "minions_resource_calls_total", Counter, Count,
        ["resource", "method", "caller_kind", "caller", "orchestration"],
        "Tracked calls that came to an end.";
    RESOURCE_ERRORS = "minions_resource_errors_total", Counter, Count,
        ["resource", "method", "caller_kind", "caller", "orchestration"],
        "Tracked calls that returned an error.";
    RESOURCE_CALL_DURATION = "minions_resource_call_duration_seconds", Histogram, Seconds,
        ["resource", "method", "caller_kind", "caller", "orchestration"],
        "Time that a tracked call took.";
    RESOURCE_CALLS_IN_FLIGHT = "minions_resource_calls_in_flight", Gauge, Count, ["resource", "method"],
        "Tracked calls under way.";
    LIMIT_WAITING = "minions_limit_waiting", Gauge, Count, ["resource", "method"],
        "Calls of a limited method that wait for a permit.";
    LIMIT_HELD = "minions_limit_held", Gauge, Count, ["resource", "method"],
        "Calls of a limited method that have a permit.";
    LIMIT_WAIT_DURATION = "minions_limit_wait_duration_seconds", Histogram, Seconds, ["resource", "method"],
        "Time that calls of a limited method waited for their permit, which may be none.";
    LIMIT_REJECTIONS = "minions_limit_rejections_total", Counter, Count, ["resource", "method", "reason"],
        "Calls that a limit refused; reason is overloaded, max_wait or circuit.";
    LIMIT_CIRCUIT_OPEN = "minions_limit_circuit_open", Gauge, Count, ["resource", "method"],
        "1 while the circuit of a whole limit is open or is being tried.";
    CHECKPOINTS = "minions_checkpoints_total", Counter, Count, [],
        "Store operations tried: admissions, checkpoints, resolutions.";
    CHECKPOINT_FAILURES = "minions_checkpoint_failures_total", Counter, Count, [],
        "Store operations that failed and are tried again or given up.";
    CHECKPOINT_DURATION = "minions_checkpoint_duration_seconds", Histogram, Seconds, [],
        "Time from handing a batch to the store until it is durable.";
    CHECKPOINT_BATCH = "minions_checkpoint_batch_operations", Histogram, Count, [],
        "Operations in one durable batch.";
    CHECKPOINTS_BLOCKED = "minions_checkpoints_blocked", Gauge, Count, [],
        "Workflows and pipelines that wait for a store that fails.";
    QUARANTINED = "minions_workflows_quarantined", Gauge, Count, ["orchestration", "minion"],
        "Workflows set aside since this process started, and those found at its start.";
    RUNTIME_LAG = "minions_runtime_lag_seconds", Gauge, Seconds, [],
        "How long a task that was ready has waited for a thread of the runtime.";
    THREADS_BLOCKED = "minions_runtime_blocked_threads", Gauge, Count, [],
        "Threads of the runtime that user code has held for a while without an await.";
    THREAD_BLOCKS = "minions_runtime_blocks_total", Counter, Count, ["kind", "component", "what"],
        "Times that user code held a thread of the runtime for a while; what is a step or a hook. Twice a minute at most.";
    WORKFLOWS_WAITING = "minions_workflows_waiting", Gauge, Count, ["orchestration", "minion"],
        "Workflows that wait for their turn in their lanes.";
    COMPONENT_UP = "minions_component_up", Gauge, Count, ["kind", "component"],
        "1 while a component runs.";
    COMPONENT_HEALTHY = "minions_component_healthy", Gauge, Count, ["kind", "component"],
        "1 while a component's health hook says so.";
    COMPONENT_RESTARTS = "minions_component_restarts_total", Counter, Count, ["kind", "component"],
        "Restarts of components that failed.";
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Metric {
    /// The name as it is scraped.
    pub name: &'static str,
    /// Counter, gauge or histogram.
    pub kind: MetricKind,
    /// The unit; [`Unit::Count`] for plain numbers.
    pub unit: Unit,
    /// The labels that every series carries.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
}

/// The kinds of metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetricKind {
    /// Only ever grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution.
    Histogram,
}

/// Tells the installed recorder what each metric means; called at every start.
pub(crate) fn describe() {
    for metric in TABLE {
        match metric.kind {
            MetricKind::Counter => metrics::describe_counter!(metric.name, metric.unit, metric.help),
            MetricKind::Gauge => metrics::describe_gauge!(metric.name, metric.unit, metric.help),
            MetricKind::Histogram => metrics::describe_histogram!(metric.name, metric.unit, metric.help),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_conventions() {
        for metric in TABLE {
            assert!(metric.name.starts_with("minions_"), "{}", metric.name);
            assert_eq!(metric.name.ends_with("_total"), metric.kind == MetricKind::Counter, "{}", metric.name);
            assert_eq!(metric.name.ends_with("_seconds"), metric.unit == Unit::Seconds, "{}", metric.name);
            assert_eq!(metric.name.ends_with("_bytes"), metric.unit == Unit::Bytes, "{}", metric.name);
            assert!(metric.labels.iter().all(|label| *label != "workflow"), "{}", metric.name);
        }
    }
}
