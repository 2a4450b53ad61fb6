//! The metrics of one limit. No label carries a key.

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::telemetry::names;

use super::Why;

pub(super) struct LimitMetrics {
    pub(super) waiting: Gauge,
    pub(super) held: Gauge,
    pub(super) waited: Histogram,
    pub(super) circuit: Gauge,
    rejected: [Counter; 3],
}

impl LimitMetrics {
    pub(super) fn register(resource: &str, method: &str) -> Self {
        let labels = [("resource", resource.to_owned()), ("method", method.to_owned())];
        let rejected = |why: Why| {
            counter!(names::LIMIT_REJECTIONS, "resource" => resource.to_owned(), "method" => method.to_owned(),
                "reason" => why.as_str())
        };
        let metrics = Self {
            waiting: gauge!(names::LIMIT_WAITING, &labels),
            held: gauge!(names::LIMIT_HELD, &labels),
            waited: histogram!(names::LIMIT_WAIT_DURATION, &labels),
            circuit: gauge!(names::LIMIT_CIRCUIT_OPEN, &labels),
            rejected: Why::ALL.map(rejected),
        };
        // There from the start, so that whoever watches them sees the first one.
        metrics.rejected.iter().for_each(|rejected| rejected.increment(0));
        metrics.circuit.set(0.0);
        metrics
    }

    pub(super) fn rejected(&self, why: Why) {
        self.rejected[why as usize].increment(1);
    }
}
