//! A pipeline without its type.

use std::any::{Any, TypeId, type_name};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};

use crate::component::{Assembly, Entry};
use crate::error::Result;

use super::{Next, Pipeline};

/// Makes instances of one type of pipeline.
pub(crate) trait PipelineFactory: Send + Sync {
    fn entry(&self) -> Entry;
    /// The type of event that it produces, and its name.
    fn event(&self) -> (TypeId, &'static str);
    /// Whether it produces events of that type.
    fn produces(&self, event: TypeId) -> bool {
        self.event().0 == event
    }
    fn idle(&self) -> Duration;
    /// How long keys are remembered.
    fn keep_keys(&self) -> Duration;
    fn create(&self, cx: Assembly) -> BoxFuture<'static, Result<Box<dyn ErasedPipeline>>>;
}

/// One instance.
pub(crate) trait ErasedPipeline: Send {
    fn startup(&mut self) -> BoxFuture<'_, Result<()>>;
    fn next(&mut self) -> BoxFuture<'_, Result<Next<Item>>>;
    fn shutdown(&mut self) -> BoxFuture<'_, Result<()>>;
}

/// One event without its type: shared by all minions that react to it.
pub(crate) struct Item {
    pub(crate) event: Arc<dyn Any + Send + Sync>,
    encode: fn(&(dyn Any + Send + Sync)) -> Result<Vec<u8>>,
}

impl Item {
    pub(crate) fn new<E: super::Storable>(event: E) -> Self {
        Self { event: Arc::new(event), encode: encode::<E> }
    }

    /// The type of the event.
    pub(crate) fn type_id(&self) -> TypeId {
        (*self.event).type_id()
    }

    /// The event as it is stored.
    pub(crate) fn encode(&self) -> Result<Vec<u8>> {
        (self.encode)(&*self.event)
    }
}

pub(crate) const fn factory<P: Pipeline>() -> &'static dyn PipelineFactory {
    &Factory::<P>(PhantomData)
}

struct Factory<P>(PhantomData<fn() -> P>);

impl<P: Pipeline> PipelineFactory for Factory<P> {
    fn entry(&self) -> Entry {
        Entry::pipeline::<P>()
    }

    fn event(&self) -> (TypeId, &'static str) {
        (TypeId::of::<P::Event>(), type_name::<P::Event>())
    }

    fn idle(&self) -> Duration {
        P::IDLE
    }

    fn keep_keys(&self) -> Duration {
        P::KEEP_KEYS
    }

    fn create(&self, cx: Assembly) -> BoxFuture<'static, Result<Box<dyn ErasedPipeline>>> {
        async move { Ok(Box::new(Instance(P::create(cx).await?)) as Box<dyn ErasedPipeline>) }.boxed()
    }
}

struct Instance<P>(P);

impl<P: Pipeline> ErasedPipeline for Instance<P> {
    fn startup(&mut self) -> BoxFuture<'_, Result<()>> {
        // What a user's function does before its future exists is done in ours, where a panic is contained.
        async { self.0.startup().await }.boxed()
    }

    fn next(&mut self) -> BoxFuture<'_, Result<Next<Item>>> {
        async move {
            Ok(match self.0.next().await? {
                Next::Event(event) => Next::Event(Item::new(event)),
                Next::Delivery(delivery) => Next::Delivery(delivery.map(Item::new)),
                Next::Idle => Next::Idle,
                Next::IdleFor(pause) => Next::IdleFor(pause),
                Next::End => Next::End,
            })
        }
        .boxed()
    }

    fn shutdown(&mut self) -> BoxFuture<'_, Result<()>> {
        async { self.0.shutdown().await }.boxed()
    }
}

fn encode<E: super::Storable>(event: &(dyn Any + Send + Sync)) -> Result<Vec<u8>> {
    let event = event.downcast_ref::<E>().expect("an item is encoded by the function of its own type");
    Ok(serde_json::to_vec(event)?)
}
