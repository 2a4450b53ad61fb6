//! What tokio itself can do at best: begin a task and learn that it has ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::sample::Measured;

use super::{Bench, Window, runtime, wrong};

/// Tasks between two joins: as many as workflows are in flight.
const BATCH: usize = 1024;

pub fn measure(bench: &Bench, name: &str) -> Measured {
    runtime()?.block_on(async {
        let (through, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let spawner = tokio::spawn(spawn(through.clone(), stop.clone()));
        tokio::time::sleep(bench.warm_up).await;
        let window = Window::open(bench, || through.load(Ordering::Relaxed)).await?;
        stop.store(true, Ordering::Relaxed);
        spawner.await.map_err(wrong)??;
        Ok(window.samples(name, "tasks/s"))
    })
}

async fn spawn(through: Arc<AtomicU64>, stop: Arc<AtomicBool>) -> Result<(), String> {
    let mut tasks = Vec::with_capacity(BATCH);
    while !stop.load(Ordering::Relaxed) {
        tasks.extend((0..BATCH).map(|number| tokio::spawn(async move { number })));
        let mut sum = 0;
        for task in tasks.drain(..) {
            sum += task.await.map_err(wrong)?;
        }
        if sum != BATCH * (BATCH - 1) / 2 {
            return Err(format!("the tasks have answered {sum} in all"));
        }
        through.fetch_add(BATCH as u64, Ordering::Relaxed);
    }
    Ok(())
}
