//! One event × one minion: identity, the step that runs, and what moves it on.

mod attempt;
mod blocking;
mod boot;
mod drive;
mod engine;
mod handle;
mod id;
mod judge;
mod lanes;
mod load;
mod mailbox;
mod operate;
mod orchestration;
mod page;
mod pending;
mod places;
mod quarantine;
mod recovery;
mod resume;
mod routes;
mod seat;
mod state;
mod waker;

pub use blocking::Blocking;
pub use boot::{BootReport, UnknownOrchestration};
pub(crate) use engine::{Engine, NotDurable};
pub use handle::{IdempotencyKey, Workflow};
pub use id::{ParseWorkflowIdError, WorkflowId, WorkflowIds};
pub(crate) use lanes::run as give_turns;
pub(crate) use orchestration::{Orchestration, Start};
pub(crate) use pending::{Asked, Pending};
pub(crate) use places::Place;
pub use quarantine::QuarantineBounds;
pub(crate) use resume::{Backlog, settled};
pub use state::WorkflowState;
pub(crate) use waker::run as wake_what_is_due;
