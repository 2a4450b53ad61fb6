//! One limiter with very many keys.

use std::fs;
use std::time::Duration;

use futures_util::FutureExt as _;
use minions::limit::{Bounds, Limit, Limiter, Outcome, Rate};
use tokio::task::JoinSet;
use tokio::time::Instant;

const CALLS: u32 = 10;

/// Whether no key is served much later than the others.
pub async fn fairness(keys: u32) -> bool {
    let waiting = keys * CALLS * 2;
    let total = Bounds::new().concurrency(1).queue(waiting + 1);
    let limiter =
        Limiter::new("limits", "fair", Limit::per_key(Bounds::new().concurrency(2)).total(total).keys(keys + 1));
    let gate = limiter.acquire("gate").await.expect("nobody is before it");
    let mut tasks = JoinSet::new();
    // The greedy one comes first.
    for key in 0..keys {
        let calls = if key == 0 { CALLS * 100 } else { CALLS };
        for _ in 0..calls {
            let limiter = limiter.clone();
            tasks.spawn(async move {
                let permit = limiter.acquire(&key.to_string()).await.expect("the queue is long enough");
                let at = Instant::now();
                permit.end(Outcome::Succeeded);
                (key, at)
            });
        }
    }
    let all = (keys - 1) * CALLS + CALLS * 100;
    while limiter.waiting() < all as usize {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let began = Instant::now();
    drop(gate);
    let mut done = vec![Duration::ZERO; keys as usize];
    while let Some(call) = tasks.join_next().await {
        let (key, at) = call.expect("no call fails");
        let done = &mut done[key as usize];
        *done = (*done).max(at - began);
    }
    let greedy = done.remove(0);
    done.sort_unstable();
    let (first, median, slowest) = (done[0], done[done.len() / 2], done[done.len() - 1]);
    let ratio = slowest.as_secs_f64() / median.as_secs_f64();
    println!(
        "fairness: {keys} keys with {CALLS} calls each, one with {}: the first key is done after {first:.2?}, the median one \
         after {median:.2?}, the slowest after {slowest:.2?} ({ratio:.3} of the median), the greedy one after {greedy:.2?}",
        CALLS * 100
    );
    ratio < 1.5
}

/// Whether idle keys are forgotten.
pub async fn memory(keys: u32) -> bool {
    // More keys than are asked for, because the system counts in pages.
    let keys = keys.max(100_000);
    let limit = Limit::per_key(Bounds::new().concurrency(8).rate(Rate::per_second(2)));
    let limiter = Limiter::new("limits", "memory", limit.keys(keys + 1));
    let before = resident();
    for key in 0..keys {
        call(&limiter, &format!("host-{key}.example.org")).await;
    }
    let full = resident();
    let known = limiter.keys();
    tokio::time::sleep(Duration::from_secs(1)).await;
    // Every call looks at another key on its way; these are dropped at once if they would have to wait.
    for _ in 0..2 * keys {
        drop(limiter.acquire("last.example.org").now_or_never());
    }
    println!(
        "memory: {} bytes for each of {known} keys (names of 22 bytes included); {} are known after a second and calls of one key",
        full.saturating_sub(before) / u64::from(keys),
        limiter.keys()
    );
    limiter.keys() <= 2
}

/// What a permit costs where nobody waits.
pub async fn time(keys: u32, calls: u32) {
    let one = Limiter::new("limits", "one", Limit::new(Bounds::new().concurrency(8)));
    let began = Instant::now();
    for _ in 0..calls {
        call(&one, "").await;
    }
    let of_one = began.elapsed() / calls;
    let each = Bounds::new().concurrency(8).rate(Rate::new(1_000, Duration::from_millis(1))).burst(1_000_000);
    let many = Limiter::new("limits", "many", Limit::per_key(each).total(Bounds::new().concurrency(64)));
    let names: Vec<_> = (0..keys).map(|key| format!("host-{key}.example.org")).collect();
    let began = Instant::now();
    for name in names.iter().cycle().take(calls as usize) {
        call(&many, name).await;
    }
    let of_many = began.elapsed() / calls;
    println!(
        "time: {of_one:?} for a permit and its end without keys, {of_many:?} with {keys} keys, a rate and a total"
    );
}

async fn call(limiter: &Limiter, key: &str) {
    limiter.acquire(key).await.expect("nothing refuses it").end(Outcome::Succeeded);
}

/// The memory of this process that is in RAM, in bytes.
fn resident() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|text| text.split_whitespace().nth(1)?.parse::<u64>().ok());
    pages.unwrap_or(0) * 4_096
}
