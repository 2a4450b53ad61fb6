//! The left side of `=>`: a pipeline, or a minion that emits events.
//!
//! An emitting minion stands there as an [`Outlet`], which takes the part of a pipeline that produces nothing: its events
//! go from store to store, with the checkpoints of the steps that emit them. What is left of a pipeline is its end: the
//! outlet ends when nobody can emit any more.

use std::any::{TypeId, type_name};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt, ready};

use crate::component::{Assembly, Component, Entry};
use crate::error::Result;
use crate::minion::Minion;
use crate::workflow::Engine;

use super::{ErasedPipeline, Item, Next, Pipeline, PipelineFactory, factory};

/// What can stand on the left side of `=>`: every pipeline, and a minion with `#[minion(emits(..))]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a pipeline",
    label = "not a pipeline",
    note = "put `#[pipeline]` on `struct {Self}` and on its impl with `async fn next(&mut self) -> Result<Next<E>>`",
    note = "a minion can stand here if it emits events: `#[minion(emits(E))]` on its impl"
)]
pub trait EventSource: Component {
    /// How the runtime makes it.
    #[doc(hidden)]
    fn origin() -> Origin;
}

#[diagnostic::do_not_recommend]
impl<P: Pipeline> EventSource for P {
    fn origin() -> Origin {
        Origin(factory::<P>())
    }
}

/// How the runtime makes what stands on the left side.
#[derive(Clone, Copy)]
pub struct Origin(pub(crate) &'static dyn PipelineFactory);

impl Origin {
    /// The events that `M` emits.
    #[must_use]
    pub fn emitted_by<M: Minion>() -> Self {
        Self(&Outlet::<M>(PhantomData))
    }
}

impl std::fmt::Debug for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Origin").field(&self.0.entry().name).finish()
    }
}

/// The events of a minion.
struct Outlet<M>(PhantomData<fn() -> M>);

impl<M: Minion> PipelineFactory for Outlet<M> {
    fn entry(&self) -> Entry {
        Entry::outlet::<M>(TypeId::of::<Self>(), type_name::<M>())
    }

    fn event(&self) -> (TypeId, &'static str) {
        M::EMITS.first().map_or((TypeId::of::<()>(), "nothing"), |event| (event.type_id(), event.type_name()))
    }

    fn produces(&self, event: TypeId) -> bool {
        M::EMITS.iter().any(|emitted| emitted.type_id() == event)
    }

    fn idle(&self) -> Duration {
        Duration::ZERO
    }

    fn keep_keys(&self) -> Duration {
        Duration::ZERO
    }

    fn create(&self, cx: Assembly) -> BoxFuture<'static, Result<Box<dyn ErasedPipeline>>> {
        let engine = cx.provided::<Engine>().expect("the runtime provides itself");
        ready(Ok(Box::new(Emitted { minion: M::NAME, engine }) as Box<dyn ErasedPipeline>)).boxed()
    }
}

struct Emitted {
    minion: &'static str,
    engine: Arc<Engine>,
}

impl ErasedPipeline for Emitted {
    fn startup(&mut self) -> BoxFuture<'_, Result<()>> {
        ready(Ok(())).boxed()
    }

    fn next(&mut self) -> BoxFuture<'_, Result<Next<Item>>> {
        async {
            self.engine.silence_of(self.minion).await;
            Ok(Next::End)
        }
        .boxed()
    }

    fn shutdown(&mut self) -> BoxFuture<'_, Result<()>> {
        ready(Ok(())).boxed()
    }
}
