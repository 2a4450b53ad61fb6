//! So many workflows at once, for so long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time;

use crate::{Engine, Error, Page, syncs};

/// What it came to.
pub struct Measured {
    /// Workflows that have ended, a second.
    pub rate: f64,
    /// How often the disk was waited for, for each of them.
    pub syncs: f64,
}

/// How long the slowest are waited for until each place has been used once, before anything is counted.
const WARM: Duration = Duration::from_secs(10);
/// And how long they are counted, until each place has been used once more.
const COUNTED: Duration = Duration::from_secs(30);
/// How long the store may take to agree.
const AGREED: Duration = Duration::from_secs(10);

/// Keeps `in_flight` workflows under way and counts those that end in about `seconds`.
///
/// # Errors
///
/// A workflow that fails, none that ends, or a store that knows of fewer.
pub async fn measure<E: Engine>(engine: Arc<E>, in_flight: usize, seconds: Duration) -> Result<Measured, Error> {
    let (through, given) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for _ in 0..in_flight {
        let (engine, through, given, stop) = (engine.clone(), through.clone(), given.clone(), stop.clone());
        tasks.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                engine.workflow(Page { number: given.fetch_add(1, Ordering::Relaxed) }).await?;
                through.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<_, Error>(())
        });
    }
    let places = in_flight as u64;
    let count = || through.load(Ordering::Relaxed);
    let (synced, warm) = (syncs::count(), Instant::now());
    while count() < places && warm.elapsed() < WARM {
        pause(&mut tasks).await?;
    }
    // Where not each place has been used by now, many may be about to end together: those are counted from the beginning.
    let is_warm = count() >= places;
    let (before, synced, began) = if is_warm { (count(), syncs::count(), Instant::now()) } else { (0, synced, warm) };
    while began.elapsed() < seconds || (count() - before < places && began.elapsed() < COUNTED) {
        pause(&mut tasks).await?;
    }
    let (ended, synced, elapsed) = (count() - before, syncs::count() - synced, began.elapsed());
    stop.store(true, Ordering::Relaxed);
    if ended == 0 {
        return Err(format!("nothing has come through in {} s", (warm.elapsed()).as_secs()).into());
    }
    agree(&*engine, count()).await?;
    Ok(Measured { rate: ended as f64 / elapsed.as_secs_f64(), syncs: synced as f64 / ended as f64 })
}

/// Waits until the store says that at least so many workflows have ended.
async fn agree<E: Engine>(engine: &E, through: u64) -> Result<(), Error> {
    let asked = time::Instant::now();
    loop {
        let stored = engine.ended().await?;
        if stored >= through {
            return Ok(());
        }
        if asked.elapsed() > AGREED {
            return Err(format!("{through} workflows were said to have ended, and the store knows of {stored}").into());
        }
        time::sleep(Duration::from_millis(20)).await;
    }
}

/// A moment, in which a workflow that fails is heard of.
async fn pause(tasks: &mut JoinSet<Result<(), Error>>) -> Result<(), Error> {
    match time::timeout(Duration::from_millis(5), tasks.join_next()).await {
        Ok(Some(ended)) => ended?,
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ends at once, forgets some, or fails.
    #[derive(Default)]
    struct Fake {
        ended: AtomicU64,
        forgets: bool,
        fails: bool,
    }

    impl Engine for Fake {
        async fn workflow(&self, _: Page) -> Result<(), Error> {
            tokio::task::yield_now().await;
            if self.fails {
                return Err("broken".into());
            }
            if !self.forgets {
                self.ended.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        }

        async fn ended(&self) -> Result<u64, Error> {
            Ok(self.ended.load(Ordering::Relaxed))
        }
    }

    async fn measured(engine: Fake) -> Result<Measured, Error> {
        measure(Arc::new(engine), 4, Duration::from_millis(20)).await
    }

    #[tokio::test]
    async fn what_ends_is_counted() {
        assert!(measured(Fake::default()).await.unwrap().rate > 4.0);
    }

    #[tokio::test]
    async fn a_workflow_that_fails_is_no_figure() {
        let wrong = measured(Fake { fails: true, ..Fake::default() }).await.err().unwrap();
        assert_eq!(wrong.to_string(), "broken");
    }

    #[tokio::test]
    async fn a_store_that_knows_of_fewer_is_no_figure() {
        let fake = Fake { forgets: true, ..Fake::default() };
        time::pause();
        let wrong = agree(&fake, 3).await.unwrap_err().to_string();
        assert!(wrong.contains("3 workflows") && wrong.contains("knows of 0"), "{wrong}");
    }
}
