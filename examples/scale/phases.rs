//! What each of the processes does and tells.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use minions::GruBuilder;
use minions::gru::StopMode;
use minions::sqlite::SqliteStore;
use tokio::time::sleep;

use crate::parts::{Board, Sleeping, State, Working};
use crate::{Phase, seconds};

/// Within this everything comes to its end.
const PATIENCE: Duration = Duration::from_secs(1800);

pub fn run(phase: Phase, directory: &Path, count: u64) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("no runtime: {error}"))?;
    let began = Instant::now();
    let state = match phase {
        Phase::FallAsleep => State { left: count.into(), ..State::default() },
        Phase::WakeUp => State::default(),
        Phase::Die => State { left: count.into(), hangs: true, ..State::default() },
        Phase::Resume => State { live: true, ..State::default() },
    };
    let board = Board { began, state: Arc::new(state) };
    let at = |builder: GruBuilder| {
        let board = board.clone();
        builder.resource(move || board.clone()).store(SqliteStore::at(directory.join("state.db")))
    };
    runtime.block_on(async {
        match phase {
            Phase::FallAsleep => fall_asleep(at(Sleeping::builder()), &board, count).await,
            Phase::WakeUp => wake_up(at(Sleeping::builder()), &board).await,
            Phase::Die => die(at(Working::builder()), count).await,
            Phase::Resume => resume(at(Working::builder()), &board, count).await,
        }
    })
}

async fn fall_asleep(builder: GruBuilder, board: &Board, count: u64) -> Result<(), String> {
    let gru = builder.start().await.map_err(|error| error.to_string())?;
    let asleep = || board.state.asleep.load(Ordering::Relaxed);
    // What the program needs to work at full speed belongs to no sleeper.
    until(|| asleep() >= count / 50).await?;
    let (before, at, already) = (resident(), Instant::now(), asleep());
    until(|| asleep() == count && gru.in_flight("many/sleeper") == Some(0)).await?;
    let (took, after) = (at.elapsed(), resident());
    println!(
        "{count} workflows sleep; {:.0} a second; memory {before:.1} MiB with {already} of them, {after:.1} MiB with all",
        (count - already) as f64 / took.as_secs_f64()
    );
    let at = Instant::now();
    let report = gru.shutdown().await;
    println!("the stop took {}, clean: {}", seconds(at.elapsed()), report.is_clean());
    Ok(())
}

async fn wake_up(builder: GruBuilder, board: &Board) -> Result<(), String> {
    let gru = builder.start().await.map_err(|error| error.to_string())?;
    let started = board.began.elapsed();
    until(|| board.state.woke.lock().is_some()).await?;
    let woke = board.state.woke.lock().unwrap_or_default();
    println!(
        "restart: up after {}, the first wakes up after {}, memory {:.1} MiB",
        seconds(started),
        seconds(woke),
        resident()
    );
    gru.shutdown().await;
    Ok(())
}

async fn die(builder: GruBuilder, count: u64) -> Result<(), String> {
    let count = usize::try_from(count).map_err(|error| error.to_string())?;
    let gru = builder.max_in_flight(count).start().await.map_err(|error| error.to_string())?;
    until(|| gru.in_flight("many/worker") == Some(count)).await?;
    println!("the process dies with {count} workflows in a step");
    std::process::abort()
}

async fn resume(builder: GruBuilder, board: &Board, count: u64) -> Result<(), String> {
    let gru = builder.start().await.map_err(|error| error.to_string())?;
    let (started, at) = (board.began.elapsed(), Instant::now());
    until(|| board.state.through.load(Ordering::Relaxed) >= count).await?;
    let took = at.elapsed();
    println!(
        "{count} unfinished: up after {}, all through {} later, {:.0} a second; memory {:.1} MiB",
        seconds(started),
        seconds(took),
        count as f64 / took.as_secs_f64(),
        resident()
    );
    for (whom, waited) in [("the same minion", &board.state.busy), ("another minion", &board.state.idle)] {
        let mut waited = std::mem::take(&mut *waited.lock());
        waited.sort_unstable();
        let at = |share: usize| waited.get((waited.len() * share / 100).min(waited.len().saturating_sub(1)));
        println!(
            "meanwhile {} new events of {whom} began after {:?} (median), {:?} (99 of 100), {:?} (all)",
            waited.len(),
            at(50).copied().unwrap_or_default(),
            at(99).copied().unwrap_or_default(),
            at(100).copied().unwrap_or_default()
        );
    }
    gru.shutdown_with(StopMode::Park).await;
    Ok(())
}

async fn until(mut holds: impl FnMut() -> bool) -> Result<(), String> {
    let began = Instant::now();
    while !holds() {
        if began.elapsed() > PATIENCE {
            return Err(format!("it has not come to that within {PATIENCE:?}"));
        }
        sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

/// Resident memory in MiB; Linux only, elsewhere 0.
fn resident() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap_or(0.0) / 1024.0
}
