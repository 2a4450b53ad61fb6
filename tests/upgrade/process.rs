//! A version of the program in a process: this test binary again.

use std::env;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use super::versions::{STATE, VERSION, Version};

/// What marks the lines that the program says, among those of the test harness.
const SAYS: &str = "program: ";

/// A process, killed (SIGKILL on Unix) when it is dropped.
pub(crate) struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    pub(crate) fn start(version: Version, state: &Path) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", "--test-threads=1", "version"])
            .env(STATE, state)
            .env(VERSION, version.name())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next thing that the program says; none once it has ended.
    pub(crate) fn hear(&mut self) -> Option<String> {
        let said = self.lines.by_ref().find_map(|line| Some(line.ok()?.split_once(SAYS)?.1.to_owned()));
        if said.is_none() {
            // Its output is closed before its files are.
            self.child.wait().unwrap();
        }
        said
    }

    /// What comes after the next `prefix` that it says.
    pub(crate) fn hears(&mut self, prefix: &str) -> String {
        while let Some(line) = self.hear() {
            if let Some(rest) = line.strip_prefix(prefix) {
                return rest.to_owned();
            }
        }
        panic!("the program has ended without saying `{prefix}`");
    }

    /// Ends it without giving it a chance to do anything about it.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In the program: tells the test something. A line is written at once, or not at all.
pub(crate) fn say(what: &str) {
    std::io::stdout().write_all(format!("{SAYS}{what}\n").as_bytes()).unwrap();
}
