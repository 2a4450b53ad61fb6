//! [`Source`]: a pipeline that says what the test says.

use std::fmt;
use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};

use crate::component::{Assembly, Component, Need};
use crate::error::{Error, Result};
use crate::pipeline::{Next, Pipeline, Produces, Storable};

type Said<E> = Result<Next<E>>;

/// The test's end of a [`Source`].
///
/// The source ends when this is told to [`end`](Self::end), or dropped.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// use minions_core::Gru;
/// use minions_core::testing::{Events, Probe, Probed, Source};
///
/// let (events, mut probed) = (Events::<u32>::new(), Probed::<u32>::new());
/// let gru = Gru::builder()
///     .orchestrate::<Source<u32>, Probe<u32>>()
///     .provide(events.source())
///     .provide(probed.probe())
///     .start()
///     .await
///     .unwrap();
/// events.push(7);
/// assert_eq!(probed.next().await, 7);
/// events.end();
/// gru.finished().await;
/// gru.shutdown().await;
/// # }
/// ```
pub struct Events<E> {
    say: mpsc::UnboundedSender<Said<E>>,
    source: Ear<E>,
}

/// What a builder provides to a [`Source`]; see [`Events::source`].
pub struct Ear<E>(Arc<Mutex<mpsc::UnboundedReceiver<Said<E>>>>);

impl<E> Events<E> {
    /// A source that has nothing to say yet.
    #[must_use]
    pub fn new() -> Self {
        let (say, said) = mpsc::unbounded_channel();
        Self { say, source: Ear(Arc::new(Mutex::new(said))) }
    }

    /// A source that says `events` and ends.
    #[must_use]
    pub fn all(events: impl IntoIterator<Item = E>) -> Self {
        let source = Self::new();
        events.into_iter().for_each(|event| source.push(event));
        source.end();
        source
    }

    /// What to hand to [`provide`](crate::GruBuilder::provide); another start with it goes on where the first one was.
    #[must_use]
    pub fn source(&self) -> Ear<E> {
        self.source.clone()
    }

    /// Says one event.
    pub fn push(&self, event: E) {
        self.say(Ok(Next::Event(event)));
    }

    /// Fails one call of `next`.
    pub fn fail(&self, error: impl Into<Error>) {
        self.say(Err(error.into()));
    }

    /// Ends the source after what was said so far.
    pub fn end(&self) {
        self.say(Ok(Next::End));
    }

    /// Answers one call of `next`.
    pub fn say(&self, answer: Result<Next<E>>) {
        // The receiving half lives in `self`.
        let _ = self.say.send(answer);
    }
}

impl<E> Default for Events<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E> fmt::Debug for Events<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

impl<E> Clone for Ear<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<E> fmt::Debug for Ear<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ear").finish_non_exhaustive()
    }
}

/// A pipeline named `source` that says what its [`Events`] are told.
pub struct Source<E>(Ear<E>);

// A program that forgot its own halves should not be told of ours.
#[diagnostic::do_not_recommend]
impl<E: Storable> Component for Source<E> {
    const NAME: &'static str = "source";
    const FIELDS: &'static [Need] = &[Need::provided::<Ear<E>>()];

    fn assemble(cx: &Assembly) -> Result<Self> {
        let ear = cx.provided::<Ear<E>>().ok_or("no `Events` were provided to the builder")?;
        Ok(Self(Ear::clone(&ear)))
    }
}

#[diagnostic::do_not_recommend]
impl<E: Storable> Pipeline for Source<E> {
    type Event = E;

    async fn next(&mut self) -> Result<Next<E>> {
        self.0.0.lock().await.recv().await.unwrap_or(Ok(Next::End))
    }
}

#[diagnostic::do_not_recommend]
impl<E: Storable> Produces<E> for Source<E> {}

impl<E> fmt::Debug for Source<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").finish_non_exhaustive()
    }
}
