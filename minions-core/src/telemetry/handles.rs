//! Registered metric handles: looked up once per component, so that counting costs tens of nanoseconds.

use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use parking_lot::Mutex;

use crate::minion::StepInfo;
use crate::store::{Applied, StoreError};

use super::names;
use super::tally::{Tally, Tell, told_by_flush};

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
    /// What the events and contexts of those that are awake take.
    pub(crate) bytes: Gauge,
    pub(crate) parked: Counter,
    pub(crate) quarantined: Gauge,
    /// Those that wait for their turn in their lanes.
    pub(crate) waiting: Gauge,
    awake: Arc<AwakeMetrics>,
    pub(crate) steps: Vec<Arc<StepMetrics>>,
}

/// How a workflow ends; the index of what is counted of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Succeeded,
    Aborted,
    /// It failed, and its step for failures has dealt with that.
    Failed,
    Quarantined,
}

const ENDS: [&str; 4] = ["succeeded", "aborted", "failed", "quarantined"];

/// Of the workflows that are awake, counted by all threads.
struct AwakeMetrics {
    /// Woken, fallen asleep, and how many have ended in each way.
    tally: Tally<{ 2 + ENDS.len() }>,
    in_flight: Gauge,
    ended: [Counter; ENDS.len()],
    durations: [Histogram; ENDS.len()],
}

const BEGUN: usize = 0;
const LEFT: usize = 1;
const ENDED: usize = 2;

impl WorkflowMetrics {
    pub(crate) fn register(orchestration: &Arc<str>, minion: &'static str, steps: &[StepInfo]) -> Self {
        let o = || orchestration.to_string();
        let quarantined = gauge!(names::QUARANTINED, "orchestration" => o(), "minion" => minion);
        let awake = Arc::new(AwakeMetrics {
            tally: Tally::new(),
            in_flight: gauge!(names::WORKFLOWS_IN_FLIGHT, "orchestration" => o(), "minion" => minion),
            ended: ENDS.map(|status| {
                counter!(names::WORKFLOWS_FINISHED, "orchestration" => o(), "minion" => minion, "status" => status)
            }),
            durations: ENDS.map(|status| {
                histogram!(names::WORKFLOW_DURATION, "orchestration" => o(), "minion" => minion, "status" => status)
            }),
        });
        told_by_flush(&awake);
        Self {
            started: counter!(names::WORKFLOWS_STARTED, "orchestration" => o(), "minion" => minion),
            resumed: counter!(names::WORKFLOWS_RESUMED, "orchestration" => o(), "minion" => minion),
            filtered: counter!(names::EVENTS_FILTERED, "orchestration" => o(), "minion" => minion),
            bytes: gauge!(names::WORKFLOWS_BYTES, "orchestration" => o(), "minion" => minion),
            parked: counter!(names::WORKFLOWS_PARKED, "orchestration" => o(), "minion" => minion),
            quarantined,
            waiting: gauge!(names::WORKFLOWS_WAITING, "orchestration" => o(), "minion" => minion),
            awake,
            steps: steps.iter().map(|step| StepMetrics::register(orchestration, minion, step.name)).collect(),
        }
    }

    /// Says how many workflows of an orchestration, which need not run, are in quarantine.
    pub(crate) fn set_quarantined(orchestration: &str, minion: &'static str, count: u64) {
        gauge!(names::QUARANTINED, "orchestration" => orchestration.to_owned(), "minion" => minion).set(count as f64);
    }

    /// A workflow is awake.
    pub(crate) fn wakes(&self) {
        self.awake.tally.count(BEGUN);
    }

    /// A workflow is awake no more.
    pub(crate) fn leaves(&self) {
        self.awake.tally.count(LEFT);
    }

    pub(crate) fn end(&self, end: End, took: Duration) {
        self.awake.tally.count(ENDED + end as usize);
        self.awake.tally.sample(end as usize, took.as_secs_f64(), &self.awake.durations);
    }
}

impl Tell for AwakeMetrics {
    fn tell(&self) {
        let new = self.tally.take(&self.durations);
        change(&self.in_flight, new[BEGUN], new[LEFT]);
        for (counter, count) in self.ended.iter().zip(&new[ENDED..]) {
            counter.increment(*count);
        }
    }
}

impl Drop for AwakeMetrics {
    fn drop(&mut self) {
        self.tell();
    }
}

/// Of one step, counted by all threads.
pub(crate) struct StepMetrics {
    /// Begun, left, and how often it has ended in each way.
    tally: Tally<{ 2 + STATUS.len() }>,
    started: Counter,
    in_flight: Gauge,
    finished: [Counter; STATUS.len()],
    pub(crate) retried: Counter,
    duration: [Histogram; 1],
}

/// How an attempt at a step ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StepEnd {
    Succeeded,
    Aborted,
    Failed,
    Panicked,
    TimedOut,
}

const STATUS: [&str; 5] = ["succeeded", "aborted", "failed", "panicked", "timed_out"];

impl StepMetrics {
    fn register(orchestration: &Arc<str>, minion: &'static str, step: &'static str) -> Arc<Self> {
        let labels =
            [("orchestration", orchestration.to_string()), ("minion", minion.to_owned()), ("step", step.to_owned())];
        let finished = |status: &'static str| {
            let mut labels = labels.to_vec();
            labels.push(("status", status.to_owned()));
            counter!(names::STEPS_FINISHED, &labels)
        };
        let this = Arc::new(Self {
            tally: Tally::new(),
            started: counter!(names::STEPS_STARTED, &labels),
            in_flight: gauge!(names::STEPS_IN_FLIGHT, &labels),
            finished: STATUS.map(finished),
            retried: counter!(names::STEPS_RETRIED, &labels),
            duration: [histogram!(names::STEP_DURATION, &labels)],
        });
        told_by_flush(&this);
        this
    }

    /// An attempt begins; it is in flight until the answer is dropped, also with its task.
    pub(crate) fn begin(&self) -> InFlight<'_> {
        self.tally.count(BEGUN);
        InFlight(self)
    }

    pub(crate) fn end(&self, end: StepEnd, took: Duration) {
        self.tally.count(ENDED + end as usize);
        self.tally.sample(0, took.as_secs_f64(), &self.duration);
    }
}

impl Tell for StepMetrics {
    fn tell(&self) {
        let new = self.tally.take(&self.duration);
        self.started.increment(new[BEGUN]);
        change(&self.in_flight, new[BEGUN], new[LEFT]);
        for (counter, count) in self.finished.iter().zip(&new[ENDED..]) {
            counter.increment(*count);
        }
    }
}

impl Drop for StepMetrics {
    fn drop(&mut self) {
        self.tell();
    }
}

/// An attempt in flight.
pub(crate) struct InFlight<'a>(&'a StepMetrics);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.tally.count(LEFT);
    }
}

/// Moves a gauge that others move as well.
pub(crate) fn change(gauge: &Gauge, more: u64, fewer: u64) {
    if more != fewer {
        gauge.increment(more as f64 - fewer as f64);
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
