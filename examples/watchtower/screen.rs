//! What a person sees: a progress bar while there is a terminal, and a summary at the end.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use minions::app::logs;
use minions::prelude::*;

use super::catalog::{Catalog, Totals};

/// Shows how far the work is.
#[resource]
#[derive(Debug)]
pub struct Screen {
    catalog: Dep<Catalog>,
    bar: Option<ProgressBar>,
    found: AtomicU64,
    indexed: AtomicU64,
    began: Instant,
}

#[resource]
impl Screen {
    async fn create(catalog: Dep<Catalog>) -> Result<Self> {
        let bar = io::stderr().is_terminal().then(bar).transpose()?;
        if let Some(bar) = bar.clone() {
            // Log lines and the bar share the terminal: the bar steps aside for each line.
            logs::set_terminal_writer(move |lines| bar.suspend(|| eprint!("{lines}")));
        }
        Ok(Self { catalog, bar, found: AtomicU64::new(0), indexed: AtomicU64::new(0), began: Instant::now() })
    }

    /// A path was handed to the minions.
    pub fn found(&self) {
        let found = 1 + self.found.fetch_add(1, Ordering::Relaxed);
        if let Some(bar) = &self.bar {
            bar.set_length(found);
        }
    }

    /// A path was indexed.
    pub fn indexed(&self) {
        let indexed = 1 + self.indexed.fetch_add(1, Ordering::Relaxed);
        if let Some(bar) = &self.bar {
            bar.set_position(indexed);
        }
    }

    async fn shutdown(&self) -> Result<()> {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
            logs::reset_terminal_writer();
        }
        let totals = self.catalog.totals(0, 0).await?;
        let (looks, took) = (self.indexed.load(Ordering::Relaxed), self.began.elapsed());
        // Whoever closed the output does not want the summary.
        let _ = writeln!(io::stdout(), "{}\n{}", table(&totals).trim_fmt(), sentence(&totals, looks, took));
        Ok(())
    }
}

fn bar() -> Result<ProgressBar> {
    let bar = ProgressBar::new(0);
    bar.set_style(ProgressStyle::with_template("{spinner} {human_pos} of {human_len} files {bar:30} {elapsed}")?);
    bar.enable_steady_tick(Duration::from_millis(100));
    Ok(bar)
}

/// A rule below the header and nothing else.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::new('─', '─', '─', '─'));

/// The languages with the most lines.
fn table(totals: &Totals) -> Table {
    const MOST: usize = 10;
    let mut table = Table::new();
    table.load_style(STYLE).set_header(["language", "files", "lines", "size"]);
    let row = |name: &str, files: u64, lines: u64, bytes: u64| {
        [name.to_owned(), HumanCount(files).to_string(), HumanCount(lines).to_string(), HumanBytes(bytes).to_string()]
    };
    for language in totals.languages.iter().take(MOST) {
        let name = language.name.as_deref().unwrap_or("other");
        table.add_row(row(name, language.files, language.lines, language.bytes));
    }
    if let Some(rest) = totals.languages.get(MOST..).filter(|rest| !rest.is_empty()) {
        let [files, lines, bytes] = rest.iter().fold([0; 3], |[files, lines, bytes], language| {
            [files + language.files, lines + language.lines, bytes + language.bytes]
        });
        table.add_row(row(&format!("{} more", rest.len()), files, lines, bytes));
    }
    table.add_row(row("all", totals.files, totals.lines, totals.bytes));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn sentence(totals: &Totals, looks: u64, took: Duration) -> String {
    let kinds: Vec<_> =
        totals.kinds.iter().map(|(kind, count)| format!("{count} {}", kind.replace('_', " "))).collect();
    let findings =
        if kinds.is_empty() { "nothing found wrong".to_owned() } else { format!("found: {}", kinds.join(", ")) };
    format!("looked at {} paths in {:.1} s; {findings}", HumanCount(looks), took.as_secs_f64())
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::catalog::{self, Language};
    use super::*;

    /// A screen without a bar, for tests of steps.
    pub(crate) async fn blank(state: &std::path::Path) -> Screen {
        let directory = state.join("screen");
        std::fs::create_dir_all(&directory).unwrap();
        let catalog = Dep::new(catalog::tests::open(&directory).await);
        Screen { catalog, bar: None, found: AtomicU64::new(0), indexed: AtomicU64::new(0), began: Instant::now() }
    }

    #[test]
    fn the_summary_adds_up_what_it_does_not_list() {
        let languages = (0..12).map(|n| Language { name: Some(format!("L{n}")), files: 1, bytes: 1000, lines: 10 });
        let totals =
            Totals { files: 12, bytes: 12_000, lines: 120, languages: languages.collect(), ..Totals::default() };
        let table = table(&totals).to_string();
        let cells = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
        let lines: Vec<_> = table.lines().map(cells).collect();
        assert!(lines.iter().any(|line| line == "2 more 2 20 1.95 KiB"), "{table}");
        assert!(lines.iter().any(|line| line == "all 12 120 11.72 KiB"), "{table}");
    }

    #[test]
    fn findings_are_named() {
        let totals = Totals { kinds: vec![("broken_link".into(), 2), ("key".into(), 1)], ..Totals::default() };
        let sentence = sentence(&totals, 1234, Duration::from_millis(1500));
        assert_eq!(sentence, "looked at 1,234 paths in 1.5 s; found: 2 broken link, 1 key");
    }
}
