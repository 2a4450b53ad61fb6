//! The results: `watchtower.db` in the state directory.
//!
//! Other programs may read it at any time. Only [`record`](Catalog::record) changes what is known of a file, and it
//! refuses what is out of date; see the rules in `main.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use minions::app::StateDir;
use minions::prelude::*;
use parking_lot::Mutex;
use rusqlite::{Connection, params};
use tokio::sync::RwLock;

mod floors;
mod keep;
mod schema;
mod totals;
mod writer;

use floors::Floors;
pub use keep::{Facts, Finding, Heading, Keep, Link, Verdict};
#[cfg(test)]
pub use totals::Language;
pub use totals::Totals;
use writer::Writer;

/// Keeps what the minions find out.
#[resource]
#[derive(Debug)]
pub struct Catalog {
    clock: Clock,
    floors: Arc<Mutex<Floors>>,
    /// Nothing once the catalogue is closed.
    writer: RwLock<Option<Writer>>,
}

/// Gives every look its stamp.
///
/// The upper bits count the runs of the program and the lower ones the looks of this run, so that stamps grow even if the
/// clock on the wall is set back.
#[derive(Clone, Debug)]
pub struct Clock(Arc<AtomicU64>);

const LOOKS_OF_A_RUN: u32 = 40;

impl Clock {
    fn of_run(run: u64) -> Self {
        Self(Arc::new(AtomicU64::new(run << LOOKS_OF_A_RUN)))
    }

    /// A stamp above all others so far.
    #[must_use]
    pub fn stamp(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

#[resource]
impl Catalog {
    async fn create(state: StateDir) -> Result<Self> {
        let (writer, run) = Writer::open(state.join("watchtower.db")).await?;
        Ok(Self { clock: Clock::of_run(run), floors: Arc::default(), writer: RwLock::new(Some(writer)) })
    }

    async fn shutdown(&self) -> Result<()> {
        match self.writer.write().await.take() {
            Some(writer) => writer.close().await,
            None => Ok(()),
        }
    }

    /// The source of stamps.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// Records what a look at `path` found, or that there is nothing, unless a newer look is known.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    pub async fn record<K: Keep>(&self, path: &str, stamp: u64, found: Option<K>) -> Result<()> {
        let (path, floors) = (path.to_owned(), self.floors.clone());
        self.in_transaction(move |db| {
            if stamp <= floors.lock().of(&path) || !is_newest(db, &path, K::MINION, stamp, found.is_some())? {
                return Ok(());
            }
            K::clear(db, &path)?;
            found.map_or(Ok(()), |found| found.keep(db, &path))
        })
        .await
    }

    /// After a pass over everything at and below `path`, which began at `since`: the next `limit` paths that are on record
    /// and that nobody has looked at since then, in order.
    ///
    /// Looks from before `since` that are not on record yet never will be, so no path is missed.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub async fn sweep(&self, path: &str, since: u64, after: Option<&str>, limit: usize) -> Result<Vec<String>> {
        let (path, after, floors) = (path.to_owned(), after.map(str::to_owned), self.floors.clone());
        self.in_transaction(move |db| {
            floors.lock().raise(&path, since);
            if after.is_none() && path.is_empty() {
                // Older looks are refused from now on, so that nobody needs to remember where they found nothing.
                let sql = "DELETE FROM looks WHERE present = 0 AND stamp < ?1";
                db.prepare_cached(sql)?.execute([since.cast_signed()])?;
            }
            let (after, since, limit) = (after.unwrap_or_default(), since.cast_signed(), limit.cast_signed());
            if path.is_empty() {
                let sql = "SELECT DISTINCT path FROM looks WHERE path > ?1 AND present = 1 AND stamp < ?2
                    ORDER BY path LIMIT ?3";
                return column(db, sql, params![after, since, limit]);
            }
            let sql = "SELECT DISTINCT path FROM looks WHERE (path = ?4 OR (path > ?5 AND path < ?6))
                AND path > ?1 AND present = 1 AND stamp < ?2 ORDER BY path LIMIT ?3";
            let (first, last) = below(&path);
            column(db, sql, params![after, since, limit, path, first, last])
        })
        .await
    }

    /// The files whose findings depend on something at or below `path`.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub async fn referrers(&self, path: &str) -> Result<Vec<String>> {
        let path = path.to_owned();
        self.in_transaction(move |db| {
            let sql = "SELECT path FROM targets WHERE target = ?1
                UNION SELECT path FROM targets WHERE target > ?2 AND target < ?3";
            let (first, last) = below(&path);
            column(db, sql, [path, first, last])
        })
        .await
    }

    /// What the tables say all in all.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub async fn totals(&self, biggest: usize, findings: usize) -> Result<Totals> {
        self.in_transaction(move |db| Totals::read(db, biggest, findings)).await
    }

    /// Whether `stamp` is not below any other that was given for `name`.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    pub async fn is_latest(&self, name: &str, stamp: u64) -> Result<bool> {
        let name = name.to_owned();
        self.in_transaction(move |db| schema::mark(db, &name, stamp)).await
    }

    async fn in_transaction<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let writer = self.writer.read().await;
        writer.as_ref().ok_or("the catalogue is closed")?.run(work).await
    }
}

/// Notes a look; answers whether it is the newest of this minion at this path.
fn is_newest(db: &Connection, path: &str, minion: &str, stamp: u64, present: bool) -> rusqlite::Result<bool> {
    let sql = "INSERT INTO looks (path, minion, stamp, present) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (path, minion) DO UPDATE SET stamp = excluded.stamp, present = excluded.present
        WHERE excluded.stamp > looks.stamp";
    Ok(db.prepare_cached(sql)?.execute(params![path, minion, stamp.cast_signed(), present])? == 1)
}

fn column(db: &Connection, sql: &str, values: impl rusqlite::Params) -> rusqlite::Result<Vec<String>> {
    db.prepare_cached(sql)?.query_map(values, |row| row.get(0))?.collect()
}

/// Between which texts the paths below `path` lie, which is not the root; both are excluded.
fn below(path: &str) -> (String, String) {
    // The character after `/` is `0`.
    (format!("{path}/"), format!("{path}0"))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A catalogue in `directory`, for tests of steps.
    pub(crate) async fn open(directory: &std::path::Path) -> Catalog {
        Catalog::create(StateDir::from(directory.to_owned())).await.unwrap()
    }

    fn facts(sha256: &str) -> Facts {
        Facts { sha256: sha256.into(), bytes: 1, lines: 0, language: None, headings: Vec::new(), links: Vec::new() }
    }

    async fn files(catalog: &Catalog) -> Vec<(String, String)> {
        let read = |db: &Connection| {
            let mut statement = db.prepare("SELECT path, sha256 FROM files ORDER BY path")?;
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        };
        catalog.in_transaction(read).await.unwrap()
    }

    fn rows(rows: &[(&str, &str)]) -> Vec<(String, String)> {
        rows.iter().map(|(path, sha256)| ((*path).to_owned(), (*sha256).to_owned())).collect()
    }

    #[tokio::test]
    async fn an_older_look_never_overwrites_a_newer_one() {
        let directory = tempfile::tempdir().unwrap();
        let catalog = open(directory.path()).await;
        let [first, second, third] = [0; 3].map(|_| catalog.clock().stamp());
        catalog.record("a", second, Some(facts("second"))).await.unwrap();
        catalog.record("a", first, Some(facts("first"))).await.unwrap();
        catalog.record("a", second, Some(facts("again"))).await.unwrap();
        assert_eq!(files(&catalog).await, rows(&[("a", "second")]));
        catalog.record::<Facts>("a", third, None).await.unwrap();
        catalog.record("a", second, Some(facts("late"))).await.unwrap();
        assert!(files(&catalog).await.is_empty());
    }

    #[tokio::test]
    async fn stamps_grow_over_restarts() {
        let directory = tempfile::tempdir().unwrap();
        let catalog = open(directory.path()).await;
        let before = (0..1000).map(|_| catalog.clock().stamp()).max().unwrap();
        catalog.shutdown().await.unwrap();
        assert!(catalog.totals(0, 0).await.unwrap_err().to_string().contains("closed"));
        assert!(open(directory.path()).await.clock().stamp() > before);
    }

    #[tokio::test]
    async fn a_sweep_names_what_was_not_seen_and_refuses_what_was_seen_before_it() {
        let directory = tempfile::tempdir().unwrap();
        let catalog = open(directory.path()).await;
        for path in ["d", "d/a", "d/b", "d-e", "x"] {
            catalog.record(path, catalog.clock().stamp(), Some(facts("1"))).await.unwrap();
        }
        let before = catalog.clock().stamp();
        let since = catalog.clock().stamp();
        catalog.record("d/b", catalog.clock().stamp(), Some(facts("2"))).await.unwrap();
        assert_eq!(catalog.sweep("d", since, None, 10).await.unwrap(), ["d", "d/a"]);
        assert_eq!(catalog.sweep("d", since, Some("d"), 10).await.unwrap(), ["d/a"]);
        catalog.record("d/c", before, Some(facts("late"))).await.unwrap();
        catalog.record("y", before, Some(facts("elsewhere"))).await.unwrap();
        let since = catalog.clock().stamp();
        assert_eq!(catalog.sweep("", since, None, 3).await.unwrap(), ["d", "d-e", "d/a"]);
        assert_eq!(catalog.sweep("", since, Some("d/a"), 3).await.unwrap(), ["d/b", "x", "y"]);
        assert!(!files(&catalog).await.iter().any(|(path, _)| path == "d/c"));
    }

    #[tokio::test]
    async fn each_minion_has_looks_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let catalog = open(directory.path()).await;
        let [first, second] = [0; 2].map(|_| catalog.clock().stamp());
        let finding = Finding { kind: "key".into(), line: Some(3), detail: "AKIA…".into() };
        catalog.record("a", second, Some(facts("1"))).await.unwrap();
        let verdict = Verdict { findings: vec![finding.clone(), finding], targets: Vec::new() };
        catalog.record("a", first, Some(verdict)).await.unwrap();
        let totals = catalog.totals(1, 10).await.unwrap();
        assert_eq!((totals.files, totals.findings), (1, 2));
        catalog.record::<Verdict>("a", second, None).await.unwrap();
        assert_eq!(catalog.totals(1, 10).await.unwrap().findings, 0);
    }

    #[tokio::test]
    async fn a_file_is_found_by_what_it_links_to() {
        let directory = tempfile::tempdir().unwrap();
        let catalog = open(directory.path()).await;
        let links = |to: &[&str]| {
            let targets = to.iter().map(|to| ((*to).to_owned(), true)).collect();
            Some(Verdict { findings: Vec::new(), targets })
        };
        catalog.record("a.md", catalog.clock().stamp(), links(&["d/x", "d/y"])).await.unwrap();
        catalog.record("b.md", catalog.clock().stamp(), links(&["d"])).await.unwrap();
        catalog.record("c.md", catalog.clock().stamp(), links(&["de"])).await.unwrap();
        assert_eq!(catalog.referrers("d/y").await.unwrap(), ["a.md"]);
        assert_eq!(catalog.referrers("d").await.unwrap(), ["a.md", "b.md"]);
        catalog.record::<Verdict>("a.md", catalog.clock().stamp(), None).await.unwrap();
        assert_eq!(catalog.referrers("d").await.unwrap(), ["b.md"]);
    }
}
