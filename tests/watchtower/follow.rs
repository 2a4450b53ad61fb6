//! Following what changes.

use std::fs;
use std::time::Duration;

use super::support::{Running, Watchtower, until};
use super::tree::{Random, Tree};

#[test]
fn the_table_follows_the_tree() {
    let directory = tempfile::tempdir().unwrap();
    let mut tree = Tree::plant(directory.path().join("tree"), 500, 3);
    // Inside the tree: the program must not wake itself.
    let watchtower = Watchtower { root: tree.root.clone(), state: tree.root.join("state") };
    let running = Running::start(watchtower.command(&["--set", "ticker.every=100ms"]));
    let follows = |tree: &Tree| until(&tree.rows(), || watchtower.rows());
    follows(&tree);

    tree.write("fresh", "fresh\n");
    println!("a new file is in the table after {:?}", follows(&tree));
    tree.write("fresh", "changed\n\n");
    follows(&tree);
    tree.rename("fresh", "renamed");
    follows(&tree);
    tree.remove("renamed");
    follows(&tree);

    tree.write("new/directory/with/a", "file");
    follows(&tree);
    tree.write("new/directory/with/another", "file");
    follows(&tree);
    tree.rename("new", "moved");
    follows(&tree);
    tree.write("moved/directory/with/a", "changed after the move");
    follows(&tree);
    tree.remove_directory("moved/directory");
    follows(&tree);

    // Out of the tree and into it, whole directories at once.
    let elsewhere = directory.path().join("elsewhere");
    fs::rename(tree.root.join("nested"), &elsewhere).unwrap();
    tree.take_below("nested");
    follows(&tree);
    fs::write(elsewhere.join("brought along"), "x").unwrap();
    fs::remove_file(elsewhere.join(".gitignore")).unwrap();
    fs::remove_dir_all(elsewhere.join("build")).unwrap();
    fs::rename(&elsewhere, tree.root.join("back")).unwrap();
    for path in ["brought along", "a.log", "deep/a.log", "deep/important.log", "repository/a.log", "repository/a.rs"] {
        tree.write(&format!("back/{path}"), "x");
    }
    follows(&tree);

    // What is left out changes with the rules.
    tree.write("back/.gitignore", "*.log\n");
    for path in ["back/.gitignore", "back/a.log", "back/deep/a.log", "back/deep/important.log", "back/repository/a.log"]
    {
        tree.outside(path);
    }
    follows(&tree);
    fs::remove_file(tree.root.join("back/.gitignore")).unwrap();
    for path in ["back/a.log", "back/deep/a.log", "back/deep/important.log", "back/repository/a.log"] {
        tree.write(path, "x");
    }
    follows(&tree);

    // A link is mended by another file.
    tree.write("links.md", "[to](later.md) [and](later/too.md)\n");
    until(&vec!["broken_link links.md 1".to_owned(); 2], || watchtower.findings());
    tree.write("later.md", "");
    until(&vec!["broken_link links.md 1".to_owned()], || watchtower.findings());
    tree.write("later/too.md", "");
    until(&Vec::new(), || watchtower.findings());
    tree.remove_directory("later");
    until(&vec!["broken_link links.md 1".to_owned()], || watchtower.findings());
    follows(&tree);

    let digest = watchtower.state.join("digest.md");
    until(&true, || digest.exists());
    assert_eq!(running.terminate().code(), Some(0));
    let digest = fs::read_to_string(digest).unwrap();
    assert!(digest.contains(&format!("{} files", tree.rows().len())), "{digest}");
}

#[test]
fn a_storm_of_changes_ends_in_the_right_table() {
    let directory = tempfile::tempdir().unwrap();
    let mut tree = Tree::at(directory.path().join("tree"));
    let watchtower = Watchtower { root: tree.root.clone(), state: directory.path().join("state") };
    for number in 0..50 {
        tree.write(&format!("d{}/f{number}", number % 5), "first");
    }
    // Into the first pass as well: nothing is waited for before the storm.
    let running = Running::start(watchtower.command(&[]));
    let mut random = Random::new(7);
    let mut directories: Vec<String> = (0..5).map(|number| format!("d{number}")).collect();
    for round in 0..600 {
        let at = random.below(directories.len() as u64) as usize;
        let file = format!("{}/f{}", directories[at], random.below(12));
        match random.below(6) {
            0 if tree.rows().contains_key(&file) => tree.remove(&file),
            1 => {
                let to = format!("e{round}");
                fs::create_dir_all(tree.root.join(&directories[at])).unwrap();
                tree.rename(&directories[at].clone(), &to);
                directories[at] = to;
            }
            2 if random.below(4) == 0 => {
                fs::create_dir_all(tree.root.join(&directories[at])).unwrap();
                tree.remove_directory(&directories[at].clone());
            }
            _ => tree.write(&file, format!("{round}\n").repeat(round % 7)),
        }
        if round % 50 == 0 {
            std::thread::sleep(Duration::from_millis(random.below(60)));
        }
    }
    until(&tree.rows(), || watchtower.rows());
    assert_eq!(running.terminate().code(), Some(0));
}
