//! What is kept of a file.

use minions::prelude::*;
use rusqlite::{Connection, params};

/// What one minion finds out of a file, and the tables where it is kept.
pub trait Keep: Send + 'static {
    /// Whose it is.
    const MINION: &'static str;

    /// Removes what is kept of `path`.
    ///
    /// # Errors
    ///
    /// Those of the database.
    fn clear(db: &Connection, path: &str) -> rusqlite::Result<()>;

    /// Keeps it; the tables hold nothing of `path`.
    ///
    /// # Errors
    ///
    /// Those of the database.
    fn keep(self, db: &Connection, path: &str) -> rusqlite::Result<()>;
}

/// What the indexer finds out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Lower-case hex.
    pub sha256: String,
    /// Its size.
    pub bytes: u64,
    /// Its line feeds.
    pub lines: u64,
    /// Nothing where its name tells none.
    pub language: Option<String>,
    /// Of a Markdown file.
    pub headings: Vec<Heading>,
    /// Of a Markdown file.
    pub links: Vec<Link>,
}

/// A heading of a Markdown file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heading {
    /// From 1.
    pub line: u64,
    /// From 1 to 6.
    pub level: u8,
    /// Without markup.
    pub text: String,
}

/// A link of a Markdown file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// From 1.
    pub line: u64,
    /// As it is written.
    pub target: String,
    /// The path that it leads to, if that may lie in the tree.
    pub resolved: Option<String>,
}

/// Something that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// One word.
    pub kind: String,
    /// From 1; nothing for the file as a whole.
    pub line: Option<u64>,
    /// For a person; never a whole secret.
    pub detail: String,
}

/// What the auditor finds out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// The paths that its links lead to, and whether there is anything.
    pub targets: Vec<(String, bool)>,
}

impl Keep for Facts {
    const MINION: &'static str = "indexer";

    fn clear(db: &Connection, path: &str) -> rusqlite::Result<()> {
        db.prepare_cached("DELETE FROM files WHERE path = ?1")?.execute([path])?;
        db.prepare_cached("DELETE FROM headings WHERE path = ?1")?.execute([path])?;
        db.prepare_cached("DELETE FROM links WHERE path = ?1")?.execute([path])?;
        Ok(())
    }

    fn keep(self, db: &Connection, path: &str) -> rusqlite::Result<()> {
        let Self { sha256, bytes, lines, language, headings, links } = self;
        db.prepare_cached("INSERT INTO files (path, sha256, bytes, lines, language) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![path, sha256, bytes.cast_signed(), lines.cast_signed(), language])?;
        for Heading { line, level, text } in headings {
            db.prepare_cached("INSERT INTO headings (path, line, level, text) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![path, line.cast_signed(), level, text])?;
        }
        for Link { line, target, resolved } in links {
            db.prepare_cached("INSERT INTO links (path, line, target, resolved) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![path, line.cast_signed(), target, resolved])?;
        }
        Ok(())
    }
}

impl Keep for Verdict {
    const MINION: &'static str = "auditor";

    fn clear(db: &Connection, path: &str) -> rusqlite::Result<()> {
        db.prepare_cached("DELETE FROM findings WHERE path = ?1")?.execute([path])?;
        db.prepare_cached("DELETE FROM targets WHERE path = ?1")?.execute([path])?;
        Ok(())
    }

    fn keep(self, db: &Connection, path: &str) -> rusqlite::Result<()> {
        for Finding { kind, line, detail } in self.findings {
            db.prepare_cached("INSERT INTO findings (path, kind, line, detail) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![path, kind, line.map(u64::cast_signed), detail])?;
        }
        for (target, _) in self.targets {
            db.prepare_cached("INSERT INTO targets (target, path) VALUES (?1, ?2)")?.execute([&*target, path])?;
        }
        Ok(())
    }
}
