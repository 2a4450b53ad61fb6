//! The least that SQLite has to do.

use std::sync::atomic::Ordering;

use tokio::task::JoinSet;

use crate::ceiling::{Ceiling, Synchronous, rows};
use crate::clock::Waits;
use crate::sample::{Measured, waits};

use super::{Bench, Window, database, runtime, wrong};

/// So many workflows at once, with contexts of so many bytes.
pub fn measure(bench: &Bench, name: &str, in_flight: usize, synchronous: Synchronous, context: usize) -> Measured {
    let scratch = bench.scratch()?;
    let path = database(scratch.path());
    let samples = runtime()?.block_on(async {
        let ceiling = Ceiling::open(&path, synchronous, context, Waits::for_in_flight(in_flight))?;
        let mut tasks = JoinSet::new();
        for _ in 0..in_flight {
            tasks.spawn(ceiling.clone().work());
        }
        tokio::time::sleep(bench.warm_up).await;
        ceiling.waits.set_wanted(true);
        let window = Window::open(bench, || ceiling.through.load(Ordering::Relaxed)).await?;
        ceiling.waits.set_wanted(false);
        ceiling.stop();
        while let Some(ended) = tasks.join_next().await {
            ended.map_err(wrong)??;
        }
        let mut samples = window.samples(name, "workflows/s");
        samples.extend(waits(name, ceiling.waits.take())?);
        Ok::<_, String>(samples)
    })?;
    match rows(&path)? {
        0 => Ok(samples),
        rows => Err(format!("{rows} rows are left of the ceiling")),
    }
}
