//! The tables in figures, for people.

use rusqlite::{Connection, Row};

/// What the tables say all in all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many files there are.
    pub files: u64,
    /// The size of all of them.
    pub bytes: u64,
    /// The lines of all of them.
    pub lines: u64,
    /// How many findings there are.
    pub findings: u64,
    /// By language, the one with the most lines first; files without one come last.
    pub languages: Vec<Language>,
    /// Path and size of the biggest files.
    pub biggest: Vec<(String, u64)>,
    /// Kind and count of the findings, the most frequent first.
    pub kinds: Vec<(String, u64)>,
    /// Path, line and detail of the first findings.
    pub first: Vec<(String, Option<u64>, String)>,
}

/// The files of one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Language {
    /// Nothing for files whose language is not known.
    pub name: Option<String>,
    /// How many files there are.
    pub files: u64,
    /// The size of all of them.
    pub bytes: u64,
    /// The lines of all of them.
    pub lines: u64,
}

impl Totals {
    /// Reads them, with so many of the biggest files and of the findings.
    pub(super) fn read(db: &Connection, biggest: usize, findings: usize) -> rusqlite::Result<Self> {
        let languages = "SELECT language, count(*), sum(bytes), sum(lines) FROM files
            GROUP BY language ORDER BY language IS NULL, 4 DESC, language";
        let languages: Vec<Language> = all(db, languages, [], |row| {
            Ok(Language { name: row.get(0)?, files: number(row, 1)?, bytes: number(row, 2)?, lines: number(row, 3)? })
        })?;
        let largest = "SELECT path, bytes FROM files ORDER BY bytes DESC, path LIMIT ?1";
        let kinds = "SELECT kind, count(*) FROM findings GROUP BY kind ORDER BY 2 DESC, kind";
        let first = "SELECT path, line, detail FROM findings ORDER BY path, line, detail LIMIT ?1";
        let kinds: Vec<(String, u64)> = all(db, kinds, [], |row| Ok((row.get(0)?, number(row, 1)?)))?;
        Ok(Self {
            files: languages.iter().map(|language| language.files).sum(),
            bytes: languages.iter().map(|language| language.bytes).sum(),
            lines: languages.iter().map(|language| language.lines).sum(),
            findings: kinds.iter().map(|(_, count)| count).sum(),
            languages,
            biggest: all(db, largest, [biggest.cast_signed()], |row| Ok((row.get(0)?, number(row, 1)?)))?,
            kinds,
            first: all(db, first, [findings.cast_signed()], |row| {
                Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?.map(i64::cast_unsigned), row.get(2)?))
            })?,
        })
    }
}

fn all<T>(
    db: &Connection,
    sql: &str,
    values: impl rusqlite::Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    db.prepare_cached(sql)?.query_map(values, read)?.collect()
}

/// SQLite has signed numbers only; none of these is ever below zero.
fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}
