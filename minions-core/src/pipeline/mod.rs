//! Where events come from, and how they become durable.

use std::future::Future;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::component::{Assembly, Component, Need};
use crate::error::Result;

mod admission;
mod admitter;
mod cursor;
mod delivery;
mod drive;
mod erased;
mod gate;
mod inlet;
mod intake;
mod keys;
mod next;
mod outlet;
mod stats;
mod subscribers;

pub(crate) use admitter::Broken;
pub use cursor::{Cursor, Position};
pub use delivery::{Admitted, Delivery, Refused};
pub(crate) use drive::{Requests, Silence, Source, drive};
pub(crate) use erased::{ErasedPipeline, Item, PipelineFactory, factory};
pub(crate) use gate::{Hold, Holds};
pub use inlet::Inlet;
pub(crate) use intake::{Intake, SourceSide};
pub use next::{IntoNext, Next};
pub use outlet::{EventSource, Origin};
pub(crate) use stats::Stats;
pub(crate) use subscribers::Subscribers;

/// A source of events: the half that the impl declares.
///
/// It is owned by one task, hence `&mut self` everywhere; state between events lives in its fields. `#[pipeline]` on an
/// impl block writes this from the methods of these names.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a pipeline",
    label = "not a pipeline",
    note = "put `#[pipeline]` on `struct {Self}` and on its impl with `async fn next(&mut self) -> Result<Next<E>>`"
)]
pub trait Pipeline: Component {
    /// The type of its events.
    type Event: Storable;

    /// What [`create`](Self::create) needs; the fields' needs unless it is written.
    const NEEDS: &'static [Need] = Self::FIELDS;

    /// Whether it does not keep the process alive: the program may end while this source still produces.
    const BACKGROUND: bool = false;

    /// How long to wait after [`Next::Idle`] before asking again.
    const IDLE: Duration = Duration::from_millis(100);

    /// How long a [key](Delivery::key) is remembered: an event with an equal one is a duplicate so long.
    ///
    /// A store keeps them over restarts. Without one that keeps, they are remembered in memory, at most 100 000 of them.
    const KEEP_KEYS: Duration = Duration::from_secs(7 * 86_400);

    /// Makes the value; without it the fields are injected.
    ///
    /// # Errors
    ///
    /// The start fails and is rolled back.
    #[must_use]
    fn create(cx: Assembly) -> impl Future<Output = Result<Self>> + Send {
        async move { Self::assemble(&cx) }
    }

    /// Starts the value; called once. Its first event is asked for when all minions that react to it are up.
    ///
    /// # Errors
    ///
    /// The start fails and is rolled back, which calls [`shutdown`](Self::shutdown).
    fn startup(&mut self) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// The next event, or that there is none now, or none any more. A pipeline whose events all come through an [`Inlet`]
    /// answers nothing: `std::future::pending().await`.
    ///
    /// # Errors
    ///
    /// Logged and counted; `next` is called again after a pause that grows. A panic is a failure of the pipeline, which
    /// is started again as its [`RestartPolicy`](crate::supervise::RestartPolicy) says, because the value may be half
    /// changed.
    ///
    /// # Cancel safety
    ///
    /// The future is kept while the pipeline waits for its minions or is paused, and dropped at an await only when the
    /// pipeline stops or nobody is left to feed:
    /// what is fetched but not yet returned belongs into `self`. What was returned is admitted, or its source hears that
    /// it was not: through its [acknowledgement](Delivery::acknowledge), or because the [`Cursor`] stays before it.
    fn next(&mut self) -> impl Future<Output = Result<Next<Self::Event>>> + Send;

    /// Ends the value, after its last event; called once, also after a failed startup.
    ///
    /// # Errors
    ///
    /// Told in the [`ShutdownReport`](crate::gru::ShutdownReport); everything else is ended all the same.
    fn shutdown(&mut self) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }
}

/// The left side of `=>`: a pipeline produces one type of event, a minion emits those that it declares.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not produce `{E}` events",
    label = "reacts to `{E}`",
    note = "the event of the pipeline and the event that the minion's steps take must be one type"
)]
pub trait Produces<E> {}

/// What can be an event or a context: it is stored as JSON between steps.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an event or a context: it cannot be stored",
    label = "cannot be stored",
    note = "add `#[derive(Serialize, Deserialize)]` to `{Self}`; it must own its data and be `Send + Sync`"
)]
pub trait Storable: Serialize + DeserializeOwned + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Storable for T {}
