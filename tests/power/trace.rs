//! Reads what `strace` has written: the calls in their order, those that other threads have interrupted in two halves.

use std::collections::HashMap;

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) marks: usize,
    /// How often the disk has confirmed the log.
    pub(crate) confirmed: usize,
    /// Marks that came while something in the log was not confirmed.
    pub(crate) early: Vec<String>,
}

pub(crate) fn read(calls: &str) -> Seen {
    let mut seen = Seen::default();
    // Writes to the log that were begun since the last confirmation was, and the confirmations under way.
    let (mut open, mut under_way) = (0_usize, HashMap::new());
    for line in calls.lines() {
        let (pid, call) = line.split_once(char::is_whitespace).unwrap_or_default();
        let call = call.trim_start();
        let (is_log, is_sync) = (call.contains("state.db-wal>"), call.starts_with("f"));
        if call.starts_with("pwrite64(") && is_log {
            open += 1;
        } else if is_sync && is_log {
            if call.ends_with("= 0") {
                (open, seen.confirmed) = (0, seen.confirmed + 1);
            } else {
                under_way.insert(pid, open);
            }
        } else if call.starts_with("<... f") {
            if let Some(covered) = under_way.remove(pid).filter(|_| call.ends_with("= 0")) {
                (open, seen.confirmed) = (open - covered, seen.confirmed + 1);
            }
        } else if call.starts_with("write(") && call.contains("/marks>") {
            seen.marks += 1;
            if open > 0 || seen.confirmed == 0 {
                seen.early.push(line.to_owned());
            }
        }
    }
    seen
}

#[test]
fn a_mark_is_early_until_the_confirmation_has_come_back() {
    let write = "7 pwrite64(9</s/state.db-wal>, ..., 32, 0) = 32\n";
    let begun = "7 fdatasync(9</s/state.db-wal> <unfinished ...>\n";
    let mark = "8 write(5</s/marks>, \"x\\n\", 2) = 2\n";
    let back = "7 <... fdatasync resumed>) = 0\n";
    let early = |calls: &[&str]| read(&calls.concat()).early.len();
    assert_eq!(early(&[write, begun, mark, back]), 1);
    assert_eq!(early(&[write, begun, back, mark]), 0);
    assert_eq!(early(&[write, begun, back, write, mark]), 1);
    assert_eq!(early(&[write, "7 fdatasync(9</s/state.db-wal>) = 0\n", mark]), 0);
    assert_eq!(early(&[mark]), 1);
}
