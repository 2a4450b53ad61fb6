//! `#[minion]` on an impl: the steps of a workflow, and the hooks.

mod jump;
mod step;
