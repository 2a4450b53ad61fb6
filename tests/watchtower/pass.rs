//! One pass over a tree.

use super::support::{Watchtower, assert_rows};
use super::tree::Tree;

fn planted(files: usize, seed: u64) -> (tempfile::TempDir, Tree, Watchtower) {
    let directory = tempfile::tempdir().unwrap();
    let tree = Tree::plant(directory.path().join("tree"), files, seed);
    // Inside the tree and not hidden: it must be left out all the same.
    let watchtower = Watchtower { root: tree.root.clone(), state: tree.root.join("state") };
    (directory, tree, watchtower)
}

#[test]
fn the_table_says_what_is_there() {
    let (_directory, tree, watchtower) = planted(600, 1);
    let output = watchtower.pass();
    assert!(tree.rows().len() > 600);
    assert_rows(&watchtower.rows(), &tree.rows());
    let columns: String = watchtower.value("SELECT group_concat(name) FROM pragma_table_info('files')");
    assert_eq!(columns, "path,sha256,bytes,lines,language");
    let language: String = watchtower.value("SELECT language FROM files WHERE path = 'Grüße/日本語/🦀.rs'");
    assert_eq!(language, "Rust");
    let summary = String::from_utf8(output.stdout).unwrap();
    assert!(summary.lines().any(|line| line.trim_start().starts_with("all")), "{summary}");
    let digest = std::fs::read_to_string(watchtower.state.join("digest.md")).unwrap();
    assert!(digest.contains(&format!("{} files", tree.rows().len())), "{digest}");
}

#[test]
fn a_second_pass_finds_what_happened_in_between() {
    let (_directory, mut tree, watchtower) = planted(500, 2);
    watchtower.pass();
    tree.remove("empty");
    tree.remove_directory("Grüße");
    tree.rename("a/very/deep", "a/not so deep");
    tree.write("binary", "text now");
    tree.write("new/file", "new\n");
    // A file where a directory was, and the other way round.
    tree.remove_directory("d9");
    tree.write("d9", "a file");
    tree.remove("keep.tmp");
    tree.write("keep.tmp/file", "in a directory");
    // What a new `.gitignore` leaves out was in the table before.
    tree.write("nested/deep/.gitignore", "*\n");
    tree.take_below("nested/deep");
    watchtower.pass();
    assert_rows(&watchtower.rows(), &tree.rows());
}

#[test]
fn findings_come_and_go_with_their_reasons() {
    let (directory, mut tree, watchtower) = {
        let directory = tempfile::tempdir().unwrap();
        let tree = Tree::at(directory.path().join("tree"));
        let watchtower = Watchtower { root: tree.root.clone(), state: directory.path().join("state") };
        (directory, tree, watchtower)
    };
    let key = format!("AKIA{}", "ABCDEFGHIJ234567");
    tree.write("a.md", "# A\n\n[b](b.md)\n[c](docs/c.md#d)\n[out](../out)\n");
    tree.write("docs/c.md", format!("[a](../a.md)\n{key}\n"));
    tree.write("big", vec![b'\n'; 10_000_001]);
    watchtower.pass();
    assert_eq!(watchtower.findings(), ["broken_link a.md 3", "key docs/c.md 2", "oversized big"]);
    let detail: String = watchtower.value("SELECT detail FROM findings WHERE kind = 'key'");
    assert!(!detail.contains(&key), "{detail}");
    watchtower.pass();
    assert_eq!(watchtower.findings().len(), 3, "findings are not doubled");
    tree.write("b.md", "");
    tree.remove("docs/c.md");
    tree.write("big", "small");
    watchtower.pass();
    assert_eq!(watchtower.findings(), ["broken_link a.md 4"]);
    drop(directory);
}

#[test]
fn a_root_that_is_not_there_is_a_failed_start() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing");
    let watchtower = Watchtower { root: missing.clone(), state: directory.path().join("state") };
    let output = watchtower.command(&[]).output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains(&format!("`{}` cannot be watched; set scan.root to a directory", missing.display())),
        "{said}"
    );
}
