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
