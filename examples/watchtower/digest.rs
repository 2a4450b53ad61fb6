//! A summary on file, again and again: the ticker says when, the digest writes.

use std::fmt::Write as _;
use std::time::Duration;

use minions::app::StateDir;
use minions::config::duration;
use minions::prelude::*;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use super::catalog::{Catalog, Totals};

/// It is time for a digest.
#[derive(Debug, Serialize, Deserialize)]
pub struct Tick {
    /// Counts from 1 in each run.
    number: u64,
}

/// Section `[ticker]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TickerSettings {
    /// The time between two digests.
    #[serde(with = "duration")]
    every: Duration,
}

impl Default for TickerSettings {
    fn default() -> Self {
        Self { every: Duration::from_secs(30) }
    }
}

/// Ticks as long as something else keeps the program alive.
#[pipeline]
pub struct Ticker {
    settings: Config<TickerSettings>,
    #[default]
    ticks: u64,
    #[default]
    last: Option<Instant>,
}

#[pipeline(background)]
impl Ticker {
    async fn next(&mut self) -> Result<Next<Tick>> {
        let due = *self.last.get_or_insert_with(Instant::now) + self.settings.every;
        sleep_until(due).await;
        self.last = Some(Instant::now());
        self.ticks += 1;
        Ok(Tick { number: self.ticks }.into())
    }
}

/// Section `[digest]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DigestSettings {
    /// How many of the biggest files it names.
    biggest: usize,
    /// How many findings it quotes.
    findings: usize,
}

impl Default for DigestSettings {
    fn default() -> Self {
        Self { biggest: 10, findings: 50 }
    }
}

/// Writes `digest.md` into the state directory.
#[minion]
pub struct Digest {
    catalog: Dep<Catalog>,
    state: StateDir,
    settings: Config<DigestSettings>,
    #[default]
    writing: Mutex<()>,
}

/// A digest that is not written yet.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Draft {
    stamp: u64,
    text: String,
}

#[minion]
impl Digest {
    #[minion_step]
    async fn compose(&self, tick: &Tick, draft: &mut Draft) -> Result<()> {
        tracing::debug!(tick = tick.number, "composing a digest");
        draft.stamp = self.catalog.clock().stamp();
        draft.text = text(&self.catalog.totals(self.settings.biggest, self.settings.findings).await?);
        Ok(())
    }

    #[minion_step]
    async fn write(&self, _tick: &Tick, draft: &mut Draft) -> Result<()> {
        // One at a time, and none that is older than what is there: it may have waited through a restart.
        let _writing = self.writing.lock().await;
        if self.catalog.is_latest("digest", draft.stamp).await? {
            // Renamed into its place, so that a reader never sees half of it.
            let fresh = self.state.join("digest.md.new");
            tokio::fs::write(&fresh, &draft.text).await?;
            tokio::fs::rename(&fresh, self.state.join("digest.md")).await?;
        }
        Ok(())
    }

    /// What was found after the last tick belongs into the last digest.
    async fn shutdown(&self) -> Result<()> {
        let (tick, mut draft) = (Tick { number: 0 }, Draft::default());
        self.compose(&tick, &mut draft).await?;
        self.write(&tick, &mut draft).await
    }
}

fn text(totals: &Totals) -> String {
    let mut text = String::from("# Digest\n\n");
    let mut line = |line: std::fmt::Arguments<'_>| {
        // Writing into a string cannot fail.
        let _ = text.write_fmt(format_args!("{line}\n"));
    };
    let Totals { files, bytes, lines, findings, .. } = totals;
    line(format_args!("{files} files, {bytes} bytes, {lines} lines, {findings} findings.\n"));
    line(format_args!("## Languages\n\n| language | files | lines | bytes |\n|---|---:|---:|---:|"));
    for language in &totals.languages {
        let name = language.name.as_deref().unwrap_or("other");
        line(format_args!("| {name} | {} | {} | {} |", language.files, language.lines, language.bytes));
    }
    line(format_args!("\n## Biggest files\n\n| bytes | path |\n|---:|---|"));
    for (path, bytes) in &totals.biggest {
        line(format_args!("| {bytes} | `{}` |", plain(path)));
    }
    line(format_args!("\n## Findings\n"));
    for (kind, count) in &totals.kinds {
        line(format_args!("- {kind}: {count}"));
    }
    line(format_args!(""));
    for (path, at, detail) in &totals.first {
        match at {
            Some(at) => line(format_args!("- `{}` line {at}: {}", plain(path), plain(detail))),
            None => line(format_args!("- `{}`: {}", plain(path), plain(detail))),
        }
    }
    text
}

/// A path may hold anything; in a table it must stay in its cell.
fn plain(text: &str) -> String {
    text.replace(|c: char| c.is_control() || c == '|', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::super::catalog::{Language, tests::open};
    use super::*;

    #[test]
    fn the_digest_says_what_there_is() {
        let rust = Language { name: Some("Rust".into()), files: 2, bytes: 30, lines: 4 };
        let totals = Totals {
            files: 2,
            bytes: 30,
            lines: 4,
            findings: 1,
            languages: vec![rust],
            biggest: vec![("a|b\n.rs".into(), 20)],
            kinds: vec![("key".into(), 1)],
            first: vec![("a.rs".into(), Some(7), "looks like a key".into())],
        };
        let text = text(&totals);
        for line in [
            "2 files, 30 bytes, 4 lines, 1 findings.",
            "| Rust | 2 | 4 | 30 |",
            "| 20 | `a\u{fffd}b\u{fffd}.rs` |",
            "- key: 1",
            "- `a.rs` line 7: looks like a key",
        ] {
            assert!(text.lines().any(|there| there == line), "{line} is missing:\n{text}");
        }
    }

    #[tokio::test]
    async fn an_older_draft_does_not_replace_a_newer_digest() {
        let state = tempfile::tempdir().unwrap();
        let digest = Digest {
            catalog: Dep::new(open(state.path()).await),
            state: StateDir::from(state.path().to_owned()),
            settings: Config::default(),
            writing: Mutex::default(),
        };
        let mut drafts = [1, 2].map(|_| Draft { stamp: digest.catalog.clock().stamp(), text: String::new() });
        let tick = Tick { number: 1 };
        for (draft, text) in drafts.iter_mut().zip(["older", "newer"]) {
            draft.text = text.into();
        }
        let [mut older, mut newer] = drafts;
        digest.write(&tick, &mut newer).await.unwrap();
        digest.write(&tick, &mut older).await.unwrap();
        let written = || std::fs::read_to_string(state.path().join("digest.md")).unwrap();
        assert_eq!(written(), "newer");
        digest.shutdown().await.unwrap();
        assert!(written().starts_with("# Digest"));
    }
}
