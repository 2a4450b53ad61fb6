//! Counts that many threads make, handed to the recorder now and then.
//!
//! What every core counts in the same line of memory the cores take from each other, and waiting for that line takes
//! longer than a trivial step. So each thread counts in lines of its own, the *shards*, and [`flush`] adds them up.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Weak};
use std::thread::available_parallelism;

use metrics::Histogram;
use parking_lot::Mutex;

/// Hands everything that was counted until now to the recorder.
///
/// A runtime does so about every 50 ms, and when it has stopped; before its own endpoint is read, too. Whoever reads another
/// recorder and must not miss what has just happened calls this first. In a simulation nobody else does.
///
/// ```
/// minions_core::telemetry::flush();
/// ```
pub fn flush() {
    let counting: Vec<_> = {
        let mut all = ALL.lock();
        all.retain(|one| one.strong_count() > 0);
        all.iter().filter_map(Weak::upgrade).collect()
    };
    counting.iter().for_each(|one| one.tell());
}

/// Whoever counts in a [`Tally`].
pub(crate) trait Tell: Send + Sync {
    /// Hands over what was counted since the last time.
    fn tell(&self);
}

/// Lets [`flush`] ask `one` as long as it lives.
pub(crate) fn told_by_flush(one: &Arc<impl Tell + 'static>) {
    let one: Weak<dyn Tell> = Arc::downgrade(one) as _;
    ALL.lock().push(one);
}

static ALL: Mutex<Vec<Weak<dyn Tell>>> = Mutex::new(Vec::new());

/// So many lines there are at most, and one for each thread that can run at once if that is fewer.
const MOST_SHARDS: usize = 32;
static SHARDS: LazyLock<usize> =
    LazyLock::new(|| available_parallelism().map_or(1, usize::from).next_power_of_two().min(MOST_SHARDS));

/// So many samples of a thread are handed over at once.
const SAMPLES: usize = 128;

/// `N` counts, and samples of histograms.
pub(crate) struct Tally<const N: usize> {
    shards: Box<[Shard<N>]>,
    /// What was handed over.
    told: Mutex<[u64; N]>,
}

/// What threads of one number count; in lines of memory that nothing else is in, two because they are fetched in pairs.
#[repr(align(128))]
struct Shard<const N: usize> {
    counts: [AtomicU64; N],
    /// Which histogram, and the value.
    samples: Mutex<Vec<(u8, f64)>>,
}

impl<const N: usize> Tally<N> {
    pub(crate) fn new() -> Self {
        let shard = |_| Shard { counts: [const { AtomicU64::new(0) }; N], samples: Mutex::default() };
        Self { shards: (0..*SHARDS).map(shard).collect(), told: Mutex::new([0; N]) }
    }

    /// Counts one.
    pub(crate) fn count(&self, which: usize) {
        // Released, so that whoever sees it sees what was counted before, also by another thread that this one heard of.
        self.shard().counts[which].fetch_add(1, Ordering::Release);
    }

    /// Takes a sample of one of `histograms`, which are always the same.
    pub(crate) fn sample(&self, which: usize, value: f64, histograms: &[Histogram]) {
        let mut samples = self.shard().samples.lock();
        samples.push((which as u8, value));
        if samples.len() >= SAMPLES {
            record(&mut samples, histograms);
        }
    }

    /// Answers how much was counted since the last time, and records what was sampled.
    ///
    /// The counts are read from the last one to the first: whatever is counted as ended has to come behind its beginning in
    /// the list, so that nothing ends that has not begun.
    pub(crate) fn take(&self, histograms: &[Histogram]) -> [u64; N] {
        let mut told = self.told.lock();
        let mut new = [0; N];
        for which in (0..N).rev() {
            let counted: u64 = self.shards.iter().map(|shard| shard.counts[which].load(Ordering::Acquire)).sum();
            new[which] = counted - std::mem::replace(&mut told[which], counted);
        }
        for shard in &self.shards {
            record(&mut shard.samples.lock(), histograms);
        }
        new
    }

    fn shard(&self) -> &Shard<N> {
        // There is a power of two of them.
        &self.shards[number() & (self.shards.len() - 1)]
    }
}

fn record(samples: &mut Vec<(u8, f64)>, histograms: &[Histogram]) {
    for (which, value) in samples.drain(..) {
        histograms[usize::from(which)].record(value);
    }
}

/// The number of this thread.
fn number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    let number = NUMBER.get();
    if number < usize::MAX {
        return number;
    }
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    NUMBER.set(number);
    number
}

#[cfg(test)]
mod tests {
    use std::thread;

    use metrics_util::debugging::{DebugValue, DebuggingRecorder};

    use super::*;

    #[test]
    fn what_many_threads_count_is_handed_over_once_and_nothing_ends_before_it_begins() {
        const BEGUN: usize = 0;
        const ENDED: usize = 1;
        let tally = Tally::<2>::new();
        let (mut begun, mut ended) = (0, 0);
        thread::scope(|scope| {
            let count = || {
                for _ in 0..10_000 {
                    tally.count(BEGUN);
                    tally.count(ENDED);
                }
            };
            let threads = [scope.spawn(count), scope.spawn(count), scope.spawn(count)];
            while threads.iter().any(|thread| !thread.is_finished()) {
                let new = tally.take(&[]);
                (begun, ended) = (begun + new[BEGUN], ended + new[ENDED]);
                assert!(ended <= begun, "{ended} of {begun}");
            }
        });
        let new = tally.take(&[]);
        assert_eq!((begun + new[BEGUN], ended + new[ENDED]), (30_000, 30_000));
        assert_eq!(tally.take(&[]), [0, 0]);
    }

    #[test]
    fn every_sample_is_recorded_in_its_histogram() {
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        let (first, second) =
            metrics::with_local_recorder(&recorder, || (metrics::histogram!("first"), metrics::histogram!("second")));
        let (tally, histograms) = (Tally::<0>::new(), [first, second]);
        for number in 0..300 {
            tally.sample(number % 3 % 2, number as f64, &histograms);
        }
        tally.take(&histograms);
        for (key, _, _, value) in snapshotter.snapshot().into_vec() {
            let DebugValue::Histogram(samples) = value else { panic!("{value:?}") };
            assert_eq!(samples.len(), if key.key().name() == "first" { 200 } else { 100 });
        }
    }
}
