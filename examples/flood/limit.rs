//! A hard limit of memory for a process that is about to start.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What limits the process; a control group is removed when this is dropped, after the process.
pub struct Limit {
    group: Option<PathBuf>,
    bytes: u64,
}

impl Limit {
    pub fn new(bytes: u64) -> Self {
        let name = format!("minions-flood-{}", std::process::id());
        let versions = [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")];
        let made = versions.into_iter().find_map(|(all, file)| group(&Path::new(all).join(&name), file, bytes));
        Self { group: made, bytes }
    }

    /// What it is, for people.
    pub fn describe(&self) -> &'static str {
        if self.group.is_some() { "a control group" } else { "`ulimit -d`" }
    }

    /// `program`, limited from its first instruction on.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("sh");
        match &self.group {
            Some(group) => {
                command.args(["-c", "echo $$ > \"$0\" && exec \"$@\""]).arg(group.join("cgroup.procs"));
            }
            None => {
                command.args(["-c", "ulimit -d \"$0\" && exec \"$@\""]).arg((self.bytes >> 10).to_string());
            }
        }
        command.arg(program);
        command
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        if let Some(group) = &self.group {
            // It is empty when its process has ended; a leftover does no harm.
            let _ = fs::remove_dir(group);
        }
    }
}

/// Makes a group with a limit; nothing where that cannot be done, or has no effect.
fn group(group: &Path, file: &str, bytes: u64) -> Option<PathBuf> {
    if !group.parent()?.join("cgroup.procs").exists() {
        return None;
    }
    fs::create_dir(group).ok()?;
    let file = group.join(file);
    let holds = || {
        fs::write(&file, bytes.to_string()).ok()?;
        let said: u64 = fs::read_to_string(&file).ok()?.trim().parse().ok()?;
        (said == bytes).then_some(())
    };
    if holds().is_none() {
        let _ = fs::remove_dir(group);
        return None;
    }
    Some(group.to_owned())
}
