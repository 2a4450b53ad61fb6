//! What is wrong with the files.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use minions::prelude::*;

use super::catalog::{Catalog, Finding};
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
    findings: Option<Vec<Finding>>,
}

#[minion]
impl Auditor {
    #[minion_step]
    async fn inspect(&self, seen: &Sighting, audit: &mut Audit) -> Result<()> {
        audit.stamp = self.catalog.clock().stamp();
        let (path, settings) = (seen.path.clone(), self.settings.clone());
        let look = self.tree.look(&seen.path, move |file, absolute| inspect(&path, absolute, file, &settings)).await?;
        audit.findings = match look {
            Look::File(findings) => Some(findings),
            Look::Unreadable(why) => Some(vec![finding("unreadable", None, why)]),
            Look::Nothing => None,
        };
        Ok(())
    }

    #[minion_step]
    async fn report(&self, seen: &Sighting, audit: &mut Audit) -> Result<()> {
        self.catalog.record(&seen.path, audit.stamp, audit.findings.take()).await
    }
}

fn inspect(path: &str, absolute: &Path, file: File, settings: &AuditorSettings) -> io::Result<Vec<Finding>> {
    let mut findings = Vec::new();
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
            findings.extend(broken_links(path, absolute, &String::from_utf8_lossy(&content)));
        }
    }
    findings.truncate(settings.max_findings);
    Ok(findings)
}

/// Links that lead out of the tree are nobody's business here.
fn broken_links(path: &str, absolute: &Path, text: &str) -> impl Iterator<Item = Finding> {
    let depth = path.split('/').count();
    let root: PathBuf = absolute.ancestors().nth(depth).unwrap_or(absolute).into();
    markdown::outline(path, text).links.into_iter().filter_map(move |link| {
        let target = root.join(link.resolved?);
        // A link through something that may not be entered is not known to be broken.
        let is_broken = matches!(target.try_exists(), Ok(false));
        is_broken.then(|| finding("broken_link", Some(link.line), format!("`{}` leads nowhere", link.target)))
    })
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
        let run = async |audit: &mut Audit| {
            auditor.inspect(&seen, audit).await.unwrap();
            auditor.report(&seen, audit).await.unwrap();
            auditor.catalog.totals(0, 10).await.unwrap()
        };
        let found = run(&mut Audit::default()).await.first;
        let lines: Vec<_> = found.iter().map(|(_, line, detail)| (*line, &**detail)).collect();
        assert_eq!(
            lines,
            [
                (None, "84 bytes, where 10 are allowed"),
                (Some(1), "`../out.md` leads nowhere"),
                (Some(1), "`missing.md` leads nowhere"),
                (Some(3), "looks like an AWS access key: AKIA… (20 characters)"),
            ]
        );
        fs::remove_file(root.path().join("d/a.md")).unwrap();
        assert_eq!(run(&mut Audit::default()).await.findings, 0);
    }

    #[test]
    fn binary_files_are_not_searched() {
        assert!(is_text(b"") && is_text("Grüße".as_bytes()));
        assert!(!is_text(b"PNG\0\0"));
    }
}
