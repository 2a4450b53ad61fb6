//! Finds the program of an example, which `cargo test` builds beside the tests.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The program of the example `name`.
///
/// `cargo test --test ..` alone does not build it, so one that is older than its sources would be tested in silence.
///
/// # Panics
///
/// If it is not there, or older than something that it is made of.
pub(crate) fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("this test is a file");
    let target = test.parent().and_then(Path::parent).expect("it lies in `deps` of the target directory");
    let program = target.join("examples").join(name).with_extension(std::env::consts::EXE_EXTENSION);
    assert!(program.exists(), "build the program first: cargo build --example {name}");
    let built = changed(&program).expect("the program was built at some time");
    let sources = std::fs::read_to_string(program.with_extension("d")).expect("cargo tells what it is made of");
    let newer = made_of(&sources).into_iter().find(|source| changed(source).is_none_or(|changed| changed > built));
    if let Some(newer) = newer {
        panic!("the program is older than `{}`; build it again: cargo build --example {name}", newer.display());
    }
    program
}

fn changed(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// The files in a line `program: file file ..`, in whose names a space is escaped.
fn made_of(line: &str) -> Vec<PathBuf> {
    let (_, files) = line.trim_end().split_once(": ").expect("it begins with what is made");
    files.replace("\\ ", "\0").split(' ').map(|file| file.replace('\0', " ").into()).collect()
}
