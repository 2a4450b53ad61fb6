//! What macro output names. No stability is promised: never call anything of it by hand.
//!
//! Who writes what, of one component `T`:
//!
//! * the **struct half** implements [`Component`] (`NAME`, `ID` and `RESTART` if they are declared, `LOCATION`, `FIELDS`,
//!   `assemble`), judges the fields, and asserts that the impl half is there;
//! * the **impl half** implements `Resource`, `Pipeline` (with `BACKGROUND` and `IDLE`: arguments of this half, because
//!   they are behaviour) or `Minion`, its half marker ([`ResourceImpl`], …), [`ImplHalf`] and [`Produces`]. A missing
//!   struct half is reported by [`Component`], which all of them require.
//!
//! `app!` expands to a type with `builder()`, which is `$crate::GruBuilder::new()` and one
//! `.edge::<P, M>($crate::gru::OrchestrationOptions::default().config("..").id("..").max_in_flight(64).start(false))` a
//! line, to an [`edge`] check a line, and to a `main` that calls `$crate::__private::main::<Args>(Watch::builder())` of the facade
//! (`Args` is `$crate::__private::NoArgs` without `#[args(..)]`), which answers an `ExitCode`.
//!
//! The compile-time search for cycles between resources is in [`graph`].
//!
//! With `create`, the impl half sets `NEEDS` to the needs of its parameters and writes `create(cx)`; the struct half's
//! `assemble` is then never called.

use std::marker::PhantomData;

use crate::gru::{GruBuilder, OrchestrationOptions};

mod field;
pub mod graph;
mod halves;
mod limit;
mod types;
mod verdict;

pub use field::{
    Answer, DefaultField, Field, Fill, ImplHalf, NoProbe, NotCreated, NotInjected, Probe, assert_field, assert_inject,
    assert_not_created, assert_not_injected, broken, count, fill, needs,
};
pub use halves::{
    MinionImpl, PipelineImpl, ResourceImpl, assert_minion_impl, assert_pipeline_impl, assert_resource_impl,
};

pub use limit::{Chained, Judged, LimitKey, LimitedOutput, Mute, NoResult, key};
pub use types::{
    ContextDefault, ContextOf, EmittedOf, EventOf, NextOf, StandIn, assert_context, assert_event, assert_next,
};
pub use verdict::{AsError, Asked, Pause, Returned, Silent, Unjudged};

pub use crate::component::{Assembly, Component, Dep, Health, Inject, Location, Need, Stop};
pub use crate::error::{Error, Failure, FailureInfo, Result, Verdict};
pub use crate::limit::{Bounds, Circuit, Limit, LimitInfo, LimitedMethod, Rate};
pub use crate::minion::{
    EmitInfo, Emits, Flow, History, IntoFlow, Lanes, Minion, Retry, StepArg, StepId, StepInfo, Stored,
};
pub use crate::pipeline::{EventSource, IntoNext, Next, Origin, Pipeline, Produces, Storable};
pub use crate::resource::{Call, Resource, TrackedMethod};
pub use crate::supervise::RestartPolicy;
pub use crate::workflow::Workflow;

/// What a hook may return: `()` or `Result<()>` with any error that converts.
#[diagnostic::on_unimplemented(
    message = "a hook cannot return `{Self}`",
    label = "not what this hook returns",
    note = "return nothing or `Result<()>`"
)]
pub trait HookResult {
    fn hook(self) -> Result<()>;
}

impl HookResult for () {
    fn hook(self) -> Result<()> {
        Ok(())
    }
}

#[diagnostic::do_not_recommend]
impl<E: Into<Error>> HookResult for Result<(), E> {
    fn hook(self) -> Result<()> {
        self.map_err(Into::into)
    }
}

/// What `create` may return: `Result<Self>` with any error that converts.
#[diagnostic::on_unimplemented(
    message = "`create` must return `Result<Self>`, not `{Self}`",
    label = "not what `create` returns",
    note = "write `async fn create(..) -> Result<Self>`"
)]
pub trait CreateResult<T> {
    fn created(self) -> Result<T>;
}

#[diagnostic::do_not_recommend]
impl<T, E: Into<Error>> CreateResult<T> for Result<T, E> {
    fn created(self) -> Result<T> {
        self.map_err(Into::into)
    }
}

/// An event or context spelt otherwise than in the other steps is the same type after all, or one clear error.
#[diagnostic::on_unimplemented(
    message = "this step takes `{Self}` as its event, the other steps take `{E}`",
    label = "not `{E}`",
    note = "all steps of one minion share one event type and one context type"
)]
pub trait SameEvent<E> {
    fn same(event: &E) -> &Self;
}

impl<E> SameEvent<E> for E {
    fn same(event: &E) -> &E {
        event
    }
}

#[diagnostic::on_unimplemented(
    message = "this step takes `{Self}` as its context, the other steps take `{C}`",
    label = "not `{C}`",
    note = "all steps of one minion share one event type and one context type"
)]
pub trait SameContext<C> {
    fn same(context: &mut C) -> &mut Self;
}

impl<C> SameContext<C> for C {
    fn same(context: &mut C) -> &mut C {
        context
    }
}

/// The event that `accept` takes, spelt otherwise than in the steps.
#[diagnostic::on_unimplemented(
    message = "`accept` takes `{Self}`, the steps take `{E}` as their event",
    label = "not `{E}`",
    note = "write `fn accept(&self, event: &{E}) -> bool`"
)]
pub trait AcceptedEvent<E> {
    fn same(event: &E) -> &Self;
}

impl<E> AcceptedEvent<E> for E {
    fn same(event: &E) -> &E {
        event
    }
}

/// What `accept` may return.
#[diagnostic::on_unimplemented(
    message = "`accept` must return `bool`, not `{Self}`",
    label = "not `bool`",
    note = "write `fn accept(&self, event: &E) -> bool`; what can fail belongs into a step"
)]
pub trait Acceptance {
    fn accepted(self) -> bool;
}

impl Acceptance for bool {
    fn accepted(self) -> bool {
        self
    }
}

/// The event that `lane` takes, spelt otherwise than in the steps.
#[diagnostic::on_unimplemented(
    message = "`lane` takes `{Self}`, the steps take `{E}` as their event",
    label = "not `{E}`",
    note = "write `fn lane(event: &{E}) -> impl Display`"
)]
pub trait LanedEvent<E> {
    fn same(event: &E) -> &Self;
}

impl<E> LanedEvent<E> for E {
    fn same(event: &E) -> &E {
        event
    }
}

/// What `lane` may return.
#[diagnostic::on_unimplemented(
    message = "the key of a lane must be text or have one, and `{Self}` does not implement `Display`",
    label = "no key of a lane",
    note = "return a field of the event, a `String` or a number: `fn lane(event: &E) -> impl Display`"
)]
pub trait LaneKey {
    fn key(&self) -> String;
}

#[diagnostic::do_not_recommend]
impl<T: std::fmt::Display + ?Sized> LaneKey for T {
    fn key(&self) -> String {
        self.to_string()
    }
}

/// Whether the output of a tracked method is an error: the inherent method wins for results.
pub struct Fallible<'a, T>(pub &'a T);

impl<T, E> Fallible<'_, Result<T, E>> {
    pub fn is_error(&self) -> bool {
        self.0.is_err()
    }
}

/// The answer for any other output; imported as `_`.
pub trait Infallible {
    fn is_error(&self) -> bool {
        false
    }
}

impl<T> Infallible for Fallible<'_, T> {}

/// The left side of `=>`; a pipeline that has been reported stands in for one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a pipeline nor a minion that emits events",
    label = "has no events",
    note = "the left side of `=>` is a type with `#[pipeline]` on its struct and on its impl",
    note = "or a minion whose impl declares what it emits: `#[minion(emits(E))]`"
)]
pub trait Source {}

#[diagnostic::do_not_recommend]
impl<P: EventSource> Source for P {}

pub fn assert_source<P: Source>() {}

/// The right side of `=>` fits the left side; `JUDGED` when the left side is right.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot react to `{P}`",
    label = "not a minion for the events of `{P}`",
    note = "the right side must be a `#[minion]`, and the left side must produce the event its steps take"
)]
pub trait Fits<P, const JUDGED: bool> {}

impl<P: Produces<M::Event>, M: Minion> Fits<P, true> for M {}
impl<P, M> Fits<P, false> for M {}

pub fn edge<P, M: Fits<P, JUDGED>, const JUDGED: bool>() {}

/// One line of `app!`: added to the builder if both sides are what they should be.
pub struct Line<P, M>(PhantomData<(P, M)>);

impl<P: EventSource, M: Minion> Line<P, M> {
    pub fn add(builder: GruBuilder, options: OrchestrationOptions) -> GruBuilder {
        builder.edge::<P, M>(options)
    }
}

/// The line that does not fit, which [`edge`] reports; imported as `_`.
pub trait NoLine {
    fn add(builder: GruBuilder, options: OrchestrationOptions) -> GruBuilder {
        let _ = options;
        builder
    }
}

impl<P, M> NoLine for Line<P, M> {}

/// A value that nobody asks for: it tells an async block its output type in a branch that is never taken.
pub fn never<T>() -> T {
    unreachable!("stands behind `if false`")
}
