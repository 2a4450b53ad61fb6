//! What a field or a parameter of `create` may be.

use std::any::{TypeId, type_name};

use serde::de::DeserializeOwned;

use crate::config::{Config, Problem, SectionKeys, Settings, decode_section};
use crate::error::{Error, Result};
use crate::resource::{Resource, ResourceFactory};

use super::Assembly;

/// A type that the runtime can make for a component: [`Dep`](super::Dep), [`Config`](crate::config::Config),
/// [`Tasks`](super::Tasks), for a pipeline [`Inlet`](crate::pipeline::Inlet) and [`Cursor`](crate::pipeline::Cursor), and
/// whatever a crate adds.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be injected",
    label = "cannot be injected",
    note = "share a resource as `Dep<T>` (not `Arc<T>` or `Option<Dep<T>>`), read configuration as `Config<T>`"
)]
pub trait Inject: Sized + Send + 'static {
    /// What must be there; the resolver checks it before anything starts.
    const NEED: Need;

    /// Makes the value.
    ///
    /// # Errors
    ///
    /// When the need is not met.
    fn inject(cx: &Assembly) -> Result<Self>;
}

/// One edge of the manifest: something that a component needs.
#[derive(Clone, Copy)]
pub struct Need {
    pub(crate) kind: NeedKind,
    type_name: fn() -> &'static str,
}

#[derive(Clone, Copy)]
pub(crate) enum NeedKind {
    Resource(&'static dyn ResourceFactory),
    Config(CheckConfig),
    Provided(fn() -> TypeId),
    /// The door of the pipeline itself, for events of this type and name.
    Inlet(fn() -> TypeId, fn() -> &'static str),
    /// The cursor of the pipeline itself.
    Cursor,
    /// Made for the component itself, so that nothing has to be there.
    Own,
}

/// Decodes a section only to learn what is wrong with it, or what its keys are.
pub(crate) type CheckConfig = fn(&Settings, &str) -> Result<SectionKeys, Vec<Problem>>;

impl Need {
    /// The resource `R`, running.
    #[must_use]
    pub const fn resource<R: Resource>() -> Self {
        Self { kind: NeedKind::Resource(crate::resource::factory::<R>()), type_name: type_name::<R> }
    }

    /// A valid section of configuration of type `T`, under the component's name.
    #[must_use]
    pub const fn config<T: DeserializeOwned + 'static>() -> Self {
        Self {
            kind: NeedKind::Config(|settings, section| {
                decode_section::<T>(settings, section).map(|decoded| decoded.keys)
            }),
            type_name: type_name::<T>,
        }
    }

    /// A value of type `T` that the program hands to its builder.
    #[must_use]
    pub const fn provided<T: Send + Sync + 'static>() -> Self {
        Self { kind: NeedKind::Provided(TypeId::of::<T>), type_name: type_name::<T> }
    }

    /// A value of type `T` that the runtime makes for the component alone.
    #[must_use]
    pub(crate) const fn own<T>() -> Self {
        Self { kind: NeedKind::Own, type_name: type_name::<T> }
    }

    /// The inlet `I` of the pipeline itself, for its event `E`.
    #[must_use]
    pub(crate) const fn inlet<I, E: 'static>() -> Self {
        Self { kind: NeedKind::Inlet(TypeId::of::<E>, type_name::<E>), type_name: type_name::<I> }
    }

    /// The cursor `C` of the pipeline itself.
    #[must_use]
    pub(crate) const fn cursor<C>() -> Self {
        Self { kind: NeedKind::Cursor, type_name: type_name::<C> }
    }

    /// The name of the resource, if it is one that is needed.
    #[must_use]
    pub fn as_resource(&self) -> Option<&'static str> {
        match self.kind {
            NeedKind::Resource(factory) => Some(factory.entry().name),
            _ => None,
        }
    }

    /// Whether a section of configuration is needed.
    #[must_use]
    pub fn is_config(&self) -> bool {
        matches!(self.kind, NeedKind::Config(_))
    }

    /// Whether the position of the pipeline is needed.
    pub(crate) fn is_cursor(&self) -> bool {
        matches!(self.kind, NeedKind::Cursor)
    }

    /// The path of the needed type.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        (self.type_name)()
    }
}

impl std::fmt::Debug for Need {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.kind {
            NeedKind::Resource(_) => "Resource",
            NeedKind::Config(_) => "Config",
            NeedKind::Provided(_) => "Provided",
            NeedKind::Inlet(..) => "Inlet",
            NeedKind::Cursor => "Cursor",
            NeedKind::Own => "Own",
        };
        write!(f, "{kind}({})", self.type_name())
    }
}

impl<T: DeserializeOwned + Send + Sync + 'static> Inject for Config<T> {
    const NEED: Need = Need::config::<T>();

    fn inject(cx: &Assembly) -> Result<Self> {
        let decoded = decode_section::<T>(cx.settings(), cx.component()).map_err(|problems| {
            let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
            Error::new(lines.join("\n"))
        })?;
        Ok(Self::from(decoded.value))
    }
}
