//! Makes one component and starts it up; whatever kind it is, a failed startup is followed by its shutdown.

use std::future::Future;
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};

use crate::error::Result;
use crate::minion::MinionInstance;
use crate::pipeline::ErasedPipeline;
use crate::resource::ErasedResource;

use super::component::Identity;
use super::report::{ComponentFailure, Phase};

/// A component that has been made and that nobody else knows yet.
pub(super) trait Fresh: Send {
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

/// Makes and starts up one component, each within `deadline`.
pub(super) async fn bring_up<I: Fresh>(
    identity: Identity,
    deadline: Duration,
    create: impl Future<Output = Result<I>>,
) -> Result<(Identity, I), ComponentFailure> {
    let mut instance = identity.hook(Phase::Create, deadline, create).await?;
    match identity.hook(Phase::Startup, deadline, instance.startup()).await {
        Ok(()) => Ok((identity, instance)),
        Err(failure) => {
            // It has a value, so its shutdown runs; what that says never hides the first failure.
            let _ = identity.hook(Phase::Shutdown, deadline, instance.shutdown()).await;
            Err(failure)
        }
    }
}

/// Waits for all of them, also after a failure: what came up, and the first failure in their order.
pub(super) async fn together<T>(
    starting: impl Iterator<Item = impl Future<Output = Result<T, ComponentFailure>>>,
) -> (Vec<T>, Option<ComponentFailure>) {
    let (mut up, mut failed) = (Vec::new(), None);
    for started in join_all(starting).await {
        match started {
            Ok(started) => up.push(started),
            Err(failure) => failed = failed.or(Some(failure)),
        }
    }
    (up, failed)
}
