//! What the struct half asks of a field's type, and how the answers become errors.

use std::marker::PhantomData;

use crate::component::{Assembly, Component, Dep, Inject, Need};
use crate::error::{Error, Result};
use crate::pipeline::{IntoNext, Storable};
use crate::resource::Resource;

use super::Source;

/// Asks what a type can do: an inherent constant wins when its bound holds, [`NoProbe`]'s otherwise.
#[derive(Debug)]
pub struct Probe<T>(PhantomData<T>);

/// Makes a value of type `T` for a component.
pub type Fill<T> = fn(&Assembly) -> Result<T>;

impl<T: Inject> Probe<T> {
    pub const INJECT: Option<Fill<T>> = Some(T::inject);
    pub const NEED: Option<Need> = Some(T::NEED);
}

impl<R> Probe<Dep<R>> {
    pub const IS_DEP: bool = true;

    pub fn check_dep()
    where
        R: Resource,
    {
    }
}

impl<C: Component> Probe<C> {
    pub const NAME: &'static str = C::NAME;
}

impl<C: ImplHalf> Probe<C> {
    pub const HAS_IMPL: bool = true;
    pub const CREATES: bool = C::CREATES;
}

impl<P: Source> Probe<P> {
    pub const IS_SOURCE: bool = true;
}

impl<T: IntoNext> Probe<T> {
    pub const IS_NEXT: bool = true;
}

impl<T: Storable> Probe<T> {
    pub const IS_EVENT: bool = true;
}

impl<T: Storable + Default> Probe<T> {
    pub const IS_CONTEXT: bool = true;
}

/// The answers for a type that cannot do it; imported as `_`.
pub trait NoProbe<T> {
    const INJECT: Option<Fill<T>> = None;
    const NEED: Option<Need> = None;
    const IS_DEP: bool = false;
    const NAME: &'static str = "";
    const HAS_IMPL: bool = false;
    const CREATES: bool = false;
    const IS_SOURCE: bool = false;
    const IS_NEXT: bool = false;
    const IS_EVENT: bool = false;
    const IS_CONTEXT: bool = false;
    fn check_dep() {}
}

impl<T> NoProbe<T> for Probe<T> {}

/// Whether the value is made by `create`; said by the impl half.
pub trait ImplHalf {
    const CREATES: bool;
}

/// Fills one field of a struct half.
pub fn fill<T>(cx: &Assembly, inject: Option<Fill<T>>) -> Result<T> {
    match inject {
        Some(inject) => inject(cx),
        None => Err(Error::new(format!("`{}` is made by `create`, not out of its fields", cx.component()))),
    }
}

/// How many of `needs` there are.
#[must_use]
pub const fn count(needs: &[Option<Need>]) -> usize {
    let (mut i, mut count) = (0, 0);
    while i < needs.len() {
        if needs[i].is_some() {
            count += 1;
        }
        i += 1;
    }
    count
}

/// The needs that are there; `N` is their [`count`].
#[must_use]
pub const fn needs<const N: usize>(needs: &[Option<Need>]) -> [Need; N] {
    // The filler is overwritten, or N is zero.
    let mut found = [Need::provided::<()>(); N];
    let (mut i, mut at) = (0, 0);
    while i < needs.len() {
        if let Some(need) = needs[i] {
            found[at] = need;
            at += 1;
        }
        i += 1;
    }
    found
}

/// A field that can be filled; `EXEMPT` when `create` makes the value or another check speaks.
#[diagnostic::on_unimplemented(
    message = "a field of type `{Self}` cannot be injected",
    label = "cannot be injected",
    note = "share a resource as `Dep<T>` (not `Arc<T>` or `Option<Dep<T>>`), read configuration as `Config<T>`",
    note = "mark state of the component's own `#[default]` or `#[default(value)]`",
    note = "or make the value yourself in `async fn create(needs..) -> Result<Self>`: then its fields are ordinary"
)]
pub trait Field<const EXEMPT: bool> {}

impl<T> Field<true> for T {}

#[diagnostic::do_not_recommend]
impl<T: Inject> Field<false> for T {}

pub fn assert_field<T: Field<EXEMPT>, const EXEMPT: bool>() {}

/// Carries the answer of a probe into a trait error.
#[derive(Debug)]
pub struct Answer<const YES: bool>;

/// The value of a field marked `#[default]`; for one that is injected the mark itself is reported.
#[diagnostic::on_unimplemented(
    message = "`{T}` has no default",
    label = "has no default",
    note = "derive `Default` for it, or give the value: `#[default(value)]`"
)]
pub trait DefaultField<T> {
    fn value() -> T;
}

#[diagnostic::do_not_recommend]
impl<T: Default> DefaultField<T> for Answer<false> {
    fn value() -> T {
        T::default()
    }
}

impl<T> DefaultField<T> for Answer<true> {
    fn value() -> T {
        unreachable!("the mark was reported")
    }
}

/// `#[default]` on a field that is not injected.
#[diagnostic::on_unimplemented(
    message = "this field is injected, so its `#[default]` would never be used",
    label = "injected",
    note = "remove `#[default]`"
)]
pub trait NotInjected {}

impl NotInjected for Answer<false> {}

pub fn assert_not_injected<T: NotInjected>() {}

/// `#[default]` in a component without `create`.
#[diagnostic::on_unimplemented(
    message = "`create` makes the value, so this `#[default]` would never be used",
    label = "never used",
    note = "remove `#[default]`, or remove `create`"
)]
pub trait NotCreated {}

impl NotCreated for Answer<false> {}

pub fn assert_not_created<T: NotCreated>() {}

/// One parameter of `create`.
pub fn assert_inject<T: Inject>() {}

/// A component whose half could not be read: it stands in, so that one mistake stays one error.
pub fn broken<T>(cx: &Assembly) -> Result<T> {
    Err(Error::new(format!("`{}` did not compile", cx.component())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_are_flattened() {
        const NEEDS: &[Option<Need>] = &[None, Some(Need::provided::<u8>()), None, Some(Need::provided::<u16>())];
        const FOUND: [Need; count(NEEDS)] = needs(NEEDS);
        assert_eq!(FOUND.map(|need| need.type_name()), ["u8", "u16"]);
        assert!(needs::<{ count(&[None]) }>(&[None]).is_empty());
    }

    #[test]
    fn probes_answer_for_any_type() {
        struct Plain;
        const { assert!(!<Probe<Plain>>::CREATES && !<Probe<Plain>>::HAS_IMPL && !<Probe<Plain>>::IS_DEP) };
        const { assert!(<Probe<Dep<Plain>>>::IS_DEP && <Probe<Dep<Plain>>>::INJECT.is_none()) };
    }
}
