//! What `durability = "power"` means, as the system sees it: nobody is answered before the disk has confirmed the commit.
//!
//! The test traces the system calls of a small program, which writes a mark whenever something depends on a commit: when a
//! step begins, which its checkpoint allows, and when a source hears that its event was admitted. Before each mark, whatever
//! was written to the log of the database must have been confirmed by `fdatasync`. The same program with
//! `durability = "process"` shows that the trace would tell.

#![cfg(target_os = "linux")]

mod program;
mod trace;

use std::env;
use std::path::Path;
use std::process::Command;

use minions::sqlite::Durability;

use program::{EVENTS, MARKS_OF_EVENT};
use trace::{Seen, read};

/// Where the traced program works, and how.
const DIRECTORY: &str = "MINIONS_TRACED_DIRECTORY";
const PROCESS: &str = "MINIONS_TRACED_PROCESS";

#[test]
#[ignore = "it is the program that the other test traces"]
fn traced_program() {
    let directory = env::var_os(DIRECTORY).expect("the other test says where");
    let durability = if env::var_os(PROCESS).is_some() { Durability::Process } else { Durability::Power };
    program::run(Path::new(&directory), durability);
}

#[test]
fn r10_nobody_is_answered_before_the_disk_has_confirmed_the_commit() {
    let directory = tempfile::tempdir().unwrap();
    let probe = Command::new("strace").args(["-f", "-o"]).arg(directory.path().join("probe")).arg("true").status();
    if !probe.as_ref().is_ok_and(std::process::ExitStatus::success) {
        eprintln!("SKIPPED: strace is missing or must not attach here ({probe:?}); nothing was traced");
        return;
    }
    let power = trace(&directory.path().join("power"), Durability::Power);
    assert_eq!(power.marks, EVENTS * MARKS_OF_EVENT);
    assert_eq!(power.early, Vec::<String>::new(), "answered before fdatasync");
    assert!(power.confirmed >= power.marks, "{power:?}");
    let process = trace(&directory.path().join("process"), Durability::Process);
    assert_eq!(process.marks, EVENTS * MARKS_OF_EVENT);
    assert!(!process.early.is_empty(), "the trace sees the difference");
}

fn trace(directory: &Path, durability: Durability) -> Seen {
    std::fs::create_dir(directory).unwrap();
    let calls = directory.join("calls");
    let mut command = Command::new("strace");
    command.args(["-f", "-y", "-e", "trace=write,pwrite64,fdatasync,fsync", "-o"]).arg(&calls);
    command.arg(env::current_exe().unwrap()).args(["--exact", "traced_program", "--ignored", "--test-threads=1"]);
    command.env(DIRECTORY, directory);
    if durability == Durability::Process {
        command.env(PROCESS, "1");
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    read(&std::fs::read_to_string(calls).unwrap())
}
