//! What the machine has.

use std::path::Path;

use minions_core::guard::MemoryUse;
use minions_core::reason::MemoryOf;

use super::{number, read};

/// Nothing where the system does not tell.
pub(super) fn measure(root: &Path) -> Option<MemoryUse> {
    let text = read(&root.join("proc/meminfo"))?;
    let (total, available) = (number(&text, "MemTotal:")?, number(&text, "MemAvailable:")?);
    Some(MemoryUse { used: total.saturating_sub(available) << 10, limit: total << 10, of: MemoryOf::Host })
}
