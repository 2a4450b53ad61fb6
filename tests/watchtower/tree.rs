//! Trees with everything in them that a scan may trip over, and what is right to say of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::support::{Row, Rows};

/// A tree on disk, and the content of the files that belong into the table.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) root: PathBuf,
    expected: BTreeMap<String, Vec<u8>>,
}

/// Small and fast; the same numbers for the same seed.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    fn content(&mut self) -> Vec<u8> {
        let length = self.below(8_000);
        // Few enough different bytes that line feeds are frequent, and some that no text has.
        (0..length).map(|_| b"\nabc \r\0\xff"[self.below(8) as usize]).collect()
    }
}

impl Tree {
    /// An empty tree at `root`.
    pub(crate) fn at(root: PathBuf) -> Self {
        fs::create_dir_all(&root).unwrap();
        Self { root, expected: BTreeMap::new() }
    }

    /// A tree of `files` ordinary files and everything else that there is.
    pub(crate) fn plant(root: PathBuf, files: usize, seed: u64) -> Self {
        let mut tree = Self::at(root);
        let mut random = Random::new(seed);
        let kinds = ["rs", "md", "txt", "bin", "py"];
        for number in 0..files {
            let depth = random.below(6);
            let directories: String = (0..depth).map(|_| format!("d{}/", random.below(4))).collect();
            let kind = kinds[random.below(5) as usize];
            tree.write(&format!("{directories}f{number}.{kind}"), random.content());
        }
        tree.plant_odd_files();
        tree.plant_ignored_files();
        #[cfg(unix)]
        tree.plant_what_is_no_file();
        tree
    }

    fn plant_odd_files(&mut self) {
        for (path, content) in [
            ("empty", &b""[..]),
            ("no line feed at the end", b"one\ntwo"),
            ("only\nfeeds", b"\n\n\n"),
            ("binary", b"\0\x01\xff\xfe\n\0"),
            ("-starts with a dash", b"x\n"),
            ("back\\slash", b"x\n"),
            ("quotes'\"`", b"x\n"),
            ("per%20cent", b"x\n"),
            ("Grüße/日本語/🦀.rs", b"fn main() {}\n"),
            ("a/very/deep/directory/with/one/file/in/it/at/last", b"here\n"),
            (".ignore.d/hidden", b""),
        ] {
            self.write(path, content);
        }
        self.write("big", vec![b'x'; 3_000_000]);
        self.outside(".ignore.d/hidden");
    }

    fn plant_ignored_files(&mut self) {
        // Only what lies inside the root counts, and only `.gitignore`.
        fs::write(self.root.parent().unwrap().join(".gitignore"), "*\n").unwrap();
        for (path, content, belongs) in [
            (".gitignore", "*.tmp\n/out/\n!keep.tmp\nsub/only\n# comment\n", false),
            (".ignore", "*.rs\n", false),
            (".git/config", "", false),
            (".git/info/exclude", "*.md\n", false),
            ("a.tmp", "x", false),
            ("keep.tmp", "x", true),
            ("out/a.rs", "x", false),
            ("out/.gitignore", "!a.rs\n", false),
            ("d9/out/a.rs", "x", true),
            ("sub/only", "x", false),
            ("d9/sub/only", "x", true),
            ("nested/.gitignore", "*.log\n!important.log\n!back.tmp\nbuild/\n", false),
            ("nested/a.log", "x", false),
            ("nested/deep/a.log", "x", false),
            ("nested/deep/important.log", "x", true),
            ("nested/back.tmp", "x", true),
            ("nested/build/important.log", "x", false),
            ("nested/repository/.git/HEAD", "x", false),
            ("nested/repository/a.log", "x", false),
            ("nested/repository/a.rs", "x", true),
            ("a.log", "x", true),
            (".hidden", "x", false),
            (".hidden.d/a.rs", "x", false),
            ("d9/.hidden.d/deep/a.rs", "x", false),
        ] {
            self.write(path, content);
            if !belongs {
                self.outside(path);
            }
        }
    }

    #[cfg(unix)]
    fn plant_what_is_no_file(&mut self) {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt as _;
        use std::os::unix::fs::symlink;
        use std::process::Command;

        symlink(self.root.join("empty"), self.root.join("link to a file")).unwrap();
        symlink(self.root.join("nested"), self.root.join("link to a directory")).unwrap();
        symlink("..", self.root.join("nested/loop")).unwrap();
        symlink("nowhere", self.root.join("dangling")).unwrap();
        fs::create_dir_all(self.root.join("empty directory")).unwrap();
        let pipe = Command::new("mkfifo").arg(self.root.join("pipe")).status().expect("there is `mkfifo`");
        assert!(pipe.success());
        // Bytes that are no text; the table writes them as characters of the private use area.
        fs::write(self.root.join(OsStr::from_bytes(b"caf\xe9")), "x").unwrap();
        self.expected.insert("caf\u{f7e9}".into(), b"x".into());
    }

    pub(crate) fn write(&mut self, path: &str, content: impl AsRef<[u8]>) {
        let absolute = self.root.join(path);
        fs::create_dir_all(absolute.parent().unwrap()).unwrap();
        fs::write(absolute, &content).unwrap();
        self.expected.insert(path.to_owned(), content.as_ref().to_owned());
    }

    pub(crate) fn remove(&mut self, path: &str) {
        fs::remove_file(self.root.join(path)).unwrap();
        self.outside(path);
    }

    /// Moves a file, or a directory with all that is in it.
    pub(crate) fn rename(&mut self, from: &str, to: &str) {
        fs::rename(self.root.join(from), self.root.join(to)).unwrap();
        for (path, content) in self.take_below(from) {
            self.expected.insert(format!("{to}{}", &path[from.len()..]), content);
        }
    }

    pub(crate) fn remove_directory(&mut self, path: &str) {
        fs::remove_dir_all(self.root.join(path)).unwrap();
        self.take_below(path);
    }

    /// Says that `path` is there, but does not belong into the table.
    pub(crate) fn outside(&mut self, path: &str) {
        self.expected.remove(path).expect("it was expected before");
    }

    /// Says that everything at and below `path` is out of the tree.
    pub(crate) fn take_below(&mut self, path: &str) -> Vec<(String, Vec<u8>)> {
        let inside = |known: &str| Path::new(known).starts_with(path);
        let taken: Vec<_> = self.expected.keys().filter(|known| inside(known)).cloned().collect();
        taken.into_iter().filter_map(|known| self.expected.remove_entry(&known)).collect()
    }

    /// What the table should say.
    pub(crate) fn rows(&self) -> Rows {
        let rows = self.expected.iter().map(|(path, content)| {
            let lines = content.iter().filter(|byte| **byte == b'\n').count() as u64;
            let sha256 = format!("{:x}", Sha256::digest(content));
            (path.clone(), Row { sha256, bytes: content.len() as u64, lines })
        });
        rows.collect()
    }
}
