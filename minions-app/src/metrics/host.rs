//! Memory and processor time of this process and of its machine.

use std::error::Error;
use std::time::Duration;

use metrics::{counter, gauge};
use sysinfo::{MemoryRefreshKind, ProcessRefreshKind, ProcessesToUpdate, System, get_current_pid};
use tokio_util::sync::CancellationToken;

use super::names;

/// Something that can be measured again and again; tests have their own.
pub(super) trait Sampler: Send + 'static {
    fn sample(&mut self) -> Result<Sample, MeasureError>;
}

/// One measurement.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample {
    memory_bytes: u64,
    cpu_seconds: u64,
    open_fds: Option<usize>,
    threads: Option<usize>,
    host_available_bytes: u64,
    host_total_bytes: u64,
    host_cpu_ratio: f64,
}

/// Why the figures cannot be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum MeasureError {
    #[error("the system's figures cannot be read")]
    System(#[from] sysinfo::Error),
    #[error("this process is not listed by the system")]
    Process,
    #[error("the system does not tell its memory")]
    Memory,
    #[error("the measurement was interrupted")]
    Interrupted(#[from] tokio::task::JoinError),
}

/// Measures every `interval` until `stop` is cancelled or a measurement fails.
pub(super) async fn run<S: Sampler>(sampler: S, interval: Duration, stop: CancellationToken) {
    let mut sampler = Some(sampler);
    while let Some(current) = sampler.take() {
        let pause = tokio::time::sleep(interval);
        if stop.run_until_cancelled(pause).await.is_none() {
            return;
        }
        sampler = publish(current).await;
    }
}

/// Measures once and hands the sampler back; on failure it warns and hands back nothing, so that a system which does
/// not tell is asked once and not for ever.
pub(super) async fn publish<S: Sampler>(mut sampler: S) -> Option<S> {
    // Reading what the system tells may block for milliseconds, which no step should pay for.
    let measured = tokio::task::spawn_blocking(move || (sampler.sample(), sampler)).await;
    let sample = match measured {
        Ok((Ok(sample), sampler)) => {
            sample.publish();
            return Some(sampler);
        }
        Ok((Err(error), _)) => error,
        Err(error) => error.into(),
    };
    tracing::warn!(error = &sample as &dyn Error, "memory and processor metrics are switched off");
    None
}

impl Sample {
    fn publish(&self) {
        #[expect(clippy::cast_precision_loss, reason = "sizes stay exact to a byte up to 8 PiB")]
        fn set(name: &'static str, value: u64) {
            gauge!(name).set(value as f64);
        }
        set(names::PROCESS_MEMORY, self.memory_bytes);
        counter!(names::PROCESS_CPU).absolute(self.cpu_seconds);
        if let Some(open) = self.open_fds {
            set(names::PROCESS_FDS, open as u64);
        }
        if let Some(threads) = self.threads {
            set(names::PROCESS_THREADS, threads as u64);
        }
        set(names::HOST_MEMORY_AVAILABLE, self.host_available_bytes);
        set(names::HOST_MEMORY_TOTAL, self.host_total_bytes);
        gauge!(names::HOST_CPU).set(self.host_cpu_ratio);
    }
}

/// Asks the system.
#[derive(Debug, Default)]
pub(super) struct Probe {
    /// Made by the first measurement, which may block, and kept because processor use is a difference.
    system: Option<System>,
}

impl Sampler for Probe {
    fn sample(&mut self) -> Result<Sample, MeasureError> {
        let pid = get_current_pid().map_err(|_| MeasureError::Process)?;
        let system = match &mut self.system {
            Some(system) => system,
            none => none.insert(System::new()?),
        };
        system.refresh_cpu_usage();
        system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        // Without the threads: sysinfo never forgets one that has ended, and the blocking pool makes many.
        let wanted = ProcessRefreshKind::nothing().with_cpu().with_memory().without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, wanted);
        let process = system.process(pid).ok_or(MeasureError::Process)?;
        let total = system.total_memory();
        if total == 0 {
            return Err(MeasureError::Memory);
        }
        let busy = f64::from(system.global_cpu_usage()) / 100.0;
        Ok(Sample {
            memory_bytes: process.memory(),
            cpu_seconds: process.accumulated_cpu_time() / 1000,
            open_fds: process.open_files(),
            threads: threads(),
            host_available_bytes: system.available_memory(),
            host_total_bytes: total,
            // Not a number where two measurements saw the same instant.
            host_cpu_ratio: if busy.is_finite() { busy.clamp(0.0, 1.0) } else { 0.0 },
        })
    }
}

#[cfg(target_os = "linux")]
fn threads() -> Option<usize> {
    Some(std::fs::read_dir("/proc/self/task").ok()?.count())
}

#[cfg(not(target_os = "linux"))]
fn threads() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn this_process_and_its_machine_are_measured() {
        let mut probe = Probe::default();
        let sample = probe.sample().unwrap();
        assert!(sample.memory_bytes > 100_000);
        assert!(sample.host_total_bytes > sample.memory_bytes);
        assert!(sample.host_available_bytes <= sample.host_total_bytes);
        assert!((0.0..=1.0).contains(&sample.host_cpu_ratio));
        if cfg!(target_os = "linux") {
            assert!(sample.threads.unwrap() >= 2, "the harness and this test");
            assert!(sample.open_fds.unwrap() >= 3, "the standard streams");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn new_figures_replace_old_ones() {
        let mut probe = Probe::default();
        let before = probe.sample().unwrap();
        let files: Vec<_> = (0..100).map(|_| std::fs::File::open("/proc/self/stat").unwrap()).collect();
        let memory = std::hint::black_box(vec![1_u8; 64 << 20]);
        let during = probe.sample().unwrap();
        assert!(during.open_fds.unwrap() >= before.open_fds.unwrap() + 90);
        assert!(during.memory_bytes >= before.memory_bytes + (32 << 20));
        drop((files, memory));
        let after = probe.sample().unwrap();
        assert!(after.open_fds.unwrap() < during.open_fds.unwrap() - 50);
    }

    /// Answers a given number of times, then fails.
    struct Failing {
        left: usize,
        asked: Arc<AtomicUsize>,
    }

    impl Sampler for Failing {
        fn sample(&mut self) -> Result<Sample, MeasureError> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            self.left = self.left.checked_sub(1).ok_or(MeasureError::Memory)?;
            Ok(Sample {
                memory_bytes: 1,
                cpu_seconds: 2,
                open_fds: None,
                threads: None,
                host_available_bytes: 3,
                host_total_bytes: 4,
                host_cpu_ratio: 0.5,
            })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_measurement_is_the_last_one() {
        let asked = Arc::new(AtomicUsize::new(0));
        let sampler = Failing { left: 3, asked: asked.clone() };
        run(sampler, Duration::from_secs(5), CancellationToken::new()).await;
        assert_eq!(asked.load(Ordering::Relaxed), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn stopping_does_not_wait_for_the_next_measurement() {
        let stop = CancellationToken::new();
        let sampler = Failing { left: 3, asked: Arc::default() };
        let task = tokio::spawn(run(sampler, Duration::from_secs(5), stop.clone()));
        stop.cancel();
        task.await.unwrap();
    }
}
