//! The lock as a file: what stored work may look like, in lines that are pleasant to review.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is locked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Lock {
    pub(super) format: u32,
    /// The ids under which work is stored.
    pub(super) orchestrations: BTreeSet<String>,
    /// By id and version.
    pub(super) minions: BTreeMap<String, BTreeMap<u32, Locked>>,
}

/// What one version of a minion may have stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Locked {
    /// The names by which rows know the steps.
    pub(super) steps: Vec<String>,
    pub(super) events: Vec<Value>,
    pub(super) contexts: Vec<Value>,
}

/// Raised when a program of before could not read what one of today writes.
pub(super) const FORMAT: u32 = 1;

const ABOUT: &str = "What stored workflows may look like; commit it. Written by MINIONS_SCHEMA=write cargo test";

impl Lock {
    /// # Errors
    ///
    /// A sentence about what is wrong with the text.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let lock: Self = serde_json::from_str(text).map_err(|error| format!("it is not a schema lock: {error}"))?;
        if lock.format != FORMAT {
            let format = lock.format;
            return Err(format!(
                "it has format {format} and this version of minions knows {FORMAT}; use the other version"
            ));
        }
        Ok(lock)
    }

    /// The file: one line for each sample, so that a change of one is one line in a review.
    pub(super) fn text(&self) -> String {
        let mut out = format!("{{\n  \"about\": {},\n  \"format\": {},\n", line(ABOUT), self.format);
        let _ = writeln!(out, "  \"orchestrations\": {},", line(&self.orchestrations));
        let minions = self.minions.iter().map(|(id, versions)| {
            let versions = versions.iter().map(|(version, locked)| format!("      \"{version}\": {}", locked.text()));
            format!("    {}: {{\n{}\n    }}", line(id), joined(versions))
        });
        let _ = write!(out, "  \"minions\": {{\n{}\n  }}\n}}\n", joined(minions));
        out
    }
}

impl Locked {
    fn text(&self) -> String {
        let list = |samples: &[Value]| {
            let samples = samples.iter().map(|sample| format!("          {}", line(sample)));
            format!("[\n{}\n        ]", joined(samples))
        };
        format!(
            "{{\n        \"steps\": {},\n        \"events\": {},\n        \"contexts\": {}\n      }}",
            line(&self.steps),
            list(&self.events),
            list(&self.contexts)
        )
    }
}

fn joined(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().join(",\n")
}

fn line(value: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(value).expect("texts and values can be written")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_file_says_what_the_lock_holds() {
        let locked = Locked {
            steps: vec!["fetch".to_owned(), "odd \"name\"".to_owned()],
            events: vec![json!({"url": "a", "size": u64::MAX}), json!(null)],
            contexts: Vec::new(),
        };
        let lock = Lock {
            format: FORMAT,
            orchestrations: BTreeSet::from(["sitemap/watcher".to_owned()]),
            minions: BTreeMap::from([("watcher".to_owned(), BTreeMap::from([(2, Locked::default()), (10, locked)]))]),
        };
        assert_eq!(Lock::parse(&lock.text()), Ok(lock));
        let empty = Lock { format: FORMAT, ..Lock::default() };
        assert_eq!(Lock::parse(&empty.text()), Ok(empty));
    }

    #[test]
    fn what_is_no_lock_is_told_from_one_of_another_format() {
        assert!(Lock::parse("[]").unwrap_err().starts_with("it is not a schema lock: "));
        let newer = Lock { format: 7, ..Lock::default() }.text();
        assert!(Lock::parse(&newer).unwrap_err().contains("format 7"));
    }
}
