//! A resource without its type.

use std::any::TypeId;
use std::marker::PhantomData;
use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt};

use crate::component::{Assembly, Entry, Hooks, forward_hooks};
use crate::error::Result;

use super::Resource;

/// Makes instances of one type of resource.
pub(crate) trait ResourceFactory: Send + Sync {
    fn entry(&self) -> Entry;
    /// Not `type_id`, which would be that of whatever wraps the factory as soon as `Any` is in scope.
    fn resource_id(&self) -> TypeId;
    fn create(&self, cx: Assembly) -> BoxFuture<'static, Result<Box<dyn ErasedResource>>>;
}

/// One instance: its hooks, and the value to be injected.
pub(crate) trait ErasedResource: Hooks {
    fn shared(&self) -> Arc<dyn std::any::Any + Send + Sync>;
}

pub(crate) const fn factory<R: Resource>() -> &'static dyn ResourceFactory {
    &Factory::<R>(PhantomData)
}

struct Factory<R>(PhantomData<fn() -> R>);

impl<R: Resource> ResourceFactory for Factory<R> {
    fn entry(&self) -> Entry {
        Entry::resource::<R>()
    }

    fn resource_id(&self) -> TypeId {
        TypeId::of::<R>()
    }

    fn create(&self, cx: Assembly) -> BoxFuture<'static, Result<Box<dyn ErasedResource>>> {
        async move { Ok(Box::new(Instance(Arc::new(R::create(cx).await?))) as Box<dyn ErasedResource>) }.boxed()
    }
}

/// Makes a resource by calling a function, whatever its type needs.
pub(crate) struct Replaced<R>(pub(crate) Arc<dyn Fn() -> R + Send + Sync>);

impl<R: Resource> ResourceFactory for Replaced<R> {
    fn entry(&self) -> Entry {
        Entry::resource::<R>().without_needs()
    }

    fn resource_id(&self) -> TypeId {
        TypeId::of::<R>()
    }

    fn create(&self, _: Assembly) -> BoxFuture<'static, Result<Box<dyn ErasedResource>>> {
        let make = self.0.clone();
        async move { Ok(Box::new(Instance(Arc::new(make()))) as Box<dyn ErasedResource>) }.boxed()
    }
}

struct Instance<R>(Arc<R>);

impl<R: Resource> ErasedResource for Instance<R> {
    fn shared(&self) -> Arc<dyn std::any::Any + Send + Sync> {
        self.0.clone()
    }
}

forward_hooks!(Instance, Resource);
