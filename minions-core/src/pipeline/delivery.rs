//! An event with what its source wants to say and to know of it.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tracing::error;

use crate::error::Error;
use crate::panics::contain_sync;
use crate::store::StoreError;

use super::Position;

/// An event, and if its source wants so: a key, a position, an acknowledgement.
///
/// A pipeline answers it in place of a plain event, `Ok(Delivery::new(event).key(id).into())`.
///
/// ```
/// use minions_core::pipeline::{Admitted, Delivery, Next};
/// # use std::sync::mpsc::Sender;
///
/// struct Message { id: String, text: String, tag: u64 }
///
/// /// A message of a broker, which is told what became of it.
/// fn deliver(message: Message, broker: Sender<(u64, bool)>) -> Next<String> {
///     let tag = message.tag;
///     Delivery::new(message.text)
///         .key(message.id)
///         .acknowledge(move |outcome| {
///             // Told so, the broker delivers it again; not if the message itself is at fault, which would be in vain.
///             let done = outcome.is_ok() || outcome.is_err_and(|refused| refused.is_final());
///             let _ = broker.send((tag, done));
///         })
///         .into()
/// }
/// ```
#[must_use = "a delivery is admitted when `next` returns it, or `Inlet::admit` takes it"]
pub struct Delivery<E> {
    pub(crate) event: E,
    pub(crate) key: Option<Arc<str>>,
    pub(crate) position: Option<Position>,
    pub(crate) acknowledgement: Acknowledgement,
}

impl<E> Delivery<E> {
    /// An event that nothing more is said of yet.
    pub fn new(event: E) -> Self {
        Self { event, key: None, position: None, acknowledgement: Acknowledgement::default() }
    }

    /// Makes an equal event a duplicate: while the key is remembered, it is admitted once, also across restarts.
    ///
    /// Keys of one pipeline stand beside those of others. How long they are remembered says
    /// [`Pipeline::KEEP_KEYS`](super::Pipeline::KEEP_KEYS).
    pub fn key(mut self, key: impl Into<Arc<str>>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Says where the source is after this event: stored with it, in one commit. A [`Cursor`](super::Cursor) makes the
    /// position.
    pub fn at(mut self, position: Position) -> Self {
        self.position = Some(position);
        self
    }

    /// Calls `tell` once, with what became of the event; in place of an earlier one.
    ///
    /// It hears of an admission only after it is durable for every minion that reacts to the event. It is called by the
    /// runtime, between two events, so it must not block: one that has to wait sends itself a message. A panic in it is
    /// logged and harms nobody.
    ///
    /// A delivery that is dropped counts as [stopped](Refused::Stopped). A process that dies tells nobody anything.
    pub fn acknowledge(mut self, tell: impl FnOnce(Result<Admitted, Refused>) + Send + 'static) -> Self {
        self.acknowledgement.tell = Mutex::new(Some(Box::new(tell)));
        self
    }

    /// The event.
    pub fn event(&self) -> &E {
        &self.event
    }

    pub(crate) fn map<F>(self, change: impl FnOnce(E) -> F) -> Delivery<F> {
        let Self { event, key, position, acknowledgement } = self;
        Delivery { event: change(event), key, position, acknowledgement }
    }
}

impl<E> From<E> for Delivery<E> {
    fn from(event: E) -> Self {
        Self::new(event)
    }
}

/// Acknowledgements are not compared.
impl<E: PartialEq> PartialEq for Delivery<E> {
    fn eq(&self, other: &Self) -> bool {
        self.event == other.event && self.key == other.key && self.position == other.position
    }
}

impl<E: Eq> Eq for Delivery<E> {}

impl<E: fmt::Debug> fmt::Debug for Delivery<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("Delivery");
        f.field("event", &self.event).field("key", &self.key).field("position", &self.position);
        f.finish_non_exhaustive()
    }
}

/// What became of an event that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Admitted {
    /// It is durable, with one new workflow for every minion that reacts to it.
    New,
    /// Nothing was stored, because an event with an equal key was admitted before.
    Duplicate,
    /// Nothing was stored, because no minion [accepts](crate::minion::Minion::accept) it.
    Filtered,
}

/// Why an event was not admitted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Refused {
    /// The event is at fault: it cannot be encoded, a minion panicked when it was asked to accept it, or the store
    /// rejects it. It is not stored, and will not be another time.
    Invalid(Arc<Error>),
    /// Nobody reacts to the events of the pipeline any more. It is not stored.
    NoSubscriber,
    /// The pipeline stopped before it took the event. It is not stored.
    Stopped,
    /// The store failed and the minions stopped before it came back: whether the event is stored is not known. A
    /// [key](Delivery::key) makes it safe to offer it again.
    Undurable(StoreError),
}

impl Refused {
    /// Whether it is useless to offer the same event again.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Invalid(_))
    }

    pub(crate) fn invalid(error: Error) -> Self {
        Self::Invalid(Arc::new(error))
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invalid(_) => "the event cannot be stored and is refused",
            Self::NoSubscriber => "no minion reacts to the events of this pipeline any more",
            Self::Stopped => "the pipeline has stopped",
            Self::Undurable(_) => "the event may not be stored: the store failed until its minions were stopped",
        })
    }
}

impl std::error::Error for Refused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Invalid(error) => Some(error.as_std()),
            Self::Undurable(error) => Some(error),
            Self::NoSubscriber | Self::Stopped => None,
        }
    }
}

type Tell = Box<dyn FnOnce(Result<Admitted, Refused>) + Send>;

/// Who is told what becomes of an event: exactly once, also when it is dropped.
#[derive(Default)]
pub(crate) struct Acknowledgement {
    /// In a lock, so that a delivery can be looked at by several threads, which the call itself need not bear.
    tell: Mutex<Option<Tell>>,
    /// Whoever offered it through an inlet.
    answer: Option<oneshot::Sender<Result<Admitted, Refused>>>,
}

impl Acknowledgement {
    /// Answers to `answer` too.
    pub(crate) fn answer_to(&mut self, answer: oneshot::Sender<Result<Admitted, Refused>>) {
        self.answer = Some(answer);
    }

    /// Whether somebody hears what becomes of the event.
    pub(crate) fn is_heard(&self) -> bool {
        self.tell.lock().is_some() || self.answer.is_some()
    }

    /// Whether somebody offered the event through an inlet, and waits for the answer no more.
    pub(crate) fn is_forsaken(&self) -> bool {
        self.answer.as_ref().is_some_and(oneshot::Sender::is_closed)
    }

    pub(crate) fn tell(&mut self, outcome: Result<Admitted, Refused>) {
        let tell = self.tell.get_mut().take();
        if let Some(answer) = self.answer.take() {
            // Whoever has stopped waiting needs no answer.
            let _ = answer.send(outcome.clone());
        }
        let Some(tell) = tell else { return };
        if let Err(panic) = contain_sync(|| {
            tell(outcome);
            Ok(())
        }) {
            let error: &dyn std::error::Error = panic.as_std();
            error!(error, "the acknowledgement of an event failed");
        }
    }
}

impl Drop for Acknowledgement {
    fn drop(&mut self) {
        if self.is_heard() {
            self.tell(Err(Refused::Stopped));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledgement_is_called_once_whatever_happens() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let deliver = || {
            let told = told.clone();
            Delivery::new(7)
                .acknowledge(move |outcome| told.lock().push(outcome.map_err(|refused| refused.to_string())))
        };
        deliver().acknowledgement.tell(Ok(Admitted::New));
        drop(deliver().map(|event| event.to_string()));
        drop(deliver().acknowledge(|_| panic!("the user's own")));
        let stopped = Err("the pipeline has stopped".to_owned());
        // The third one took the place of the one that would have told us.
        assert_eq!(*told.lock(), [Ok(Admitted::New), stopped]);
    }

    #[test]
    fn deliveries_compare_by_what_is_stored() {
        assert_eq!(Delivery::new(1).key("a").acknowledge(drop), Delivery::from(1).key("a"));
        assert_ne!(Delivery::new(1).key("a"), Delivery::new(1));
    }
}
