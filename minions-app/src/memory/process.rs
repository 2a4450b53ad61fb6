//! What the process may use for itself: `ulimit -v` and `ulimit -d`.

use std::path::Path;

use minions_core::guard::MemoryUse;
use minions_core::reason::MemoryOf;

use super::{number, read};

/// One for each limit that there is.
pub(super) fn measure(root: &Path) -> Vec<MemoryUse> {
    let Some(limits) = read(&root.join("proc/self/limits")) else { return Vec::new() };
    let bound = |name: &str| {
        // The soft limit is the one that holds; "unlimited" is no number.
        let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_ascii_whitespace().next()?.parse::<u64>().ok()
    };
    let (address, data) = (bound("Max address space"), bound("Max data size"));
    if address.is_none() && data.is_none() {
        return Vec::new();
    }
    let status = read(&root.join("proc/self/status")).unwrap_or_default();
    let of = |limit: Option<u64>, name: &str| {
        Some(MemoryUse { used: number(&status, name)? << 10, limit: limit?, of: MemoryOf::Process })
    };
    [of(address, "VmSize:"), of(data, "VmData:")].into_iter().flatten().collect()
}
