//! What a comparison has found, in words.

use std::fmt;

use crate::component::Location;

/// What today's program would do to the work that the lock knows.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SchemaReport {
    /// What would be stranded; nothing if the program is safe to deploy.
    pub stranded: Vec<Stranded>,
    /// What could not be found out.
    pub unknown: Vec<String>,
    /// What has changed and is safe: the lock is out of date by it.
    pub changed: Vec<String>,
    /// The lock as it should be; what would be stranded is kept in it.
    pub lock: String,
    /// The same without what would be stranded.
    pub retired: String,
}

/// Stored work that today's program could not go on with.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Stranded {
    /// The id of the minion, or of the orchestration.
    pub of: String,
    /// Where the minion is declared, if it still is.
    pub location: Option<Location>,
    /// What is wrong.
    pub what: String,
    /// Stored work that it is wrong with.
    pub sample: Option<String>,
    /// What would become of such workflows.
    pub fate: &'static str,
    /// What to do about it.
    pub fix: String,
}

impl SchemaReport {
    /// Whether the lock is as it should be and nothing is wrong.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.stranded.is_empty() && self.unknown.is_empty() && self.changed.is_empty()
    }
}

impl fmt::Display for SchemaReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.stranded.is_empty() {
            let count = self.stranded.len();
            let changes = if count == 1 { "change strands" } else { "changes strand" };
            writeln!(f, "{count} {changes} stored workflows:")?;
            self.stranded.iter().try_for_each(|stranded| write!(f, "\n{stranded}"))?;
            writeln!(
                f,
                "\nif nothing of it is stored anywhere any more, accept the loss: MINIONS_SCHEMA=retire cargo test\n"
            )?;
        }
        if !self.unknown.is_empty() {
            writeln!(f, "it cannot be found out whether stored workflows survive:\n")?;
            self.unknown.iter().try_for_each(|unknown| writeln!(f, "  {unknown}"))?;
            writeln!(f)?;
        }
        if !self.changed.is_empty() {
            writeln!(f, "the lock is out of date; nothing is lost by these changes:\n")?;
            self.changed.iter().try_for_each(|changed| writeln!(f, "  {changed}"))?;
            writeln!(f, "\nbring it up to date and commit it: MINIONS_SCHEMA=write cargo test")?;
        }
        Ok(())
    }
}

impl fmt::Display for Stranded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { of, what, fate, fix, .. } = self;
        write!(f, "  `{of}`")?;
        if let Some(location) = self.location.filter(|location| !location.file().is_empty()) {
            write!(f, " ({location})")?;
        }
        writeln!(f, ": {what}")?;
        if let Some(sample) = &self.sample {
            writeln!(f, "    stored: {sample}")?;
        }
        writeln!(f, "    then: {fate}")?;
        writeln!(f, "    fix: {fix}")
    }
}
