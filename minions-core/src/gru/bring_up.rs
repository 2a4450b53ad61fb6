//! Makes one component and starts it up; whatever kind it is, a failed startup is followed by its shutdown.

use std::future::Future;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::error::Result;
use crate::minion::MinionInstance;
use crate::pipeline::ErasedPipeline;
use crate::resource::ErasedResource;

use super::component::{Bounds, Identity};
use super::report::{Phase, PhaseReport};

/// A component that has been made and that nobody else knows yet.
pub(super) trait Fresh: Send + 'static {
    fn startup(&mut self) -> BoxFuture<'_, Result<()>>;
    fn shutdown(&mut self) -> BoxFuture<'_, Result<()>>;
}

macro_rules! fresh {
    ($($instance:ident),*) => {
        $(impl Fresh for Box<dyn $instance> {
            fn startup(&mut self) -> BoxFuture<'_, Result<()>> {
                (**self).startup()
            }

            fn shutdown(&mut self) -> BoxFuture<'_, Result<()>> {
                (**self).shutdown()
            }
        })*
    };
}
fresh!(ErasedResource, MinionInstance, ErasedPipeline);

/// What came of it: the phases it went through, and the instance if all went well.
pub(super) struct BroughtUp<I> {
    pub(super) phases: Vec<PhaseReport>,
    pub(super) instance: Option<I>,
}

/// Makes and starts up one component, each within the deadline of `bounds`.
pub(super) async fn bring_up<I: Fresh>(
    identity: &Identity,
    bounds: &Bounds,
    create: impl Future<Output = Result<I>> + Send + 'static,
) -> BroughtUp<I> {
    let (created, instance) = identity.create(bounds, create).await;
    let mut phases = vec![created];
    let Some(instance) = instance else { return BroughtUp { phases, instance: None } };
    let (started, instance) = identity.hook(Phase::Startup, bounds, instance, |instance| instance.startup()).await;
    let failed = started.error.is_some();
    phases.push(started);
    let Some(instance) = instance else { return BroughtUp { phases, instance: None } };
    if !failed {
        return BroughtUp { phases, instance: Some(instance) };
    }
    // It has a value, so its shutdown runs; what that says never hides the first failure.
    phases.push(take_down(identity, bounds.deadline, instance).await);
    BroughtUp { phases, instance: None }
}

/// Runs the shutdown hook of an instance that nobody else knows, and drops it.
pub(super) async fn take_down<I: Fresh>(
    identity: &Identity,
    deadline: std::time::Duration,
    instance: I,
) -> PhaseReport {
    let bounds = Bounds { deadline, cancel: CancellationToken::new() };
    identity.end(&bounds, instance, |instance| instance.shutdown()).await
}
