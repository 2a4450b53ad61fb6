//! One order to the running program, and what came of it.

use std::time::Duration;

use minions::gru::{Control, ControlError, Durability, StartError, StartRequest, StopMode};
use tokio::time::{sleep, timeout};

use crate::dice::Dice;
use crate::ledger::Book;

/// What is done to one orchestration in one round.
#[derive(Clone, Copy, Debug)]
pub enum Order {
    Start,
    /// Whoever asks for the start goes away after so long.
    StartDropped(Duration),
    Stop(StopMode),
    /// Asked for at the same time.
    StartAndStop(StopMode),
    /// Stopped, and started again at once.
    Renew(StopMode),
    StopTwice(StopMode),
}

/// What is known of an orchestration afterwards.
#[derive(Debug)]
pub enum Came {
    Up,
    Down,
    /// Its start failed, for this reason.
    Failed(String),
    /// The order was rightly refused.
    AsItWas,
    /// Either, because the orders crossed each other.
    Unknown,
    /// Something that must never be.
    Wrong(String),
}

impl Order {
    /// What suits an orchestration that is up, or is not.
    pub fn throw(dice: &mut Dice, up: bool) -> Self {
        let mode = *dice.pick(&[StopMode::Drain, StopMode::Park, StopMode::Park, StopMode::Now]);
        match (up, dice.roll(10)) {
            (_, 0) => Self::StartAndStop(mode),
            (true, 1..=5) => Self::Stop(mode),
            (true, 6) => Self::StopTwice(mode),
            (true, 7..=8) => Self::Renew(mode),
            (false, 1..=2) => Self::StartDropped(Duration::from_micros(dice.roll(20_000))),
            // Of one that runs already as well: that is refused.
            _ => Self::Start,
        }
    }

    /// Gives the order to `control`; `up` says whether the orchestration runs, if that is certain.
    pub async fn give(self, control: &Control, book: &Book, id: &str, up: Option<bool>) -> Came {
        if up.is_none() {
            book.blur(id);
            book.unfed(id);
        }
        match self {
            Self::Start => start(control, book, id, up).await,
            Self::StartDropped(after) => {
                book.blur(id);
                match timeout(after, control.start(request(id))).await {
                    Ok(Err(StartError::Refused(error))) => Came::Wrong(format!("a start was refused: {error}")),
                    _ => Came::Unknown,
                }
            }
            Self::Stop(mode) => stop(control, book, id, mode, up).await,
            Self::StartAndStop(mode) => {
                book.blur(id);
                book.unfed(id);
                let (started, stopped) = tokio::join!(control.start(request(id)), control.stop(id, mode));
                match (started, stopped) {
                    (
                        Err(StartError::Refused(ControlError::AlreadyRunning { .. })),
                        Err(ControlError::NotFound { .. }),
                    ) => Came::Wrong("it was there for the start and not there for the stop".to_owned()),
                    _ => Came::Unknown,
                }
            }
            Self::Renew(mode) => match stop(control, book, id, mode, up).await {
                Came::Down => start(control, book, id, up.map(|_| false)).await,
                other => other,
            },
            Self::StopTwice(mode) => {
                book.blur(id);
                book.unfed(id);
                match tokio::join!(control.stop(id, mode), control.stop(id, mode)) {
                    (Ok(_), Ok(_)) => Came::Wrong("two stops at the same time both worked".to_owned()),
                    _ => Came::Unknown,
                }
            }
        }
    }
}

async fn start(control: &Control, book: &Book, id: &str, up: Option<bool>) -> Came {
    match control.start(request(id)).await {
        Ok(report) if report.orchestrations == [id] && up != Some(true) => {
            if up.is_some() {
                book.fed(id);
            }
            Came::Up
        }
        Ok(report) => Came::Wrong(format!("a start was answered by {report:?}")),
        Err(StartError::Refused(ControlError::AlreadyRunning { .. })) if up != Some(false) => Came::AsItWas,
        Err(StartError::Component { failure, .. }) => Came::Failed(failure.to_string()),
        Err(error) => Came::Wrong(format!("a start failed: {error:?}")),
    }
}

async fn stop(control: &Control, book: &Book, id: &str, mode: StopMode, up: Option<bool>) -> Came {
    book.unfed(id);
    match control.stop(id, mode).await {
        Ok(report) => {
            book.died(id, mode == StopMode::Now || report.interrupted > 0);
            if report.durability == Durability::Intact && report.orchestration == id && up != Some(false) {
                Came::Down
            } else {
                Came::Wrong(format!("a stop was answered by {report:?}"))
            }
        }
        // It may have ended, or be lost, by itself.
        Err(ControlError::NotFound { .. }) if up != Some(true) => Came::AsItWas,
        Err(error) => Came::Wrong(format!("a stop was refused: {error}")),
    }
}

/// By its id; those that the program does not declare are the same under another name.
fn request(id: &str) -> StartRequest {
    match id.split_once('@') {
        Some((pair, config)) => StartRequest::named(pair).id(config).max_in_flight(4),
        None => StartRequest::named(id),
    }
}

/// Lets a moment go by, so that orders do not come all at once.
pub async fn moment(dice: &mut Dice) {
    sleep(Duration::from_micros(dice.roll(30_000))).await;
}
