//! What macro output names. No stability is promised: never call anything of it by hand.

pub use minions_core::__private::*;

#[cfg(feature = "macros")]
pub use minions_macros::app_impl;

#[cfg(feature = "app")]
pub use minions_app::NoArgs;

/// Runs a generated program on the arguments of the process.
#[cfg(feature = "app")]
#[must_use]
pub fn main<A: minions_app::clap::Args + Send + Sync + 'static>(builder: crate::GruBuilder) -> std::process::ExitCode {
    minions_app::App::new(builder).args::<A>().main()
}
