//! The lifecycle of a resource or a minion, without its type.

use futures_util::future::BoxFuture;

use crate::error::Result;

use super::{Health, Stop};

/// The hooks that resources and minions share; pipelines are owned by their task and have their own.
pub(crate) trait Hooks: Send + Sync {
    /// Called once, before the instance is shared.
    fn startup(&mut self) -> BoxFuture<'_, Result<()>>;
    fn run(&self, stop: Stop) -> BoxFuture<'_, Result<()>>;
    fn shutdown(&self) -> BoxFuture<'_, Result<()>>;
    fn health(&self) -> BoxFuture<'_, Health>;
}

/// Forwards the hooks of a typed instance, `struct Instance<T>(Arc<T>)`, to the user's trait.
macro_rules! forward_hooks {
    ($instance:ident, $user:ident) => {
        impl<T: $user> $crate::component::Hooks for $instance<T> {
            fn startup(&mut self) -> BoxFuture<'_, Result<()>> {
                // Here as in the others: what a user's function does before its future exists is done in ours, where a
                // panic is contained.
                async {
                    Arc::get_mut(&mut self.0).expect("an instance is shared only after its startup").startup().await
                }
                .boxed()
            }

            fn run(&self, stop: $crate::component::Stop) -> BoxFuture<'_, Result<()>> {
                async { self.0.run(stop).await }.boxed()
            }

            fn shutdown(&self) -> BoxFuture<'_, Result<()>> {
                async { self.0.shutdown().await }.boxed()
            }

            fn health(&self) -> BoxFuture<'_, $crate::component::Health> {
                async { self.0.health().await }.boxed()
            }
        }
    };
}
pub(crate) use forward_hooks;
