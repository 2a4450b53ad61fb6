//! The process's recorder: what the endpoint shows.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// Upper bounds for durations in seconds: three a decade where checkpoints and steps live, two elsewhere.
const SECONDS: &[f64] = &[
    1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
    10.0, 30.0, 100.0,
];

/// Upper bounds for sizes in bytes: powers of four from 64 bytes to 4 GiB.
const BYTES: &[f64] = &[
    64.0,
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
    268_435_456.0,
    1_073_741_824.0,
    4_294_967_296.0,
];

/// Upper bounds for anything else: a count or a number without a known unit.
const OTHER: &[f64] = &[0.01, 0.1, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1e3, 1e4, 1e5, 1e6];

/// Our recorder, installed for the whole process.
#[derive(Clone)]
pub struct Recorder {
    handle: PrometheusHandle,
}

impl Recorder {
    /// Installs a recorder, or answers `None` if the user has installed one, which is then respected.
    ///
    /// A process can have one recorder in its life, so a second call answers the first one's.
    ///
    /// Every histogram has buckets chosen by the end of its name, `_seconds`, `_bytes` or neither, so that processes
    /// can be added up and quantiles asked for later.
    #[must_use]
    pub fn install() -> Option<Self> {
        static OURS: OnceLock<Option<Recorder>> = OnceLock::new();
        OURS.get_or_init(|| {
            let recorder = buckets(PrometheusBuilder::new())
                // Fails only for an empty list of bounds, and the lists are written above.
                .expect("bucket bounds are not empty")
                .build_recorder();
            let handle = recorder.handle();
            metrics::set_global_recorder(recorder).ok()?;
            Some(Self { handle })
        })
        .clone()
    }

    /// Everything recorded so far, in the text format of Prometheus.
    #[must_use]
    pub fn render(&self) -> String {
        minions_core::telemetry::flush();
        self.handle.render()
    }

    /// Moves recorded durations into their buckets every `interval`: without it they pile up until somebody scrapes.
    pub(super) async fn run_upkeep(self, interval: Duration, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            self.handle.run_upkeep();
        }
    }
}

fn buckets(builder: PrometheusBuilder) -> Result<PrometheusBuilder, metrics_exporter_prometheus::BuildError> {
    builder
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_bytes".to_owned()), BYTES)?
        .set_buckets(OTHER)
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_grow() {
        for bounds in [SECONDS, BYTES, OTHER] {
            assert!(bounds.is_sorted_by(|a, b| a < b));
        }
    }

    #[test]
    fn every_histogram_has_buckets_of_its_unit() {
        let recorder = buckets(PrometheusBuilder::new()).unwrap().build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            metrics::histogram!("step_seconds").record(0.002);
            metrics::histogram!("page_bytes").record(100.0);
            metrics::histogram!("links").record(3.0);
        });
        let text = handle.render();
        assert!(!text.contains("quantile"), "{text}");
        assert!(text.contains("step_seconds_bucket{le=\"0.0025\"} 1"), "{text}");
        assert!(text.contains("page_bytes_bucket{le=\"256\"} 1"), "{text}");
        assert!(text.contains("links_bucket{le=\"5\"} 1"), "{text}");
    }
}
