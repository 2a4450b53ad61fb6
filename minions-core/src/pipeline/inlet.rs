//! How events come into a pipeline from outside of `next`.

use std::fmt;
use std::marker::PhantomData;

use tokio::sync::{mpsc, oneshot};

use crate::component::{Assembly, Inject, Need};
use crate::error::Result;

use super::{Admitted, Delivery, Item, Refused, Storable};

/// So many events may wait at the door of a pipeline that does not take them.
const WAITING: usize = 64;

/// The door of a pipeline for events that are pushed: by a server, a callback, a subscription.
///
/// It is a field of the pipeline, or a parameter of its `create`, and `E` is the pipeline's event. `startup` gives clones of
/// it to whatever takes the events in; `next` goes on beside it, and never answers if everything comes this way.
///
/// ```
/// use minions_core::Result;
/// use minions_core::component::Tasks;
/// use minions_core::pipeline::{Inlet, Next};
/// # async fn receive() -> String { std::future::pending().await }
///
/// struct Hook { inlet: Inlet<String>, tasks: Tasks }
///
/// impl Hook {
///     async fn startup(&mut self) -> Result<()> {
///         let inlet = self.inlet.clone();
///         self.tasks.spawn("receive", async move |stop| loop {
///             let call = tokio::select! {
///                 call = receive() => call,
///                 () = stop.requested() => return Ok(()),
///             };
///             // Answers when the event is durable, so that the other side can be told.
///             inlet.admit(call).await?;
///         });
///         Ok(())
///     }
///
///     async fn next(&mut self) -> Result<Next<String>> {
///         std::future::pending().await
///     }
/// }
/// ```
pub struct Inlet<E> {
    door: mpsc::Sender<Delivery<Item>>,
    event: PhantomData<fn(E)>,
}

impl<E: Storable> Inlet<E> {
    /// The inlet of no pipeline, which refuses everything; for a component that is built by hand in a test.
    #[must_use]
    pub fn detached() -> Self {
        Self { door: door().0, event: PhantomData }
    }

    /// Offers an event, or a [`Delivery`] with a key, and waits until it is durable for every minion that reacts to it.
    ///
    /// It waits as well while the pipeline is paused, while one of its minions is at its cap, and before they are up.
    ///
    /// # Errors
    ///
    /// Why it was refused; see [`Refused`].
    ///
    /// # Cancel safety
    ///
    /// Dropped before the pipeline has taken the event, it is not admitted; dropped later, it is admitted all the same. From
    /// outside the two look alike, so an event that is offered again should have a [key](Delivery::key).
    pub async fn admit(&self, event: impl Into<Delivery<E>>) -> Result<Admitted, Refused> {
        let mut delivery = event.into().map(Item::new);
        let (answer, answered) = oneshot::channel();
        delivery.acknowledgement.answer_to(answer);
        if self.door.send(delivery).await.is_err() {
            return Err(Refused::Stopped);
        }
        // It is answered also when it is dropped, unless the runtime itself is gone.
        answered.await.unwrap_or(Err(Refused::Stopped))
    }
}

impl<E: Storable> Inject for Inlet<E> {
    const NEED: Need = Need::inlet::<Self, E>();

    fn inject(cx: &Assembly) -> Result<Self> {
        let source = cx.source().ok_or_else(|| format!("`{}` is no pipeline, so it has no inlet", cx.component()))?;
        Ok(Self { door: source.door.clone(), event: PhantomData })
    }
}

impl<E> Clone for Inlet<E> {
    fn clone(&self) -> Self {
        Self { door: self.door.clone(), event: PhantomData }
    }
}

impl<E> fmt::Debug for Inlet<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inlet").field("closed", &self.door.is_closed()).finish_non_exhaustive()
    }
}

/// Both sides of the door of one instance.
pub(crate) fn door() -> (mpsc::Sender<Delivery<Item>>, mpsc::Receiver<Delivery<Item>>) {
    mpsc::channel(WAITING)
}
