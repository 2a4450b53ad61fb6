//! A source that gives what it is told to, and a minion that sleeps or works.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use minions::prelude::*;
use parking_lot::Mutex;

/// For how long the one sleeps that is to wake up in the next process.
pub const SHORT: Duration = Duration::from_secs(5);

/// Between two new events, while old ones are resumed.
const PACE: Duration = Duration::from_millis(10);

#[derive(Serialize, Deserialize)]
pub struct Item {
    pub number: u64,
    /// When it was given, in microseconds since the process began, if that is to be measured.
    pub given: Option<u64>,
}

/// What the whole program shares with whoever measures it.
#[resource]
#[derive(Clone)]
pub struct Board {
    pub began: Instant,
    pub state: Arc<State>,
}

#[derive(Default)]
pub struct State {
    /// How many events of the first source are still to come.
    pub left: AtomicU64,
    /// Whether sources give an event now and then.
    pub live: bool,
    /// Whether the first step never ends.
    pub hangs: bool,
    /// The last one of so many sleeps for a short time only.
    pub last: u64,
    /// Workflows that have come to sleep.
    pub asleep: AtomicU64,
    /// When the first workflow woke up.
    pub woke: Mutex<Option<Duration>>,
    /// Old workflows that are through.
    pub through: AtomicU64,
    /// How long new events have waited for their first step, of the busy minion and of the other one.
    pub busy: Mutex<Vec<Duration>>,
    pub idle: Mutex<Vec<Duration>>,
}

#[resource]
impl Board {
    async fn create() -> Result<Self> {
        Err("the program makes it, because it depends on the command line".into())
    }
}

impl Board {
    fn live(&self) -> Next<Item> {
        let given = u64::try_from(self.began.elapsed().as_micros()).ok();
        Next::Event(Item { number: 0, given })
    }

    fn waited(&self, item: &Item) -> Option<Duration> {
        item.given.map(|given| self.began.elapsed().saturating_sub(Duration::from_micros(given)))
    }
}

/// Gives many events at once, and then one now and then.
#[pipeline]
pub struct Many {
    board: Dep<Board>,
}

#[pipeline(idle = "20ms")]
impl Many {
    async fn next(&mut self) -> Result<Next<Item>> {
        let left = self.board.state.left.load(Ordering::Relaxed);
        if let Some(number) = left.checked_sub(1) {
            self.board.state.left.store(number, Ordering::Relaxed);
            return Ok(Next::Event(Item { number, given: None }));
        }
        if !self.board.state.live {
            return Ok(Next::Idle);
        }
        tokio::time::sleep(PACE).await;
        Ok(self.board.live())
    }
}

/// Gives an event now and then.
#[pipeline]
pub struct Few {
    board: Dep<Board>,
}

#[pipeline(idle = "20ms")]
impl Few {
    async fn next(&mut self) -> Result<Next<Item>> {
        if !self.board.state.live {
            return Ok(Next::Idle);
        }
        tokio::time::sleep(PACE).await;
        Ok(self.board.live())
    }
}

/// Sleeps.
#[minion]
pub struct Sleeper {
    board: Dep<Board>,
}

#[minion]
impl Sleeper {
    #[minion_step]
    async fn doze(&self, item: &Item, _: &mut u64) -> Flow {
        self.board.state.asleep.fetch_add(1, Ordering::Relaxed);
        Flow::sleep(if item.number == self.board.state.last { SHORT } else { Duration::from_secs(86_400) })
    }

    #[minion_step]
    async fn wake(&self, _: &Item, _: &mut u64) {
        self.board.state.woke.lock().get_or_insert(self.board.began.elapsed());
    }
}

/// Works for a moment, in two steps.
#[minion]
pub struct Worker {
    board: Dep<Board>,
}

#[minion]
impl Worker {
    #[minion_step]
    async fn first(&self, item: &Item, _: &mut u64) {
        if let Some(waited) = self.board.waited(item) {
            self.board.state.busy.lock().push(waited);
        }
        if self.board.state.hangs {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    #[minion_step]
    async fn second(&self, item: &Item, _: &mut u64) {
        if item.given.is_none() {
            self.board.state.through.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Has nothing to do with all that.
#[minion]
pub struct Bystander {
    board: Dep<Board>,
}

#[minion]
impl Bystander {
    #[minion_step]
    async fn look(&self, item: &Item, _: &mut u64) {
        if let Some(waited) = self.board.waited(item) {
            self.board.state.idle.lock().push(waited);
        }
    }
}

minions::app! {
    #[no_main]
    pub struct Sleeping;
    Many => Sleeper,
}

minions::app! {
    #[no_main]
    pub struct Working;
    Many => Worker,
    Few => Bystander,
}
