//! [`simulate`]: a program on one thread, in virtual time, with chance from a seed.

use std::future::Future;

use tokio::time::Instant;

use crate::{clock, random};

/// Runs a test so that it goes the same way every time: on one thread, in virtual time, with a chance of its own.
///
/// Time stands still while anything can run, and jumps to the next timer when nothing can, so that a day passes at once.
/// The runtime's time of day, its jitter and its identities follow from virtual time and `seed`. What remains to the test is
/// to keep away from real things: a file, a socket or a thread takes real time, during which virtual time does not know
/// what to wait for. So the store is a [`MemoryStore`](crate::store::MemoryStore) or a [`FaultyStore`](super::FaultyStore).
///
/// ```
/// use std::time::Duration;
///
/// use minions_core::Gru;
/// use minions_core::pipeline::Next;
/// use minions_core::store::MemoryStore;
/// use minions_core::testing::{Events, Probe, Probed, Source, simulate};
///
/// simulate(7, async {
///     let (events, mut probed) = (Events::<u32>::new(), Probed::<u32>::new());
///     let gru = Gru::builder()
///         .orchestrate::<Source<u32>, Probe<u32>>()
///         .provide(events.source())
///         .provide(probed.probe())
///         .store(MemoryStore::new())
///         .start()
///         .await
///         .unwrap();
///     let began = tokio::time::Instant::now();
///     events.say(Ok(Next::IdleFor(Duration::from_secs(86_400))));
///     events.push(1);
///     // A day later, and at once.
///     tokio::time::sleep(Duration::from_secs(86_400)).await;
///     assert_eq!(probed.next().await, 1);
///     assert_eq!(began.elapsed().as_secs(), 86_400);
///     assert!(gru.shutdown().await.is_clean());
/// });
/// ```
///
/// # Panics
///
/// Inside of another runtime, and when the test panics.
pub fn simulate<T>(seed: u64, test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime that does no I/O needs nothing of the system");
    // Also when the test panics: the thread may run others.
    let _real = BackToReal;
    runtime.block_on(async {
        random::simulated::set(Some(seed));
        clock::simulated::set(Some(Instant::now()));
        test.await
    })
}

struct BackToReal;

impl Drop for BackToReal {
    fn drop(&mut self) {
        random::simulated::set(None);
        clock::simulated::set(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::WorkflowIds;

    #[test]
    fn equal_seeds_are_equal_worlds() {
        let world = |seed| {
            simulate(seed, async {
                let ids = WorkflowIds::after(None);
                tokio::time::sleep(std::time::Duration::from_secs(3600)).await;
                (ids.next(), ids.next(), random::fraction().to_bits(), clock::now_ms())
            })
        };
        assert_eq!(world(1), world(1));
        assert_ne!(world(1), world(2));
        assert_eq!(world(1).3 - 3_600_000, simulate(9, async { clock::now_ms() }));
        assert!(clock::now_ms() > world(1).3, "back to real time");
    }
}
