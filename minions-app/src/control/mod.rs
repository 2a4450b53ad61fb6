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
pub(crate) use self::client::run;

/// Says that there is no way to the running program.
#[cfg(not(unix))]
pub(crate) async fn run(_: &std::path::Path, _: &str, _: Command) -> crate::Exit {
    crate::output::complain("a running program takes orders over a Unix socket, which this system does not have");
    crate::Exit::Failed
}
