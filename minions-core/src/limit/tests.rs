//! Limiters in virtual time, and under threads that come and go.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::task::JoinSet;
use tokio::time::{Instant, advance, sleep, timeout};

use crate::random::mix;
use crate::reason::Reason;

use super::{Bounds, Circuit, Circuits, Limit, Limiter, Outcome, Permit, Rate, Rejected, Why};

const SECOND: Duration = Duration::from_secs(1);

fn limiter(limit: Limit) -> Limiter {
    Limiter::new("http", "get", limit)
}

fn why(answer: Result<Permit, Rejected>) -> (Why, Duration) {
    let rejected = answer.expect_err("it is refused");
    (rejected.why(), rejected.after())
}

/// A call that waits, once it stands in the queue.
async fn waiting(limiter: &Limiter, key: &'static str) -> tokio::task::JoinHandle<Result<Permit, Rejected>> {
    let (limiter, before) = (limiter.clone(), limiter.waiting());
    let call = tokio::spawn({
        let limiter = limiter.clone();
        async move { limiter.acquire(key).await }
    });
    while limiter.waiting() == before {
        tokio::task::yield_now().await;
    }
    call
}

#[tokio::test(start_paused = true)]
async fn a_rate_lets_through_what_it_says_and_never_more() {
    for burst in [1, 25] {
        let limiter = limiter(Limit::new(Bounds::new().rate(Rate::per_second(100)).burst(burst)));
        let count = Arc::new(AtomicUsize::new(0));
        let mut calls = JoinSet::new();
        for _ in 0..50 {
            let (limiter, count) = (limiter.clone(), count.clone());
            calls.spawn(async move {
                loop {
                    limiter.acquire("").await.unwrap().end(Outcome::Succeeded);
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        sleep(10 * SECOND).await;
        calls.shutdown().await;
        let (count, burst) = (count.load(Ordering::Relaxed), burst as usize);
        assert!((1_000 - burst..=1_000 + burst).contains(&count), "{count} calls with a burst of {burst}");
        assert_eq!((limiter.waiting(), limiter.held()), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_rate_that_timers_cannot_express_is_kept_in_the_mean() {
    let limiter = limiter(Limit::new(Bounds::new().rate(Rate::per_second(3_000))));
    let began = Instant::now();
    for _ in 0..30_000 {
        limiter.acquire("").await.unwrap().end(Outcome::Succeeded);
    }
    let took = began.elapsed().as_secs_f64();
    assert!((9.98..10.02).contains(&took), "{took} s");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_goes_away_frees_its_place_and_its_permit() {
    let limiter = limiter(Limit::new(Bounds::new().concurrency(1)));
    let first = limiter.acquire("").await.unwrap();
    let (second, third) = (waiting(&limiter, "").await, waiting(&limiter, "").await);
    second.abort();
    assert!(second.await.unwrap_err().is_cancelled());
    assert_eq!(limiter.waiting(), 1);
    drop(first);
    let third = third.await.unwrap().unwrap();
    // A turn that was given, but never seen by whoever waited for it.
    let mut fourth = Box::pin(limiter.acquire(""));
    assert!(fourth.as_mut().now_or_never().is_none());
    drop(third);
    assert_eq!((limiter.held(), limiter.waiting()), (1, 0));
    drop(fourth);
    assert_eq!(limiter.held(), 0);
    drop(limiter.acquire("").now_or_never().expect("there is a permit"));
}

#[tokio::test(start_paused = true)]
async fn whoever_looks_at_the_clock_may_go_away() {
    let limiter = limiter(Limit::per_key(Bounds::new().rate(Rate::per_second(1))));
    limiter.acquire("a").await.unwrap().end(Outcome::Succeeded);
    limiter.acquire("b").await.unwrap().end(Outcome::Succeeded);
    let (first, second, other) =
        (waiting(&limiter, "a").await, waiting(&limiter, "a").await, waiting(&limiter, "b").await);
    first.abort();
    let began = Instant::now();
    drop(second.await.unwrap().unwrap());
    drop(other.await.unwrap().unwrap());
    assert!(began.elapsed() <= SECOND + Duration::from_millis(2), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_expected_wait_beyond_the_bound_is_told_at_once_and_a_longer_one_in_time() {
    let limiter = limiter(Limit::new(Bounds::new().rate(Rate::new(1, 10 * SECOND))).max_wait(15 * SECOND));
    limiter.acquire("").await.unwrap().end(Outcome::Succeeded);
    let waits = waiting(&limiter, "").await;
    let (reason, after) = why(limiter.acquire("").now_or_never().expect("it is told at once"));
    assert_eq!(reason, Why::MaxWait);
    assert!(after >= 19 * SECOND && after <= 26 * SECOND, "{after:?}");
    drop(waits.await.unwrap().unwrap());
    // Nobody could expect that a call takes for ever.
    let limiter = self::limiter(Limit::new(Bounds::new().concurrency(1)).max_wait(SECOND));
    let _held = limiter.acquire("").await.unwrap();
    let began = Instant::now();
    assert_eq!(why(limiter.acquire("").await).0, Why::MaxWait);
    assert_eq!((began.elapsed(), limiter.waiting()), (SECOND, 0));
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_is_told_at_once() {
    let each = Bounds::new().concurrency(1).queue(1);
    let limiter = limiter(Limit::per_key(each).total(Bounds::new().queue(2)));
    let _held = (limiter.acquire("a").await.unwrap(), limiter.acquire("b").await.unwrap());
    let _one = waiting(&limiter, "a").await;
    assert_eq!(why(limiter.acquire("a").await).0, Why::Overloaded, "of its key");
    let _two = waiting(&limiter, "b").await;
    let _free = limiter.acquire("c").await.unwrap();
    assert_eq!(why(limiter.acquire("c").await).0, Why::Overloaded, "of all keys");
}

#[tokio::test(start_paused = true)]
async fn patience_holds_its_own_key_only() {
    let limiter = limiter(Limit::per_key(Bounds::new().concurrency(4)));
    limiter.acquire("busy").await.unwrap().end(Outcome::NotBefore(30 * SECOND));
    drop(limiter.acquire("other").now_or_never().expect("nobody holds it").unwrap());
    let began = Instant::now();
    drop(limiter.acquire("busy").await.unwrap());
    assert_eq!(began.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_refuses_who_waits_and_who_comes_until_a_probe_succeeds() {
    let circuit = Circuit::new().failures(1).open(30 * SECOND);
    let circuits = Circuits::default();
    let limit = Limit::new(Bounds::new().concurrency(1).circuit(circuit));
    let limiter = Limiter::of("http", "get", limit, Some(circuits.clone()));
    let first = limiter.acquire("").await.unwrap();
    let waits = waiting(&limiter, "").await;
    first.end(Outcome::Failed);
    assert_eq!(why(waits.await.unwrap()).0, Why::Circuit);
    let (reason, after) = why(limiter.acquire("").await);
    assert!(reason == Why::Circuit && after >= 30 * SECOND, "{after:?}");
    assert!(matches!(circuits.of("http")[0].reason, Reason::Circuit { .. }));
    advance(31 * SECOND).await;
    assert!(circuits.of("http").is_empty(), "it is worth a try");
    // One tries, everybody else waits for what comes of it.
    let probe = limiter.acquire("").await.unwrap();
    let (second, third) = (waiting(&limiter, "").await, waiting(&limiter, "").await);
    drop(probe);
    let probe = second.await.unwrap().expect("a probe that says nothing is followed by another one");
    probe.end(Outcome::Succeeded);
    drop(third.await.unwrap().expect("it is closed"));
    assert!(circuits.all().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_fails_opens_the_circuit_again_for_those_who_wait() {
    let circuit = Circuit::new().failures(1).open(30 * SECOND);
    let limiter = limiter(Limit::new(Bounds::new().circuit(circuit)));
    limiter.acquire("").await.unwrap().end(Outcome::Failed);
    advance(31 * SECOND).await;
    let probe = limiter.acquire("").await.unwrap();
    let waits = waiting(&limiter, "").await;
    probe.end(Outcome::Failed);
    assert_eq!(why(waits.await.unwrap()).0, Why::Circuit);
    assert_eq!(why(limiter.acquire("").await).0, Why::Circuit);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn under_threads_that_come_and_go_nothing_is_lost() {
    let each = Bounds::new().concurrency(2).circuit(Circuit::new().failures(3).open(Duration::from_millis(1)));
    let limiter = limiter(Limit::per_key(each).total(Bounds::new().concurrency(5)));
    let inside = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for task in 0..16_u64 {
        let (limiter, inside) = (limiter.clone(), inside.clone());
        tasks.spawn(async move {
            for round in 0..400_u64 {
                let dice = mix((task << 32) | round);
                let key = (dice % 7).to_string();
                // Some lose their patience, at any moment.
                let patience = Duration::from_micros(if dice & 8 == 0 { (dice >> 8) & 0x3ff } else { 10_000_000 });
                let Ok(Ok(permit)) = timeout(patience, limiter.acquire(&key)).await else { continue };
                assert!(inside.fetch_add(1, Ordering::SeqCst) < 5);
                tokio::task::yield_now().await;
                inside.fetch_sub(1, Ordering::SeqCst);
                match (dice >> 20) & 7 {
                    0 => permit.end(Outcome::Failed),
                    1 => drop(permit),
                    _ => permit.end(Outcome::Succeeded),
                }
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.expect("no call waits for ever, and none goes on too soon");
    }
    assert_eq!((limiter.waiting(), limiter.held()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn numbers_as_large_as_they_can_be_are_kept_to() {
    let circuit = Circuit::new().failures(1).ratio(f64::MIN_POSITIVE).calls(u32::MAX).probes(u32::MAX);
    let circuit = circuit.window(Duration::MAX).open(Duration::MAX);
    let bounds = Bounds::new().concurrency(u32::MAX).burst(u32::MAX).queue(u32::MAX);
    let slow = Rate::new(1, Duration::MAX);
    let limits = [
        Limit::new(bounds.rate(slow)),
        Limit::new(Bounds::new().rate(slow).burst(1)),
        Limit::per_key(bounds.rate(Rate::new(u32::MAX, Duration::MAX)).circuit(circuit)).keys(u32::MAX),
        Limit::per_key(bounds.rate(Rate::new(u32::MAX, Duration::from_nanos(1))).circuit(circuit))
            .total(bounds.rate(slow)),
        Limit::new(Bounds::new().concurrency(1).circuit(circuit)),
    ];
    for limit in limits {
        for limit in [limit, limit.max_wait(Duration::MAX), limit.max_wait(Duration::from_nanos(1))] {
            for outcome in [Outcome::Succeeded, Outcome::Failed, Outcome::NotBefore(Duration::MAX), Outcome::Unknown] {
                let limiter = limiter(limit);
                limiter.acquire("a").await.expect("the first one goes on").end(outcome);
                // Whatever it is told, it is told something, or waits.
                let _ = timeout(SECOND * 1_000_000, limiter.acquire("a")).await;
                assert_eq!((limiter.waiting(), limiter.held()), (0, 0), "{limit:?}, {outcome:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn keys_as_long_as_they_can_be_take_no_memory_and_stay_apart() {
    let limiter = limiter(Limit::per_key(Bounds::new().concurrency(1)));
    let long = |end: &str| "\u{e4}".repeat(1 << 19) + end;
    let (one, two) = (long("1"), long("2"));
    let held = limiter.acquire(&one).await.unwrap();
    assert!(limiter.acquire(&two).now_or_never().is_some_and(|answer| answer.is_ok()), "that is another key");
    assert!(limiter.acquire(&one).now_or_never().is_none(), "that is the same one");
    assert!(limiter.longest_key() <= 512, "{}", limiter.longest_key());
    drop(held);
    assert!(limiter.acquire("").await.is_ok(), "an empty key is one as well");
}
