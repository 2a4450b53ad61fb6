//! Registered metric handles: looked up once per component, so that counting costs tens of nanoseconds.

use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use parking_lot::Mutex;

use crate::minion::StepInfo;
use crate::store::{Applied, StoreError};

use super::names;

/// Of the queue in front of the store.
#[derive(Clone)]
pub(crate) struct CheckpointMetrics {
    attempts: Counter,
    failures: Counter,
    duration: Histogram,
    batch: Histogram,
    pub(crate) blocked: Gauge,
}

impl CheckpointMetrics {
    pub(crate) fn register() -> Self {
        let blocked = gauge!(names::CHECKPOINTS_BLOCKED);
        blocked.set(0.0);
        Self {
            attempts: counter!(names::CHECKPOINTS),
            failures: counter!(names::CHECKPOINT_FAILURES),
            duration: histogram!(names::CHECKPOINT_DURATION),
            batch: histogram!(names::CHECKPOINT_BATCH),
            blocked,
        }
    }

    pub(crate) fn batch(&self, results: &[Result<Applied, StoreError>], operations: usize, took: Duration) {
        let failures = operations - results.iter().filter(|result| result.is_ok()).count().min(operations);
        self.attempts.increment(operations as u64);
        self.failures.increment(failures as u64);
        self.duration.record(took);
        self.batch.record(operations as f64);
    }
}

/// Of one orchestration's workflows.
pub(crate) struct WorkflowMetrics {
    pub(crate) started: Counter,
    pub(crate) resumed: Counter,
    pub(crate) filtered: Counter,
    pub(crate) in_flight: Gauge,
    /// What their events and contexts take.
    pub(crate) bytes: Gauge,
    pub(crate) parked: Counter,
    pub(crate) quarantined: Gauge,
    /// Those that wait for their turn in their lanes.
    pub(crate) waiting: Gauge,
    pub(crate) ended: [Ended; 4],
    pub(crate) steps: Vec<StepMetrics>,
}

/// How a workflow ends; the index of [`WorkflowMetrics::ended`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Succeeded,
    Aborted,
    /// It failed, and its step for failures has dealt with that.
    Failed,
    Quarantined,
}

pub(crate) struct Ended {
    pub(crate) count: Counter,
    pub(crate) duration: Histogram,
}

/// Of one step.
pub(crate) struct StepMetrics {
    pub(crate) started: Counter,
    pub(crate) in_flight: Gauge,
    pub(crate) succeeded: Counter,
    pub(crate) aborted: Counter,
    pub(crate) failed: Counter,
    pub(crate) panicked: Counter,
    pub(crate) timed_out: Counter,
    pub(crate) retried: Counter,
    pub(crate) duration: Histogram,
}

impl WorkflowMetrics {
    pub(crate) fn register(orchestration: &Arc<str>, minion: &'static str, steps: &[StepInfo]) -> Self {
        let o = || orchestration.to_string();
        let ended = ["succeeded", "aborted", "failed", "quarantined"].map(|status| Ended {
            count: counter!(names::WORKFLOWS_FINISHED, "orchestration" => o(), "minion" => minion, "status" => status),
            duration: histogram!(
                names::WORKFLOW_DURATION, "orchestration" => o(), "minion" => minion, "status" => status
            ),
        });
        let quarantined = gauge!(names::QUARANTINED, "orchestration" => o(), "minion" => minion);
        Self {
            started: counter!(names::WORKFLOWS_STARTED, "orchestration" => o(), "minion" => minion),
            resumed: counter!(names::WORKFLOWS_RESUMED, "orchestration" => o(), "minion" => minion),
            filtered: counter!(names::EVENTS_FILTERED, "orchestration" => o(), "minion" => minion),
            in_flight: gauge!(names::WORKFLOWS_IN_FLIGHT, "orchestration" => o(), "minion" => minion),
            bytes: gauge!(names::WORKFLOWS_BYTES, "orchestration" => o(), "minion" => minion),
            parked: counter!(names::WORKFLOWS_PARKED, "orchestration" => o(), "minion" => minion),
            quarantined,
            waiting: gauge!(names::WORKFLOWS_WAITING, "orchestration" => o(), "minion" => minion),
            ended,
            steps: steps.iter().map(|step| StepMetrics::register(orchestration, minion, step.name)).collect(),
        }
    }

    /// Says how many workflows of an orchestration, which need not run, are in quarantine.
    pub(crate) fn set_quarantined(orchestration: &str, minion: &'static str, count: u64) {
        gauge!(names::QUARANTINED, "orchestration" => orchestration.to_owned(), "minion" => minion).set(count as f64);
    }

    pub(crate) fn end(&self, end: End, took: Duration) {
        let ended = &self.ended[end as usize];
        ended.count.increment(1);
        ended.duration.record(took);
    }
}

impl StepMetrics {
    fn register(orchestration: &Arc<str>, minion: &'static str, step: &'static str) -> Self {
        let labels =
            [("orchestration", orchestration.to_string()), ("minion", minion.to_owned()), ("step", step.to_owned())];
        let finished = |status: &'static str| {
            let mut labels = labels.to_vec();
            labels.push(("status", status.to_owned()));
            counter!(names::STEPS_FINISHED, &labels)
        };
        Self {
            started: counter!(names::STEPS_STARTED, &labels),
            in_flight: gauge!(names::STEPS_IN_FLIGHT, &labels),
            succeeded: finished("succeeded"),
            aborted: finished("aborted"),
            failed: finished("failed"),
            panicked: finished("panicked"),
            timed_out: finished("timed_out"),
            retried: counter!(names::STEPS_RETRIED, &labels),
            duration: histogram!(names::STEP_DURATION, &labels),
        }
    }
}

/// Of one pipeline.
pub(crate) struct PipelineMetrics {
    pub(crate) produced: Counter,
    pub(crate) fanned_out: Counter,
    pub(crate) duplicates: Counter,
    pub(crate) refused: Counter,
    pub(crate) errors: Counter,
    pipeline: String,
    /// One for each reason that it ever waited for: a handful, looked up for many short waits.
    waiting: Mutex<Vec<(&'static str, Gauge)>>,
}

impl PipelineMetrics {
    pub(crate) fn register(pipeline: &str) -> Self {
        let p = || pipeline.to_owned();
        let waiting = gauge!(names::PIPELINE_WAITING, "pipeline" => p(), "reason" => "in_flight");
        waiting.set(0.0);
        Self {
            produced: counter!(names::EVENTS_PRODUCED, "pipeline" => p()),
            fanned_out: counter!(names::EVENTS_FANNED_OUT, "pipeline" => p()),
            duplicates: counter!(names::EVENTS_DUPLICATE, "pipeline" => p()),
            refused: counter!(names::EVENTS_REFUSED, "pipeline" => p()),
            errors: counter!(names::PIPELINE_ERRORS, "pipeline" => p()),
            pipeline: p(),
            waiting: Mutex::new(vec![("in_flight", waiting)]),
        }
    }

    /// Says whether it waits for the reason `word`; there from the first time on that it does.
    pub(crate) fn waiting(&self, word: &'static str, waits: f64) {
        let mut waiting = self.waiting.lock();
        let known = waiting.iter().position(|(known, _)| *known == word);
        let index = known.unwrap_or_else(|| {
            let gauge = gauge!(names::PIPELINE_WAITING, "pipeline" => self.pipeline.clone(), "reason" => word);
            waiting.push((word, gauge));
            waiting.len() - 1
        });
        waiting[index].1.set(waits);
    }
}
