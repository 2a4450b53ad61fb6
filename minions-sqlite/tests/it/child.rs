//! A second process: this test binary again, running one function of it.

use std::env;
use std::io::{BufRead as _, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

const PATH: &str = "MINIONS_SQLITE_TEST_PATH";
/// What marks the lines that a child says, among those of the test harness.
const SAYS: &str = "child: ";

/// A child, killed (SIGKILL on Unix) when it is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Runs the ignored test `name` in another process, on the state at `path`.
    pub(crate) fn start(name: &str, path: &Path) -> Self {
        Self::of(Command::new(env::current_exe().unwrap()), name, path)
    }

    fn of(mut command: Command, name: &str, path: &Path) -> Self {
        let mut child = command
            .args(["--ignored", "--exact", "--nocapture", "--test-threads=1", name])
            .env(PATH, path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Runs it on a disk of `megabytes` that is mounted over the directory of the state, for that process only. Nothing
    /// where the system does not let us.
    #[cfg(target_os = "linux")]
    pub(crate) fn on_a_small_disk(name: &str, path: &Path, megabytes: u32) -> Option<Self> {
        let mount = format!("mount -t tmpfs -o size={megabytes}m tmpfs \"$0\"");
        Self::mounted(name, path, &mount, path.parent().unwrap())
    }

    /// Runs it where nobody may write to `what`, a file or a directory, not even the superuser. Nothing where the system
    /// does not let us.
    #[cfg(target_os = "linux")]
    pub(crate) fn with_read_only(name: &str, path: &Path, what: &Path) -> Option<Self> {
        Self::mounted(name, path, "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\"", what)
    }

    /// Runs it after `mount`, which is done to `place` for that process only.
    #[cfg(target_os = "linux")]
    fn mounted(name: &str, path: &Path, mount: &str, place: &Path) -> Option<Self> {
        let mount = |then: &str| {
            let mut command = Command::new("unshare");
            command.args(["--map-root-user", "--mount", "sh", "-c", &format!("{mount} && {then}")]).arg(place);
            command
        };
        if !mount("true").stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
            return None;
        }
        let mut command = mount("exec \"$@\"");
        command.arg(env::current_exe().unwrap());
        Some(Self::of(command, name, path))
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next thing that the child says; none once it has ended.
    pub(crate) fn hear(&mut self) -> Option<String> {
        self.lines.by_ref().find_map(|line| Some(line.ok()?.split_once(SAYS)?.1.to_owned()))
    }

    /// Whether the child comes to its end, and succeeds.
    pub(crate) fn succeeds(mut self) -> bool {
        while self.hear().is_some() {}
        self.child.wait().unwrap().success()
    }

    /// Ends the child without giving it a chance to do anything about it.
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

/// In the child: the state to work on.
pub(crate) fn path() -> PathBuf {
    env::var_os(PATH).expect("only another test starts this one").into()
}

/// In the child: tells the parent something. A line is written at once, or not at all.
pub(crate) fn say(what: &str) {
    use std::io::Write as _;

    std::io::stdout().write_all(format!("{SAYS}{what}\n").as_bytes()).unwrap();
}
