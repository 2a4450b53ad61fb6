//! The attribute macros and `app!`, with their documentation.

/// Declares a resource: a dependency that is shared by type, started once and stopped last.
#[doc = include_str!("docs/resource.md")]
pub use minions_macros::resource;

/// Declares a pipeline: a source of typed events.
#[doc = include_str!("docs/pipeline.md")]
pub use minions_macros::pipeline;

/// Declares a minion: an ordered list of durable steps that react to one type of event.
#[doc = include_str!("docs/minion.md")]
pub use minions_macros::minion;

/// Marks a step inside a `#[minion] impl` block.
#[doc = include_str!("docs/minion_step.md")]
pub use minions_macros::minion_step;

/// Leaves a public async method of a resource out of the metrics, or keeps a method whose name looks like a hook's.
pub use minions_macros::untracked;

/// Bounds the calls of a resource's method.
#[doc = include_str!("docs/limit.md")]
pub use minions_macros::limit;

/// Puts a program together and generates its `main`.
#[doc = include_str!("docs/app.md")]
#[cfg(feature = "app")]
#[macro_export]
macro_rules! app {
    ($($program:tt)*) => {
        $crate::__private::app_impl! { [$crate] $($program)* }
    };
}

/// Puts a program together. The generated `main` needs the feature `app`; without it, say `#[no_main]`.
#[doc = include_str!("docs/app.md")]
#[cfg(not(feature = "app"))]
#[macro_export]
macro_rules! app {
    ($($program:tt)*) => {
        $crate::__private::app_impl! { [$crate builder] $($program)* }
    };
}
