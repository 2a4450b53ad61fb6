//! What the control group of the process may use: its own limit, or the tightest of those around it.

use std::path::Path;

use minions_core::guard::MemoryUse;
use minions_core::reason::MemoryOf;

use super::{number, read};

/// A group of the first version without a limit says a number that is nearly the greatest one.
const NO_LIMIT: u64 = 1 << 60;

/// The names of the files of one version.
struct Version {
    limit: &'static str,
    used: &'static str,
    /// The line of `memory.stat` with the cached files that can be given back at once.
    inactive: &'static str,
}

const V2: Version = Version { limit: "memory.max", used: "memory.current", inactive: "inactive_file" };
const V1: Version =
    Version { limit: "memory.limit_in_bytes", used: "memory.usage_in_bytes", inactive: "total_inactive_file" };

/// Nothing without a limit.
pub(super) fn measure(root: &Path) -> Option<MemoryUse> {
    let groups = read(&root.join("proc/self/cgroup"))?;
    let all = root.join("sys/fs/cgroup");
    let found = groups.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        if controllers.is_empty() {
            return tightest(&all, path, &V2);
        }
        controllers.split(',').any(|name| name == "memory").then(|| tightest(&all.join("memory"), path, &V1))?
    });
    found.min_by_key(|memory| memory.limit)
}

/// The tightest limit from the group at `path` up to the one that all are in.
fn tightest(all: &Path, path: &str, version: &Version) -> Option<MemoryUse> {
    let own = all.join(path.trim_start_matches('/'));
    let groups = own.ancestors().take_while(|group| group.starts_with(all));
    groups.filter_map(|group| one(group, version)).min_by_key(|memory| memory.limit)
}

fn one(group: &Path, version: &Version) -> Option<MemoryUse> {
    // "max" is no number, and no limit.
    let limit = read(&group.join(version.limit))?.parse().ok().filter(|limit| *limit < NO_LIMIT)?;
    let used: u64 = read(&group.join(version.used))?.parse().ok()?;
    let inactive = read(&group.join("memory.stat")).and_then(|stat| number(&stat, version.inactive)).unwrap_or(0);
    Some(MemoryUse { used: used.saturating_sub(inactive), limit, of: MemoryOf::Container })
}
