//! The process that is killed: a program on its state, as any other.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use minions::gru::{Finished, StopMode};
use minions::sqlite::{Durability, SqliteStore};

use crate::deadly::Deadly;
use crate::parts::{Auditor, Clerk, Courier, Journal, Lines, Queue};
use crate::points::{self, Armed, pass};

/// How the process ends by itself.
pub const PARKED: u8 = 10;
pub const STOPPED: u8 = 11;

minions::app! {
    #[no_main]
    pub struct Crash;
    Lines => Clerk,
    Queue => Clerk,
    Queue => Auditor,
    Clerk => Clerk,
    Clerk => Courier,
}

/// What this start of the program is told.
#[derive(Clone, Debug)]
pub struct Orders {
    pub run: u64,
    pub point: Option<Armed>,
    /// When it is to stop by itself, and how.
    pub stop: Option<(Duration, StopMode)>,
}

pub fn run(directory: &Path, orders: Orders) -> Result<ExitCode, String> {
    if let Some(point) = orders.point {
        points::arm(point);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| format!("no runtime: {error}"))?;
    runtime.block_on(async {
        let journal = Journal::open(directory, orders.run).map_err(|error| format!("no journal: {error}"))?;
        let builder = Crash::builder()
            .resource(move || journal.again())
            .store(Deadly(SqliteStore::at(directory.join("state.db")).durability(Durability::Power)))
            // Few, so that sources wait for room, and emitted events stay on disk.
            .max_in_flight(8)
            .shutdown_deadline(Duration::from_secs(10));
        let gru = builder.start().await.map_err(|error| format!("no start: {error}"))?;
        let stop = async {
            match orders.stop {
                Some((after, mode)) => {
                    tokio::time::sleep(after).await;
                    mode
                }
                None => std::future::pending().await,
            }
        };
        let finished = tokio::select! {
            finished = gru.finished() => Ok(finished),
            mode = stop => Err(mode),
        };
        pass("stop", "before");
        let mode = finished.as_ref().err().copied().unwrap_or(StopMode::Park);
        let report = gru.shutdown_with(mode).await;
        pass("stop", "after");
        match finished {
            Ok(Finished::Done) if report.is_clean() => Ok(ExitCode::SUCCESS),
            Ok(finished) => Err(format!("it ended as {finished:?}, and with {report:?}")),
            Err(StopMode::Park) if report.is_clean() => Ok(PARKED.into()),
            Err(StopMode::Now) if report.is_clean() => Ok(STOPPED.into()),
            Err(mode) => Err(format!("its stop in the mode {mode:?} was not clean: {report:?}")),
        }
    })
}
