//! One event × one minion: identity, the step that runs, and what moves it on.

mod id;

pub(crate) use id::now_ms;
pub use id::{ParseWorkflowIdError, WorkflowId, WorkflowIds};
