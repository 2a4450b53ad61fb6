//! Orders to a running program: the socket in its state directory, and the commands that use it.
//!
//! The socket is the owner's alone, and nothing else listens. What is said over it is one line of JSON each way: see
//! `protocol`.

mod command;
mod orders;

#[cfg(unix)]
mod client;
#[cfg(unix)]
mod paint;
#[cfg(unix)]
mod protocol;
#[cfg(unix)]
mod ps;
#[cfg(unix)]
mod reports;
#[cfg(unix)]
mod server;
#[cfg(unix)]
mod socket;
#[cfg(unix)]
mod view;

pub(crate) use self::command::Command;
#[cfg(test)]
pub(crate) use self::command::Mode;
pub(crate) use self::orders::Orders;

#[cfg(unix)]
pub(crate) use self::client::{ask_workflows, is_there, run};

/// Without sockets only files are looked at.
#[cfg(not(unix))]
pub(crate) fn is_there(_: &std::path::Path) -> bool {
    false
}

/// Nobody can be asked.
#[cfg(not(unix))]
pub(crate) async fn ask_workflows(
    _: &std::path::Path,
    _: &str,
    _: crate::workflows::Request,
) -> Result<serde_json::Value, crate::workflows::Refusal> {
    Err(crate::workflows::Refusal::new("not-running", "this system has no Unix sockets"))
}

/// Says that there is no way to the running program.
#[cfg(not(unix))]
pub(crate) async fn run(_: &std::path::Path, _: &str, _: Command) -> crate::Exit {
    crate::output::complain("a running program takes orders over a Unix socket, which this system does not have");
    crate::Exit::Failed
}
