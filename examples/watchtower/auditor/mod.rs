//! What is wrong with the files.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use minions::prelude::*;

use super::catalog::{Catalog, Finding, Link, Verdict};
use super::indexer::markdown;
use super::scan::Sighting;
use super::tree::{Look, Tree};

mod keys;

/// Section `[auditor]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditorSettings {
    /// A file above this size, in bytes, is a finding.
    max_bytes: u64,
    /// How much of a file is searched, in bytes from its beginning.
    search_bytes: u64,
    /// How many findings of one file are kept.
    max_findings: usize,
}

impl Default for AuditorSettings {
    fn default() -> Self {
        Self { max_bytes: 10_000_000, search_bytes: 1 << 20, max_findings: 100 }
    }
}

/// Looks for files that are too big, links that lead nowhere, and keys that should not be there.
#[minion]
pub struct Auditor {
    tree: Dep<Tree>,
    catalog: Dep<Catalog>,
    settings: Config<AuditorSettings>,
}

/// What was found so far.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Audit {
    /// When the look began.
    stamp: u64,
    /// Nothing if there is no file.
    verdict: Option<Verdict>,
}

#[minion]
impl Auditor {
    #[minion_step]
    async fn inspect(&self, seen: &Sighting, audit: &mut Audit) -> Result<()> {
        audit.stamp = self.catalog.clock().stamp();
        let (path, settings) = (seen.path.clone(), self.settings.clone());
        audit.verdict = match self.tree.look(&seen.path, move |file| inspect(&path, file, &settings)).await? {
            Look::File((mut findings, links)) => {
                let targets = self.lead_somewhere(links.iter().filter_map(|link| link.resolved.clone())).await?;
                let broken: BTreeSet<_> = targets.iter().filter(|(_, there)| !there).map(|(path, _)| path).collect();
                let broken = links.iter().filter(|link| link.resolved.iter().any(|path| broken.contains(path)));
                findings.extend(
                    broken.map(|link| {
                        finding("broken_link", Some(link.line), format!("`{}` leads nowhere", link.target))
                    }),
                );
                findings.truncate(self.settings.max_findings);
                Some(Verdict { findings, targets })
            }
            Look::Unreadable(why) => {
                Some(Verdict { findings: vec![finding("unreadable", None, why)], targets: Vec::new() })
            }
            Look::Nothing => None,
        };
        Ok(())
    }

    #[minion_step]
    async fn report(&self, seen: &Sighting, audit: &mut Audit) -> Result<Flow> {
        self.catalog.record(&seen.path, audit.stamp, audit.verdict.clone()).await?;
        let has_links = audit.verdict.as_ref().is_some_and(|verdict| !verdict.targets.is_empty());
        Ok(if has_links { Flow::Continue } else { Flow::Done })
    }

    /// From the report on, `Scan` knows which changes elsewhere concern this file; this is for those before it.
    #[minion_step]
    async fn check_again(&self, _seen: &Sighting, audit: &mut Audit) -> Result<Flow> {
        let targets = audit.verdict.take().unwrap_or_default().targets;
        let now = self.lead_somewhere(targets.iter().map(|(path, _)| path.clone())).await?;
        Ok(if now == targets { Flow::Done } else { Flow::to(Self::inspect) })
    }

    async fn lead_somewhere(&self, paths: impl Iterator<Item = String>) -> Result<Vec<(String, bool)>> {
        let paths: Vec<_> = paths.collect::<BTreeSet<_>>().into_iter().collect();
        let there = self.tree.lead_somewhere(paths.clone()).await?;
        Ok(paths.into_iter().zip(there).collect())
    }
}

/// What is wrong with a file by itself, and its links.
fn inspect(path: &str, file: File, settings: &AuditorSettings) -> io::Result<(Vec<Finding>, Vec<Link>)> {
    let (mut findings, mut links) = (Vec::new(), Vec::new());
    let bytes = file.metadata()?.len();
    if bytes > settings.max_bytes {
        let detail = format!("{bytes} bytes, where {} are allowed", settings.max_bytes);
        findings.push(finding("oversized", None, detail));
    }
    let mut content = Vec::new();
    file.take(settings.search_bytes).read_to_end(&mut content)?;
    if is_text(&content) {
        findings.extend(keys::find(&content).map(|key| finding("key", Some(key.line), key.detail())));
        if is_markdown(path) {
            links = markdown::outline(path, &String::from_utf8_lossy(&content)).links;
        }
    }
    Ok((findings, links))
}

fn finding(kind: &str, line: Option<u64>, detail: String) -> Finding {
    Finding { kind: kind.to_owned(), line, detail }
}

/// As everybody guesses it: binary files have zero bytes near their beginning.
fn is_text(content: &[u8]) -> bool {
    !content[..content.len().min(8192)].contains(&0)
}

fn is_markdown(path: &str) -> bool {
    let extension = Path::new(path).extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| ["md", "markdown"].iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::{catalog, tree};
    use super::*;

    #[tokio::test]
    async fn the_steps_report_what_is_wrong_and_take_it_back() {
        let (root, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        // Put together here, so that this file is no finding of its own.
        let key = format!("AKIA{}", "ABCDEFGHIJ234567");
        let text = format!("[a](there.md) [b](missing.md) [c](../out.md) [d](https://x.y)\n\n{key}\n");
        fs::create_dir(root.path().join("d")).unwrap();
        fs::write(root.path().join("d/a.md"), text).unwrap();
        fs::write(root.path().join("d/there.md"), "").unwrap();
        let auditor = Auditor {
            tree: Dep::new(tree::tests::open(root.path())),
            catalog: Dep::new(catalog::tests::open(state.path()).await),
            settings: Config::from(AuditorSettings { max_bytes: 10, ..AuditorSettings::default() }),
        };
        let seen = Sighting { path: "d/a.md".into() };
        let run = async || {
            let mut audit = Audit::default();
            auditor.inspect(&seen, &mut audit).await.unwrap();
            let flow = auditor.report(&seen, &mut audit).await.unwrap();
            (audit, flow, auditor.catalog.totals(0, 10).await.unwrap())
        };
        let (mut audit, flow, found) = run().await;
        let lines: Vec<_> = found.first.iter().map(|(_, line, detail)| (*line, &**detail)).collect();
        assert_eq!(
            lines,
            [
                (None, "84 bytes, where 10 are allowed"),
                (Some(1), "`../out.md` leads nowhere"),
                (Some(1), "`missing.md` leads nowhere"),
                (Some(3), "looks like an AWS access key: AKIA… (20 characters)"),
            ]
        );
        assert_eq!(flow, Flow::Continue);
        assert_eq!(auditor.catalog.referrers("d/missing.md").await.unwrap(), ["d/a.md"]);
        // Between the look and the report nobody knew that this concerns the file.
        fs::write(root.path().join("d/missing.md"), "").unwrap();
        assert_eq!(auditor.check_again(&seen, &mut audit).await.unwrap(), Flow::to(Auditor::inspect));
        let (mut audit, _, found) = run().await;
        assert_eq!(found.findings, 3);
        assert_eq!(auditor.check_again(&seen, &mut audit).await.unwrap(), Flow::Done);
        fs::remove_file(root.path().join("d/a.md")).unwrap();
        let (_, flow, found) = run().await;
        assert_eq!((flow, found.findings), (Flow::Done, 0));
    }

    #[test]
    fn binary_files_are_not_searched() {
        assert!(is_text(b"") && is_text("Grüße".as_bytes()));
        assert!(!is_text(b"PNG\0\0"));
    }
}
