//! A resource, a pipeline and a minion that other crates use.

use minions::prelude::*;

/// What [`Clock`] produces.
#[derive(Debug, Serialize, Deserialize)]
pub struct Tick {
    /// Which one, from 1.
    pub number: u64,
}

/// Counts.
#[resource]
#[derive(Debug)]
pub struct Counter {
    #[default]
    count: std::sync::atomic::AtomicU64,
}

#[resource]
impl Counter {
    /// The next number, from 1.
    pub async fn next(&self) -> u64 {
        self.count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1
    }
}

/// Ticks three times.
#[pipeline]
#[derive(Debug)]
pub struct Clock {
    counter: Dep<Counter>,
}

#[pipeline]
impl Clock {
    async fn next(&mut self) -> Result<Next<Tick>> {
        let number = self.counter.next().await;
        Ok(if number > 3 { Next::End } else { Next::Event(Tick { number }) })
    }
}

/// Looks at ticks.
#[minion]
#[derive(Debug)]
pub struct Watcher {
    counter: Dep<Counter>,
}

#[minion]
impl Watcher {
    #[minion_step]
    async fn look(&self, tick: &Tick, _: &mut ()) -> Result<()> {
        if tick.number > self.counter.next().await {
            return Err("ticks come from the counter".into());
        }
        Ok(())
    }
}
