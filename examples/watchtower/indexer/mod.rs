//! What every file is.

use std::io::Read as _;

use minions::prelude::*;

use super::catalog::{Catalog, Facts, Heading, Link};
use super::scan::Sighting;
use super::screen::Screen;
use super::tree::{Look, Tree};

mod content;
mod language;
pub mod markdown;

use content::Content;

/// Section `[indexer]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IndexerSettings {
    /// Markdown files above this size, in bytes, get no outline.
    max_outline_bytes: u64,
}

impl Default for IndexerSettings {
    fn default() -> Self {
        Self { max_outline_bytes: 1 << 20 }
    }
}

/// Reads, describes and records each file.
#[minion]
pub struct Indexer {
    tree: Dep<Tree>,
    catalog: Dep<Catalog>,
    screen: Dep<Screen>,
    settings: Config<IndexerSettings>,
}

/// What is known of the file so far: this is what a restart goes on with.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Entry {
    /// When the look began.
    stamp: u64,
    /// Nothing if there is no file.
    content: Option<Content>,
    language: Option<String>,
    headings: Vec<Heading>,
    links: Vec<Link>,
    /// How often the file changed between two steps.
    rereads: u32,
}

/// A file that is written all the time is recorded without its outline in the end; its next change comes soon.
const MOST_REREADS: u32 = 5;

#[minion]
impl Indexer {
    #[minion_step]
    async fn read_and_hash(&self, seen: &Sighting, entry: &mut Entry) -> Result<Flow> {
        // Before the file is opened: see the rules in `main.rs`.
        entry.stamp = self.catalog.clock().stamp();
        entry.content = match self.tree.look(&seen.path, Content::of).await? {
            Look::File(content) => Some(content),
            // The auditor says so if it is there and cannot be read.
            Look::Nothing | Look::Unreadable(_) => None,
        };
        Ok(if entry.content.is_some() { Flow::Continue } else { Flow::to(Self::record) })
    }

    #[minion_step]
    async fn extract(&self, seen: &Sighting, entry: &mut Entry) -> Result<Flow> {
        let Some(content) = &entry.content else { return Ok(Flow::Continue) };
        entry.language = language::of(&seen.path, &content.first_line).map(str::to_owned);
        if entry.language.as_deref() != Some("Markdown") || content.bytes > self.settings.max_outline_bytes {
            return Ok(Flow::Continue);
        }
        let (path, most) = (seen.path.clone(), content.bytes + 1);
        let look = self.tree.look(&seen.path, move |file| {
            // It may have grown; one byte more than expected is enough to see that.
            let (content, text) = Content::and_text_of(file.take(most))?;
            Ok((content, markdown::outline(&path, &text)))
        });
        match look.await? {
            Look::File((again, outline)) if again == *content => {
                (entry.headings, entry.links) = (outline.headings, outline.links);
                Ok(Flow::Continue)
            }
            _ if entry.rereads == MOST_REREADS => Ok(Flow::Continue),
            // An outline of one version beside the hash of another would be wrong.
            _ => {
                entry.rereads += 1;
                Ok(Flow::to(Self::read_and_hash))
            }
        }
    }

    #[minion_step]
    async fn record(&self, seen: &Sighting, entry: &mut Entry) -> Result<()> {
        let found = entry.content.take().map(|content| Facts {
            sha256: content.sha256,
            bytes: content.bytes,
            lines: content.lines,
            language: entry.language.take(),
            headings: std::mem::take(&mut entry.headings),
            links: std::mem::take(&mut entry.links),
        });
        let bytes = found.as_ref().map(|found| found.bytes);
        self.catalog.record(&seen.path, entry.stamp, found).await?;
        // Your own metrics appear beside those of the runtime.
        metrics::counter!("watchtower_indexed_bytes_total").increment(bytes.unwrap_or(0));
        self.screen.indexed();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::{catalog, screen, tree};
    use super::*;

    /// Steps are ordinary methods, so a test calls them.
    #[tokio::test]
    async fn the_steps_record_what_the_file_is() {
        let (root, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(root.path().join("a.md"), "# Title\n[here](b.md)\nno line feed").unwrap();
        let indexer = Indexer {
            tree: Dep::new(tree::tests::open(root.path())),
            catalog: Dep::new(catalog::tests::open(state.path()).await),
            screen: Dep::new(screen::tests::blank(state.path()).await),
            settings: Config::default(),
        };
        let seen = Sighting { path: "a.md".into() };
        let mut entry = Entry::default();
        assert_eq!(indexer.read_and_hash(&seen, &mut entry).await.unwrap(), Flow::Continue);
        let content = entry.content.clone().unwrap();
        assert_eq!((content.bytes, content.lines), (33, 2));
        assert_eq!(indexer.extract(&seen, &mut entry).await.unwrap(), Flow::Continue);
        assert_eq!(entry.headings, [Heading { line: 1, level: 1, text: "Title".into() }]);
        assert_eq!(entry.links, [Link { line: 2, target: "b.md".into(), resolved: Some("b.md".into()) }]);
        indexer.record(&seen, &mut entry).await.unwrap();
        assert_eq!(indexer.catalog.totals(0, 0).await.unwrap().lines, 2);
    }

    #[tokio::test]
    async fn a_file_that_changes_between_two_steps_is_read_again() {
        let (root, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = root.path().join("a.md");
        fs::write(&path, "# One\n").unwrap();
        let indexer = Indexer {
            tree: Dep::new(tree::tests::open(root.path())),
            catalog: Dep::new(catalog::tests::open(state.path()).await),
            screen: Dep::new(screen::tests::blank(state.path()).await),
            settings: Config::default(),
        };
        let seen = Sighting { path: "a.md".into() };
        let mut entry = Entry::default();
        assert_eq!(indexer.read_and_hash(&seen, &mut entry).await.unwrap(), Flow::Continue);
        fs::write(&path, "# Two\n").unwrap();
        assert_eq!(indexer.extract(&seen, &mut entry).await.unwrap(), Flow::to(Indexer::read_and_hash));
        let before = entry.stamp;
        assert_eq!(indexer.read_and_hash(&seen, &mut entry).await.unwrap(), Flow::Continue);
        assert!(entry.stamp > before);
        fs::remove_file(&path).unwrap();
        assert_eq!(indexer.extract(&seen, &mut entry).await.unwrap(), Flow::to(Indexer::read_and_hash));
        assert_eq!(indexer.read_and_hash(&seen, &mut entry).await.unwrap(), Flow::to(Indexer::record));
        assert_eq!(entry.content, None);
        indexer.record(&seen, &mut entry).await.unwrap();
        assert_eq!(indexer.catalog.totals(0, 0).await.unwrap().files, 0);
    }
}
