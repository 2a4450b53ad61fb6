//! One event × one minion: identity, the step that runs, and what moves it on.

mod drive;
mod engine;
mod handle;
mod id;
mod orchestration;
mod pending;
mod resume;
mod seat;

pub(crate) use engine::{Engine, NotDurable};
pub use handle::{IdempotencyKey, Workflow};
pub use id::{ParseWorkflowIdError, WorkflowId, WorkflowIds};
pub(crate) use orchestration::{Orchestration, Start};
pub(crate) use pending::Pending;
pub(crate) use resume::Backlog;
