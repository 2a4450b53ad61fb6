//! A component has two annotated halves; the struct asserts that the impl is annotated too.

/// The `#[resource]` on the impl.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has `#[resource]` on its struct, but not on its impl",
    label = "impl half missing",
    note = "it may be empty: `#[resource] impl {Self} {{}}`"
)]
pub trait ResourceImpl {}

pub fn assert_resource_impl<T: ResourceImpl>() {}

/// The `#[pipeline]` on the impl.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has `#[pipeline]` on its struct, but not on its impl",
    label = "impl half missing",
    note = "add `#[pipeline] impl {Self} {{ async fn next(&mut self) -> Result<Next<E>> .. }}`"
)]
pub trait PipelineImpl {}

pub fn assert_pipeline_impl<T: PipelineImpl>() {}

/// The `#[minion]` on the impl.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has `#[minion]` on its struct, but not on its impl",
    label = "impl half missing",
    note = "add `#[minion] impl {Self} {{ #[minion_step] async fn .. }}`"
)]
pub trait MinionImpl {}

pub fn assert_minion_impl<T: MinionImpl>() {}
