//! What `next` answers.

use std::time::Duration;

use crate::error::{Error, Result};

use super::{Delivery, Storable};

/// An event, a pause, or the end of the source.
///
/// Events, deliveries and options of them convert, so a source over an iterator answers `Ok(lines.next().into())`:
///
/// ```
/// use minions_core::pipeline::Next;
///
/// let mut lines = "one".lines().map(str::to_owned);
/// let (first, second): (Next<String>, Next<String>) = (lines.next().into(), lines.next().into());
/// assert_eq!(first, Next::Event("one".to_owned()));
/// assert_eq!(second, Next::End);
/// ```
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Next<E> {
    /// An event.
    Event(E),
    /// An event with a key, a position or an acknowledgement.
    Delivery(Delivery<E>),
    /// Nothing now; ask again after the pipeline's pause.
    Idle,
    /// Nothing now; ask again after this time.
    IdleFor(Duration),
    /// Nothing any more: `next` is not called again.
    End,
}

impl<E> From<E> for Next<E> {
    fn from(event: E) -> Self {
        Self::Event(event)
    }
}

/// An event, or the end of the source.
impl<E> From<Option<E>> for Next<E> {
    fn from(event: Option<E>) -> Self {
        event.map_or(Self::End, Self::Event)
    }
}

impl<E> From<Delivery<E>> for Next<E> {
    fn from(delivery: Delivery<E>) -> Self {
        Self::Delivery(delivery)
    }
}

/// A delivery, or the end of the source.
impl<E> From<Option<Delivery<E>>> for Next<E> {
    fn from(delivery: Option<Delivery<E>>) -> Self {
        delivery.map_or(Self::End, Self::Delivery)
    }
}

/// What `next` may return: `Result<Next<E>>`, with any error that converts into [`Error`].
#[diagnostic::on_unimplemented(
    message = "`next` must return `Result<Next<E>>`",
    label = "not what `next` returns",
    note = "answer `Ok(Next::Event(event))`, `Ok(Next::Idle)` or `Ok(Next::End)`"
)]
pub trait IntoNext {
    /// The type of event.
    type Event: Storable;

    /// Converts the error.
    ///
    /// # Errors
    ///
    /// The user's own.
    fn into_next(self) -> Result<Next<Self::Event>>;
}

impl<E: Storable, X: Into<Error>> IntoNext for Result<Next<E>, X> {
    type Event = E;

    fn into_next(self) -> Result<Next<E>> {
        self.map_err(Into::into)
    }
}
