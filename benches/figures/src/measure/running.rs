//! A program that runs, and that has done everything right when it ends.

use std::path::Path;

use minions::gru::{ShutdownReport, StopMode};
use minions::sqlite::{Durability, SqliteStore};
use minions::{Gru, GruBuilder};

use crate::program::Board;

use super::{until, wrong};

pub struct Running {
    gru: Gru,
    pub board: Board,
}

impl Running {
    pub async fn start(builder: GruBuilder, board: &Board) -> Result<Self, String> {
        let shared = board.clone();
        let gru = builder.resource(move || shared.clone()).start().await.map_err(wrong)?;
        Ok(Self { gru, board: board.clone() })
    }

    /// How many workflows are awake.
    pub fn in_flight(&self) -> usize {
        self.gru.control().snapshot().orchestrations.iter().map(|orchestration| orchestration.in_flight).sum()
    }

    /// Lets the sources end, waits until each event is through `fan_out` minions, and checks the books.
    pub async fn end(self, fan_out: u64) -> Result<(), String> {
        self.board.close();
        // A source that was being asked may give one more.
        until("every event is through", || {
            self.board.through() == self.board.given() * fan_out && self.in_flight() == 0
        })
        .await?;
        let given = self.board.given();
        let snapshot = self.gru.control().snapshot();
        for orchestration in &snapshot.orchestrations {
            let ledger = &orchestration.ledger;
            if !ledger.is_balanced() || ledger.failed + ledger.aborted + ledger.dropped + ledger.refused > 0 {
                return Err(format!("the books of `{}` are wrong: {ledger}", orchestration.id));
            }
        }
        let succeeded: u64 = snapshot.orchestrations.iter().map(|it| it.ledger.succeeded).sum();
        if succeeded != given * fan_out {
            return Err(format!("{succeeded} workflows have succeeded, not {}", given * fan_out));
        }
        clean(&self.gru.shutdown_with(StopMode::Drain).await)
    }

    /// Leaves what is under way in the store.
    pub async fn break_off(self) -> Result<(), String> {
        self.board.close();
        clean(&self.gru.shutdown_with(StopMode::Now).await)
    }
}

fn clean(report: &ShutdownReport) -> Result<(), String> {
    if report.is_clean() && report.quarantined == 0 {
        Ok(())
    } else {
        Err(format!("the stop was not in order: {report}; {} in quarantine", report.quarantined))
    }
}

/// The store of one run.
pub fn store(path: &Path, durability: Durability) -> SqliteStore {
    SqliteStore::at(path).durability(durability)
}
