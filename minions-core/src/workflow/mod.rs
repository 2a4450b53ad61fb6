//! One event × one minion: identity, the step that runs, and what moves it on.

mod handle;
mod id;

pub use handle::{IdempotencyKey, Workflow};
pub(crate) use id::now_ms;
pub use id::{ParseWorkflowIdError, WorkflowId, WorkflowIds};
