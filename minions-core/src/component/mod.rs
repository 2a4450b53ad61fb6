//! What pipelines, minions and resources have in common: a name, a place in the source, and needs.

use crate::error::Result;
use crate::supervise::RestartPolicy;

mod assembly;
mod dep;
mod entry;
mod health;
mod hooks;
mod inject;
mod stop;
mod tasks;

pub use assembly::Assembly;
pub use dep::Dep;
pub use entry::{Entry, Kind, Location};
pub use health::Health;
pub(crate) use hooks::{Hooks, forward_hooks};
pub(crate) use inject::NeedKind;
pub use inject::{Inject, Need};
pub use stop::Stop;
pub(crate) use tasks::TaskFailures;
pub use tasks::Tasks;

/// A long-lived part of a program: the half that the struct declares.
///
/// `#[resource]`, `#[pipeline]` and `#[minion]` on a struct implement it. By hand it is two constants and a function:
///
/// ```
/// use minions_core::component::{Assembly, Component, Dep, Inject, Location, Need};
/// # use minions_core::{Result, resource::Resource};
/// # struct Http;
/// # impl Component for Http {
/// #     const NAME: &'static str = "http";
/// #     fn assemble(_: &Assembly) -> Result<Self> { Ok(Self) }
/// # }
/// # impl Resource for Http {}
/// struct Archive { http: Dep<Http> }
///
/// impl Component for Archive {
///     const NAME: &'static str = "archive";
///     const LOCATION: Location = minions_core::location!();
///     const FIELDS: &'static [Need] = &[Dep::<Http>::NEED];
///
///     fn assemble(cx: &Assembly) -> Result<Self> {
///         Ok(Self { http: Dep::inject(cx)? })
///     }
/// }
/// impl Resource for Archive {}
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a component: its struct half is missing",
    label = "struct half missing",
    note = "write the same attribute above `struct {Self}` as above its impl: `#[resource]`, `#[pipeline]` or `#[minion]`"
)]
pub trait Component: Sized + Send + 'static {
    /// Its name, unique in the program: the section of its configuration, its label in logs and metrics.
    const NAME: &'static str;

    /// What it is in the ids of orchestrations, and with them in stored work: its name unless it is declared, so that
    /// a new name does not strand what is stored.
    const ID: &'static str = Self::NAME;

    /// What becomes of it when it fails; nothing leaves that to the program.
    const RESTART: Option<RestartPolicy> = None;

    /// Where it is declared.
    const LOCATION: Location = Location::unknown();

    /// What its fields need, in order.
    const FIELDS: &'static [Need] = &[];

    /// Makes the value out of its needs.
    ///
    /// # Errors
    ///
    /// When a need cannot be met, which the resolver has normally excluded before.
    fn assemble(cx: &Assembly) -> Result<Self>;
}
