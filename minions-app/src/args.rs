//! The user's own arguments: flattened into the command line, injected into components.

use std::any::type_name;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use clap::{ArgMatches, Command};

use minions_core::component::{Assembly, Inject, Need};
use minions_core::{GruBuilder, Result};

/// The program's own command line arguments, as a component takes them: a field or a parameter of `create`.
///
/// `A` is the type that [`App::args`](crate::App::args) or `#[args(..)]` in `app!` names. A unit test makes one from a
/// value: `Args::from(Options { depth: 3 })`.
pub struct Args<A>(Arc<A>);

impl<A> From<A> for Args<A> {
    fn from(args: A) -> Self {
        Self(Arc::new(args))
    }
}

impl<A> Clone for Args<A> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<A> Deref for Args<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.0
    }
}

impl<A: fmt::Debug> fmt::Debug for Args<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<A: Send + Sync + 'static> Inject for Args<A> {
    const NEED: Need = Need::provided::<A>();

    fn inject(cx: &Assembly) -> Result<Self> {
        let given = cx.provided::<A>().map(Self);
        given.ok_or_else(|| {
            format!("`{}` needs the arguments `{}`, which were not parsed", cx.component(), type_name::<A>()).into()
        })
    }
}

/// No arguments of the program's own.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
#[command(about = None, long_about = None)]
pub struct NoArgs {}

/// What is done with the user's type of arguments, without the type.
#[derive(Clone, Copy)]
pub(crate) struct UserArgs {
    pub(crate) augment: fn(Command) -> Command,
    /// Hands the parsed arguments to the program.
    pub(crate) provide: fn(&ArgMatches, GruBuilder) -> Result<GruBuilder, clap::Error>,
    /// Lets a check take for granted that there will be some.
    pub(crate) promise: fn(GruBuilder) -> GruBuilder,
}

impl UserArgs {
    pub(crate) fn of<A: clap::Args + Send + Sync + 'static>() -> Self {
        Self {
            augment: A::augment_args,
            provide: |matches, builder| A::from_arg_matches(matches).map(|args| builder.provide(args)),
            promise: GruBuilder::will_provide::<A>,
        }
    }
}
