//! The files that orchestrations name, and patterns for several of them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minions_core::config::{Problem, SettingsFiles, Table};

use super::format;

/// Reads the configuration files that orchestrations name.
#[derive(Debug, Clone)]
pub struct Files {
    dir: PathBuf,
    shown_from: PathBuf,
}

impl Files {
    /// Reads paths and patterns relative to `dir`, and names files relative to `shown_from` where they lie inside it.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>, shown_from: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), shown_from: shown_from.into() }
    }

    /// The files that match, sorted by name.
    fn find(&self, pattern: &str) -> Result<Vec<PathBuf>, Vec<Problem>> {
        let whole = self.dir.join(pattern);
        let (Some(dir), Some(name)) = (whole.parent(), whole.file_name().and_then(|name| name.to_str())) else {
            return Err(vec![Problem::new(format!("`{pattern}` names no file"))]);
        };
        let (above, _) = pattern.rsplit_once(['/', std::path::MAIN_SEPARATOR]).unwrap_or_default();
        if is_pattern(above) {
            let problem = Problem::new(format!("`{pattern}` has a wildcard in a directory"));
            return Err(vec![problem.fix("write `*` and `?` in the file name only")]);
        }
        if !is_pattern(name) {
            return Ok(vec![whole]);
        }
        let mut files = Vec::new();
        let entries = fs::read_dir(dir).map_err(|error| vec![unreadable(&self.shown(dir), &error)])?;
        for entry in entries {
            let entry = entry.map_err(|error| vec![unreadable(&self.shown(dir), &error)])?;
            let matches_name = entry.file_name().to_str().is_some_and(|found| matches(name, found));
            // Followed as a link, since a deployment may well link its files.
            if matches_name && entry.path().is_file() {
                files.push(entry.path());
            }
        }
        if files.is_empty() {
            let what = format!("no file matches `{}`", self.shown(&whole).display());
            return Err(vec![Problem::new(what).fix("add one, or correct the `config` of the orchestration")]);
        }
        files.sort();
        Ok(files)
    }

    fn shown(&self, path: &Path) -> Arc<Path> {
        shown(path, &self.shown_from)
    }
}

impl SettingsFiles for Files {
    fn load(&self, pattern: &str) -> (Vec<(String, Table)>, Vec<Problem>) {
        let (mut tables, mut problems) = (Vec::new(), Vec::new());
        let files = self.find(pattern).unwrap_or_else(|more| {
            problems = more;
            Vec::new()
        });
        let mut seen: BTreeMap<String, Arc<Path>> = BTreeMap::new();
        for file in files {
            let name = self.shown(&file);
            let Some(stem) = file.file_stem().and_then(|stem| stem.to_str()) else {
                problems.push(Problem::new(format!("the name of `{}` is not UTF-8", name.display())));
                continue;
            };
            let other = seen.insert(stem.to_owned(), Arc::clone(&name));
            let is_known = other.is_some();
            if let Some(other) = other {
                let what = format!("`{}` and `{}` both make the identity `{stem}`", other.display(), name.display());
                problems.push(Problem::new(what).fix("rename one of them"));
            }
            match read(&file, &name) {
                // Of two with one identity the first one is judged.
                Ok(_) if is_known => {}
                Ok(table) => tables.push((stem.to_owned(), table)),
                Err(more) => problems.extend(more),
            }
        }
        (tables, problems)
    }
}

/// Reads one file.
pub(super) fn read(file: &Path, shown: &Arc<Path>) -> Result<Table, Vec<Problem>> {
    let text = fs::read_to_string(file).map_err(|error| vec![unreadable(shown, &error)])?;
    format::parse(&text, shown)
}

/// The path as a person in `from` would write it.
pub(super) fn shown(path: &Path, from: &Path) -> Arc<Path> {
    path.strip_prefix(from).unwrap_or(path).into()
}

fn unreadable(shown: &Path, error: &io::Error) -> Problem {
    Problem::new(format!("cannot read `{}`: {error}", shown.display()))
}

fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// Whether a file name matches a pattern, in which `*` stands for any text and `?` for one character.
fn matches(pattern: &str, name: &str) -> bool {
    // As in a shell, hidden files are meant only when the pattern says so.
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // The latest star, and where the text it stands for ends so far.
    let mut star = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((at, end)) = star else { return false };
                star = Some((at, end + 1));
                p = at + 1;
                n = end + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A directory with these files.
    fn dir(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        dir
    }

    fn load(dir: &tempfile::TempDir, pattern: &str) -> Result<Vec<(String, serde_json::Value)>, Vec<String>> {
        let json = |table: Table| minions_core::config::Value::from(table).to_json();
        let (tables, problems) = Files::new(dir.path(), dir.path()).load(pattern);
        match &*problems {
            [] => Ok(tables.into_iter().map(|(name, table)| (name, json(table))).collect()),
            problems => Err(problems.iter().map(Problem::to_string).collect()),
        }
    }

    #[test]
    fn a_pattern_gives_its_files_sorted_by_name() {
        let dir = dir(&[
            ("config/audit-b.toml", "[audit]\ndepth = 2"),
            ("config/audit-a.json", r#"{"audit": {"depth": 1}}"#),
            ("config/other.toml", "nonsense"),
            ("config/.audit-c.toml", "nonsense"),
            ("config/audit-dir.toml/x", ""),
        ]);
        let audit = |depth| json!({"audit": {"depth": depth}});
        assert_eq!(
            load(&dir, "config/audit-*"),
            Ok(vec![("audit-a".to_owned(), audit(1)), ("audit-b".to_owned(), audit(2))])
        );
        assert_eq!(load(&dir, "config/audit-?.toml"), Ok(vec![("audit-b".to_owned(), audit(2))]));
        assert_eq!(load(&dir, "config/audit-a.json"), Ok(vec![("audit-a".to_owned(), audit(1))]));
    }

    #[test]
    fn every_problem_of_every_file_is_reported() {
        let dir = dir(&[("a.toml", "x = 1\ny ="), ("b.json", "{\n\"x\": [1,]}"), ("c.txt", ""), ("a.yaml", "x: 1")]);
        let problems = load(&dir, "*").unwrap_err();
        assert_eq!(problems.len(), 4, "{problems:#?}");
        assert!(problems[0].starts_with("a.toml:2: column 4: "), "{problems:#?}");
        assert_eq!(problems[1], "`a.toml` and `a.yaml` both make the identity `a`; rename one of them");
        assert!(problems[2].starts_with("b.json:2: column 9: expected value"), "{problems:#?}");
        assert!(problems[3].starts_with("`c.txt` has no known format; "), "{problems:#?}");
    }

    #[test]
    fn a_file_that_is_wrong_leaves_the_others_to_be_judged() {
        let dir = dir(&[("a.toml", "x ="), ("b.toml", "[audit]\ndepth = 2"), ("b.yaml", "audit: {depth: 3}")]);
        let (tables, problems) = Files::new(dir.path(), dir.path()).load("*");
        assert_eq!(problems.len(), 2, "{problems:#?}");
        let [(name, table)] = &*tables else { panic!("{tables:?}") };
        assert_eq!((&**name, table.get("audit").unwrap().origin().to_string()), ("b", "b.toml:1".to_owned()));
    }

    #[test]
    fn nothing_there_is_a_problem() {
        let dir = dir(&[]);
        assert_eq!(
            load(&dir, "audit-*.toml").unwrap_err(),
            ["no file matches `audit-*.toml`; add one, or correct the `config` of the orchestration"]
        );
        assert!(load(&dir, "audit.toml").unwrap_err()[0].starts_with("cannot read `audit.toml`: "));
        assert!(load(&dir, "gone/*.toml").unwrap_err()[0].starts_with("cannot read `gone`: "));
        assert!(load(&dir, "*/a.toml").unwrap_err()[0].contains("wildcard in a directory"));
        assert!(load(&dir, "..").unwrap_err()[0].contains("names no file"));
    }

    #[test]
    fn wildcards() {
        for (pattern, name, expected) in [
            ("*", "a.toml", true),
            ("*", ".hidden", false),
            (".*", ".hidden", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b-d", false),
            ("a?c", "añc", true),
            ("a?c", "ac", false),
            ("a*", "a", true),
            ("*.toml", "x.toml.bak", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
