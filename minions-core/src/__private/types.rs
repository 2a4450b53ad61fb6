//! Events and contexts: judged once, by an assertion in our words.
//!
//! The bounds of the associated types would report the same mistake again, in serde's words. So the type goes through an
//! [`Answer`]: itself when it is right, and a [`StandIn`] when the assertion has reported it.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::pipeline::{IntoNext, Next, Storable};

use super::Answer;

/// Takes the place of a type that has been reported.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct StandIn;

const REPORTED: &str = "the type was reported";

/// The event of a minion's steps.
pub trait EventOf<T> {
    type Event: Storable;

    fn get(event: &Self::Event) -> &T;
}

impl<T: Storable> EventOf<T> for Answer<true> {
    type Event = T;

    fn get(event: &T) -> &T {
        event
    }
}

impl<T> EventOf<T> for Answer<false> {
    type Event = StandIn;

    fn get(_: &StandIn) -> &T {
        unreachable!("{REPORTED}")
    }
}

pub fn assert_event<T: Storable>() {}

/// An event that a minion emits, number `N` of its list: each stand-in is a type of its own, so that two are no conflict.
pub trait EmittedOf<T, const N: usize> {
    type Event: Storable;
}

impl<T: Storable, const N: usize> EmittedOf<T, N> for Answer<true> {
    type Event = T;
}

impl<T, const N: usize> EmittedOf<T, N> for Answer<false> {
    type Event = EmittedStandIn<N>;
}

#[derive(Debug, Serialize, Deserialize)]
pub struct EmittedStandIn<const N: usize>;

/// The context of a minion's steps.
pub trait ContextOf<T> {
    type Context: Storable + Default;

    fn get(context: &mut Self::Context) -> &mut T;
}

impl<T: Storable + Default> ContextOf<T> for Answer<true> {
    type Context = T;

    fn get(context: &mut T) -> &mut T {
        context
    }
}

impl<T> ContextOf<T> for Answer<false> {
    type Context = StandIn;

    fn get(_: &mut StandIn) -> &mut T {
        unreachable!("{REPORTED}")
    }
}

/// A context starts as its default.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a context: a workflow starts with `{Self}::default()`",
    label = "has no default",
    note = "add `#[derive(Default)]` to `{Self}`"
)]
pub trait ContextDefault {}

#[diagnostic::do_not_recommend]
impl<T: Default> ContextDefault for T {}

pub fn assert_context<T: Storable + ContextDefault>() {}

/// What `next` of a pipeline returns.
pub trait NextOf<T> {
    type Event: Storable;

    /// # Errors
    ///
    /// The user's own.
    fn into_next(next: T) -> Result<Next<Self::Event>>;
}

impl<T: IntoNext> NextOf<T> for Answer<true> {
    type Event = T::Event;

    fn into_next(next: T) -> Result<Next<T::Event>> {
        next.into_next()
    }
}

impl<T> NextOf<T> for Answer<false> {
    type Event = StandIn;

    fn into_next(_: T) -> Result<Next<StandIn>> {
        unreachable!("{REPORTED}")
    }
}

pub fn assert_next<T: IntoNext>() {}
