//! Runs a test in a process of its own.

use std::env;
use std::path::Path;
use std::process::{Command, Output};

const MARK: &str = "MINIONS_TEST_ALONE";
const DIRECTORY: &str = "MINIONS_TEST_DIRECTORY";

/// The directory that parent and child share, if this process is the child.
pub(super) fn directory() -> Option<String> {
    env::var(MARK).ok()?;
    Some(env::var(DIRECTORY).expect("the parent names a directory"))
}

/// A command that runs the test `name` of this file's module tree as the only one of its process.
pub(super) fn command(name: &str, directory: &Path) -> Command {
    let mut command = Command::new(env::current_exe().expect("a running test has a file"));
    mark(&mut command, name, directory);
    command
}

/// The same through a shell that runs `prepare` first.
#[cfg(unix)]
pub(super) fn command_after(prepare: &str, name: &str, directory: &Path) -> Command {
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!("{prepare}; exec \"$0\" \"$@\""))
        .arg(env::current_exe().expect("a running test has a file"));
    mark(&mut command, name, directory);
    command
}

fn mark(command: &mut Command, name: &str, directory: &Path) {
    command
        .args(["--exact", "--nocapture", "--test-threads=1"])
        .arg(format!("telemetry::{name}"))
        .env(MARK, "1")
        .env(DIRECTORY, directory)
        .env_remove("RUST_LOG");
}

/// Runs the command to its end and answers what it wrote to standard error.
pub(super) fn stderr_of(mut command: Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("the test can be started again");
    let stdout = String::from_utf8(stdout).expect("the harness writes text");
    let stderr = String::from_utf8(stderr).expect("log lines are text");
    assert!(status.success(), "{stdout}\n{stderr}");
    // A misspelt name would run nothing and pass.
    assert!(stdout.contains("1 passed"), "{stdout}");
    stderr
}
