//! What the process holds: tasks, descriptors, threads, memory.

use std::fs;
use std::io;

use tokio::runtime::Handle;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vitals {
    pub tasks: usize,
    pub descriptors: usize,
    pub threads: usize,
    /// Resident memory in KiB.
    pub memory: u64,
}

impl Vitals {
    /// Looks at this process; Linux only, elsewhere all but the tasks is 0.
    pub fn now() -> Self {
        Self {
            tasks: Handle::current().metrics().num_alive_tasks(),
            // The one that reads the directory is among them, every time.
            descriptors: count("/proc/self/fd"),
            threads: count("/proc/self/task"),
            memory: resident().unwrap_or(0),
        }
    }
}

fn count(directory: &str) -> usize {
    fs::read_dir(directory).map_or(0, Iterator::count)
}

fn resident() -> io::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    Ok(line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse().ok()).unwrap_or(0))
}

/// The middle one, or the lower of two.
pub fn median<T: Copy + Ord + Default>(of: &[T]) -> T {
    let mut sorted = of.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or_default()
}
