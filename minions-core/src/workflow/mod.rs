//! One event × one minion: identity, the step that runs, and what moves it on.

mod attempt;
mod drive;
mod engine;
mod handle;
mod id;
mod judge;
mod load;
mod mailbox;
mod orchestration;
mod pending;
mod recovery;
mod resume;
mod routes;
mod seat;
mod waker;

pub(crate) use engine::{Engine, NotDurable};
pub use handle::{IdempotencyKey, Workflow};
pub use id::{ParseWorkflowIdError, WorkflowId, WorkflowIds};
pub(crate) use orchestration::{Orchestration, Start};
pub(crate) use pending::{Asked, Pending};
pub(crate) use resume::Backlog;
pub(crate) use waker::run as wake_what_is_due;
