//! A component has two annotated halves; each asserts that the other is there.

/// The `#[resource]` on the struct.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has `#[resource]` on its impl, but not on its struct",
    label = "struct half missing",
    note = "write `#[resource]` above `struct {Self}`"
)]
pub trait ResourceStruct {}

/// The `#[resource]` on the impl.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has `#[resource]` on its struct, but not on its impl",
    label = "impl half missing",
    note = "it may be empty: `#[resource] impl {Self} {{}}`"
)]
pub trait ResourceImpl {}

pub fn assert_resource_struct<T: ResourceStruct>() {}

pub fn assert_resource_impl<T: ResourceImpl>() {}

/// The `#[pipeline]` on the struct.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has `#[pipeline]` on its impl, but not on its struct",
    label = "struct half missing",
    note = "write `#[pipeline]` above `struct {Self}`"
)]
pub trait PipelineStruct {}

/// The `#[pipeline]` on the impl.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has `#[pipeline]` on its struct, but not on its impl",
    label = "impl half missing",
    note = "add `#[pipeline] impl {Self} {{ async fn next(&mut self) -> Result<Next<E>> .. }}`"
)]
pub trait PipelineImpl {}

pub fn assert_pipeline_struct<T: PipelineStruct>() {}

pub fn assert_pipeline_impl<T: PipelineImpl>() {}

/// The `#[minion]` on the struct.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has `#[minion]` on its impl, but not on its struct",
    label = "struct half missing",
    note = "write `#[minion]` above `struct {Self}`"
)]
pub trait MinionStruct {}

/// The `#[minion]` on the impl.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has `#[minion]` on its struct, but not on its impl",
    label = "impl half missing",
    note = "add `#[minion] impl {Self} {{ #[minion_step] async fn .. }}`"
)]
pub trait MinionImpl {}

pub fn assert_minion_struct<T: MinionStruct>() {}

pub fn assert_minion_impl<T: MinionImpl>() {}
