//! Calls of a resource inside a step.

use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use minions::prelude::*;

#[resource]
struct Bench {}

#[resource]
impl Bench {
    #[untracked]
    pub async fn bare(&self, number: u32) -> Result<u32> {
        Ok(black_box(number))
    }

    pub async fn tracked(&self, number: u32) -> Result<u32> {
        Ok(black_box(number))
    }

    #[limit(concurrency = 8)]
    pub async fn limited(&self, number: u32) -> Result<u32> {
        Ok(black_box(number))
    }

    #[limit(concurrency = 8, per = number % 1000, total(concurrency = 64))]
    pub async fn keyed(&self, number: u32) -> Result<u32> {
        Ok(black_box(number))
    }
}

/// How many calls the only event asks for.
static CALLS: AtomicU32 = AtomicU32::new(0);

#[pipeline]
struct Once {}

#[pipeline]
impl Once {
    async fn next(&mut self) -> Result<Next<u32>> {
        let calls = CALLS.swap(0, Ordering::Relaxed);
        Ok(if calls > 0 { Next::Event(calls) } else { Next::End })
    }
}

#[minion]
struct Measure {
    bench: Dep<Bench>,
}

/// Nanoseconds for each of `calls` calls; the least of a few rounds, because others use the machine too.
macro_rules! least {
    ($calls:expr, $number:ident => $call:expr) => {{
        let mut least = Duration::MAX;
        for _ in 0..5 {
            let began = Instant::now();
            for $number in 0..$calls {
                $call.await?;
            }
            least = least.min(began.elapsed());
        }
        least.as_nanos() as f64 / f64::from($calls)
    }};
}

#[minion]
impl Measure {
    #[minion_step]
    async fn measure(&self, calls: &u32, _context: &mut ()) -> Result<()> {
        let calls = *calls / 5;
        let bare = least!(calls, number => self.bench.bare(number));
        let tracked = least!(calls, number => self.bench.tracked(number)) - bare;
        let limited = least!(calls, number => self.bench.limited(number)) - bare;
        let keyed = least!(calls, number => self.bench.keyed(number)) - bare;
        println!(
            "calls in a step, above a bare one of {bare:.1} ns: tracked {tracked:.0} ns, limited {limited:.0} ns, limited by one \
             of 1000 keys and in total {keyed:.0} ns"
        );
        Ok(())
    }
}

pub async fn measure(calls: u32) {
    CALLS.store(calls.max(5), Ordering::Relaxed);
    let gru = minions::Gru::builder().orchestrate::<Once, Measure>().start().await.expect("it starts");
    gru.finished().await;
    gru.shutdown().await;
}
