//! Sources, minions and the programs that are made of them.

use std::future::pending;
use std::hint::black_box;
use std::time::Instant;

use minions::prelude::*;

use crate::sample::Sample;

use super::board::Board;
use super::context::Visit;

/// About 200 bytes.
pub type ShortVisit = Visit<165>;
/// About 10 KB.
pub type LongVisit = Visit<10_000>;

#[derive(Debug, Serialize, Deserialize)]
pub struct Page {
    pub number: u64,
    /// Whether its way from step to step is measured.
    pub sampled: bool,
}

macro_rules! sources {
    ($($name:ident)*) => {$(
        #[pipeline]
        pub struct $name {
            board: Dep<Board>,
        }

        #[pipeline(idle = "1ms")]
        impl $name {
            async fn next(&mut self) -> Result<Next<Page>> {
                Ok(self.board.next())
            }
        }
    )*};
}

macro_rules! workers {
    ($($name:ident: $visit:ty;)*) => {$(
        #[minion]
        pub struct $name {
            board: Dep<Board>,
        }

        #[minion]
        impl $name {
            #[minion_step(retry(attempts = 5, backoff = "200ms..30s"))]
            async fn first(&self, page: &Page, visit: &mut $visit) -> Result<Flow> {
                Ok(self.board.first(page, visit))
            }

            #[minion_step(retry(attempts = 5, backoff = "200ms..30s"))]
            async fn second(&self, page: &Page, visit: &mut $visit) -> Result<()> {
                if self.board.second(page, visit) {
                    pending::<()>().await;
                }
                Ok(())
            }

            #[minion_step(retry(attempts = 5, backoff = "200ms..30s"))]
            async fn third(&self, page: &Page, visit: &mut $visit) -> Result<()> {
                self.board.third(page, visit)
            }
        }
    )*};
}

sources! { Source S0 S1 S2 S3 S4 S5 S6 S7 S8 S9 }
workers! {
    Worker: ShortVisit;
    LongWorker: LongVisit;
    W0: ShortVisit; W1: ShortVisit; W2: ShortVisit; W3: ShortVisit; W4: ShortVisit;
    W5: ShortVisit; W6: ShortVisit; W7: ShortVisit; W8: ShortVisit; W9: ShortVisit;
}

/// A minion that nobody runs.
pub fn worker(board: Board) -> Worker {
    Worker { board: Dep::new(board) }
}

/// A resource with a method that is tracked and one that is not, and both do nothing.
#[resource]
#[derive(Default)]
pub struct Desk {
    #[default]
    asked: u64,
}

#[resource]
impl Desk {
    pub async fn ask(&self, number: u64) -> u64 {
        black_box(number + self.asked)
    }

    #[untracked]
    pub async fn ask_untracked(&self, number: u64) -> u64 {
        black_box(number + self.asked)
    }
}

/// Asks the desk very often and tells how long it took.
#[minion]
pub struct Asker {
    board: Dep<Board>,
    desk: Dep<Desk>,
}

/// How often in one block.
const CALLS: u32 = 100_000;

#[minion]
impl Asker {
    #[minion_step]
    async fn ask(&self, _: &Page, _: &mut ()) {
        // The least of several blocks: whatever disturbs makes it longer.
        let (mut tracked, mut bare) = (f64::MAX, f64::MAX);
        for _ in 0..9 {
            let began = Instant::now();
            for number in 0..CALLS {
                black_box(self.desk.ask(number.into()).await);
            }
            tracked = tracked.min(began.elapsed().as_secs_f64());
            let began = Instant::now();
            for number in 0..CALLS {
                black_box(self.desk.ask_untracked(number.into()).await);
            }
            bare = bare.min(began.elapsed().as_secs_f64());
        }
        let nanoseconds = (tracked - bare) * 1e9 / f64::from(CALLS);
        self.board.tell(Sample::new("tracked_call_ns", "ns", nanoseconds));
    }
}

minions::app! {
    #[no_main]
    /// One source, one minion.
    pub struct Single;
    Source => Worker,
}

minions::app! {
    #[no_main]
    /// The same with a long context.
    pub struct Long;
    Source => LongWorker,
}

minions::app! {
    #[no_main]
    /// One source, ten minions.
    pub struct FanOut;
    Source => W0, Source => W1, Source => W2, Source => W3, Source => W4,
    Source => W5, Source => W6, Source => W7, Source => W8, Source => W9,
}

minions::app! {
    #[no_main]
    /// Ten sources with a minion each.
    pub struct Tens;
    S0 => W0, S1 => W1, S2 => W2, S3 => W3, S4 => W4,
    S5 => W5, S6 => W6, S7 => W7, S8 => W8, S9 => W9,
}

minions::app! {
    #[no_main]
    /// One source, and a minion that calls a resource.
    pub struct Asking;
    Source => Asker,
}
