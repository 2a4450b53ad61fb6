//! Shared dependencies: clients, pools, limiters. Started once, injected by type, stopped last.

use std::future::Future;

use crate::component::{Assembly, Component, Health, Need, Stop};
use crate::error::Result;
use crate::limit::LimitInfo;

mod erased;
mod track;

pub(crate) use erased::{ErasedResource, Replaced, ResourceFactory, factory};
pub use track::{Call, TrackedMethod};

/// A shared dependency: the half that the impl declares.
///
/// Every hook has a default, so `impl Resource for Http {}` is enough. `#[resource]` on an impl block writes it from the
/// methods of these names.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a resource",
    label = "not a resource",
    note = "put `#[resource]` on `struct {Self}` and on `impl {Self}`"
)]
pub trait Resource: Component + Sync {
    /// What [`create`](Self::create) needs; the fields' needs unless it is written.
    const NEEDS: &'static [Need] = Self::FIELDS;

    /// The limits of its methods, each a [`LimitedMethod`](crate::limit::LimitedMethod) of the same name.
    const LIMITS: &'static [LimitInfo] = &[];

    /// Makes the value; without it the fields are injected.
    ///
    /// # Errors
    ///
    /// The start fails and is rolled back.
    #[must_use]
    fn create(cx: Assembly) -> impl Future<Output = Result<Self>> + Send {
        async move { Self::assemble(&cx) }
    }

    /// Starts the value, before anyone else sees it; called once.
    ///
    /// # Errors
    ///
    /// The start fails and is rolled back, which calls [`shutdown`](Self::shutdown).
    fn startup(&mut self) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// Works in the background until `stop` is requested; returning earlier is a failure of the resource.
    ///
    /// # Errors
    ///
    /// It is started again as its [`RestartPolicy`](crate::supervise::RestartPolicy) says, with everything that depends on
    /// it; when that is exhausted, it is lost, and with it exactly the orchestrations that need it.
    fn run(&self, stop: Stop) -> impl Future<Output = Result<()>> + Send {
        async move {
            stop.requested().await;
            Ok(())
        }
    }

    /// Ends the value, after everything that depends on it; called once, also after a failed startup.
    ///
    /// # Errors
    ///
    /// Told in the [`ShutdownReport`](crate::gru::ShutdownReport); everything else is ended all the same.
    fn shutdown(&self) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// Says whether it works; asked at intervals.
    fn health(&self) -> impl Future<Output = Health> + Send {
        async { Health::Healthy }
    }
}
