//! A log file that is rotated by size and loses no line.
//!
//! Every line is one write straight to the operating system, so a killed process loses nothing it logged. Rotation
//! happens between lines, by renaming: `minions.log` becomes `minions.log.1`, that becomes `minions.log.2`, and so on.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use crate::metrics::LOG_LINES_LOST;

use super::error::LogError;
use super::writer;

/// The file lines are written to, shared by all threads.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    max_size: u64,
    keep: usize,
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    /// Bytes in the file.
    size: u64,
    /// The size at which to rotate; moved on when a rotation fails, so that not every line tries again.
    rotate_at: u64,
    /// Whether the file ends inside a line.
    torn: bool,
    /// Whether the last write failed, so that an outage is announced once.
    failing: bool,
}

impl LogFile {
    /// Opens the file to append to it, creating it and its parent directories if need be.
    ///
    /// A half line left behind by a process that died is ended, so that the next one starts on its own line.
    pub(super) fn open(path: &Path, max_size: u64, keep: usize) -> Result<Self, LogError> {
        let open = || {
            create_parent(path)?;
            let mut file = append_to(path)?;
            let size = file.metadata()?.len();
            let torn = ends_inside_a_line(&mut file, size)?;
            Ok((file, size, torn))
        };
        let (file, size, torn) = open().map_err(|error| LogError::file(path, error))?;
        let max_size = if max_size == 0 { u64::MAX } else { max_size };
        Ok(Self {
            path: path.to_owned(),
            max_size,
            keep,
            open: Mutex::new(Open { file, size, rotate_at: max_size, torn, failing: false }),
        })
    }

    /// Writes one whole line, its line feed included; what cannot be written goes to standard error and is counted.
    pub(super) fn write(&self, line: &str) {
        let mut open = self.open.lock();
        let rotated = self.rotate_before(line, &mut open);
        let written = open.append(line.as_bytes());
        let first_failure = written.is_err() && !open.failing;
        open.failing = written.is_err();
        // The terminal may be slow or the user's own code; other threads go on meanwhile.
        drop(open);

        if let Err(error) = rotated {
            let path = self.path.display();
            writer::write(&format!(
                "minions: cannot rotate the log file {path}: {error}; it grows beyond its limit until that works\n"
            ));
        }
        if let Err(error) = written {
            ::metrics::counter!(LOG_LINES_LOST).increment(1);
            if first_failure {
                let path = self.path.display();
                writer::write(&format!(
                    "minions: cannot write the log file {path}: {error}; its lines follow here until that works\n"
                ));
            }
            writer::write(line);
        }
    }

    fn rotate_before(&self, line: &str, open: &mut Open) -> io::Result<()> {
        let full = open.size.saturating_add(line.len() as u64) > open.rotate_at;
        // A line longer than the limit gets a file of its own instead of an empty one before it.
        if !full || open.size == 0 {
            return Ok(());
        }
        match self.rotate() {
            Ok(file) => {
                open.file = file;
                open.size = 0;
                open.rotate_at = self.max_size;
                open.torn = false;
                Ok(())
            }
            Err(error) => {
                open.rotate_at = open.size.saturating_add(self.max_size);
                Err(error)
            }
        }
    }

    /// Moves the file aside and opens a new one; the old one stays in use if that fails.
    fn rotate(&self) -> io::Result<File> {
        if self.keep == 0 {
            ignore_missing(fs::remove_file(&self.path))?;
            return append_to(&self.path);
        }
        ignore_missing(fs::remove_file(self.numbered(self.keep)))?;
        for number in (1..self.keep).rev() {
            ignore_missing(fs::rename(self.numbered(number), self.numbered(number + 1)))?;
        }
        let first = self.numbered(1);
        ignore_missing(fs::rename(&self.path, &first))?;
        append_to(&self.path).inspect_err(|_| {
            // The open handle still writes to the renamed file: give it its name back, or the next rotation would
            // look for it in vain.
            let _ = fs::rename(&first, &self.path);
        })
    }

    fn numbered(&self, number: usize) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(format!(".{number}"));
        name.into()
    }
}

impl Open {
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        if self.torn {
            self.file.write_all(b"\n")?;
            self.size += 1;
            self.torn = false;
        }
        let result = self.file.write_all(line);
        match result {
            Ok(()) => self.size += line.len() as u64,
            // A part of the line may be in the file. It is taken back, or else ended before the next line.
            Err(_) => self.torn = self.file.set_len(self.size).is_err(),
        }
        result
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).open(path)
}

/// Creates the directories above `path`, readable by their owner only, as log lines may hold what users work on.
fn create_parent(path: &Path) -> io::Result<()> {
    let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) else {
        return Ok(());
    };
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(parent)
}

fn ends_inside_a_line(file: &mut File, size: u64) -> io::Result<bool> {
    if size == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::Start(size - 1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::thread;

    use super::*;

    fn lines(path: &Path) -> Vec<String> {
        let text = fs::read_to_string(path).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'), "{} ends inside a line", path.display());
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn rotation_under_many_threads_loses_no_line() {
        const THREADS: usize = 8;
        const LINES: usize = 2_500;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("minions.log");
        let file = LogFile::open(&path, 20_000, 1_000).unwrap();
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let file = &file;
                scope.spawn(move || {
                    for number in 0..LINES {
                        file.write(&format!("{{\"thread\":{thread},\"number\":{number}}}\n"));
                    }
                });
            }
        });

        let mut seen = HashSet::new();
        let mut files = 0;
        for entry in fs::read_dir(directory.path()).unwrap() {
            let entry = entry.unwrap();
            assert!(entry.metadata().unwrap().len() <= 20_000);
            files += 1;
            for line in lines(&entry.path()) {
                let value: serde_json::Value = serde_json::from_str(&line).unwrap();
                assert!(seen.insert((value["thread"].as_u64(), value["number"].as_u64())), "{line} is there twice");
            }
        }
        assert_eq!(seen.len(), THREADS * LINES);
        assert!(files > 10, "{files} files");
    }

    #[test]
    fn the_newest_lines_are_kept_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("minions.log");
        let file = LogFile::open(&path, 10, 2).unwrap();
        for number in 0..5 {
            file.write(&format!("line {number}\n"));
        }
        assert_eq!(lines(&path), ["line 4"]);
        assert_eq!(lines(&directory.path().join("minions.log.1")), ["line 3"]);
        assert_eq!(lines(&directory.path().join("minions.log.2")), ["line 2"]);
        assert!(!directory.path().join("minions.log.3").exists());
    }

    #[test]
    fn keeping_none_leaves_one_file_and_no_limit_never_rotates() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("minions.log");
        let file = LogFile::open(&path, 10, 0).unwrap();
        for number in 0..5 {
            file.write(&format!("line {number}\n"));
        }
        assert_eq!(lines(&path), ["line 4"]);

        let file = LogFile::open(&path, 0, 1).unwrap();
        for number in 5..9 {
            file.write(&format!("line {number}\n"));
        }
        assert_eq!(lines(&path).len(), 5);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_line_beyond_the_limit_stays_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("minions.log");
        let file = LogFile::open(&path, 10, 3).unwrap();
        let long = "x".repeat(50);
        file.write(&format!("{long}\n"));
        file.write("short\n");
        assert_eq!(lines(&path), ["short"]);
        assert_eq!(lines(&directory.path().join("minions.log.1")), [long]);
    }

    #[test]
    fn an_existing_file_is_continued_and_its_size_counts() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("minions.log");
        LogFile::open(&path, 16, 3).unwrap().write("before\n");
        let file = LogFile::open(&path, 16, 3).unwrap();
        file.write("after\n");
        assert_eq!(lines(&path), ["before", "after"]);
        file.write("rotated\n");
        assert_eq!(lines(&path), ["rotated"]);
    }

    #[test]
    fn a_torn_last_line_is_ended_before_the_next_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("minions.log");
        fs::write(&path, "{\"whole\":1}\n{\"to").unwrap();
        LogFile::open(&path, 0, 1).unwrap().write("{\"next\":2}\n");
        assert_eq!(lines(&path), ["{\"whole\":1}", "{\"to", "{\"next\":2}"]);
    }

    #[test]
    fn parents_are_created_for_the_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state/logs/minions.log");
        LogFile::open(&path, 0, 1).unwrap().write("line\n");
        assert_eq!(lines(&path), ["line"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            for created in ["state", "state/logs"] {
                let mode = fs::metadata(directory.path().join(created)).unwrap().permissions().mode();
                assert_eq!(mode & 0o777, 0o700, "{created}");
            }
        }
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let error = LogFile::open(directory.path(), 0, 1).unwrap_err();
        assert!(error.is_file());
        assert!(error.to_string().contains(&directory.path().display().to_string()));
        assert!(std::error::Error::source(&error).is_some());
    }

    #[test]
    fn a_failed_rotation_goes_on_in_the_old_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("minions.log");
        // A directory that is not empty can neither be removed nor replaced by a rename.
        fs::create_dir_all(directory.path().join("minions.log.1/taken")).unwrap();
        let file = LogFile::open(&path, 10, 1).unwrap();
        for number in 0..5 {
            file.write(&format!("line {number}\n"));
        }
        assert_eq!(lines(&path), ["line 0", "line 1", "line 2", "line 3", "line 4"]);

        fs::remove_dir_all(directory.path().join("minions.log.1")).unwrap();
        let long = "x".repeat(50);
        file.write(&format!("{long}\n"));
        assert_eq!(lines(&path), [long]);
        assert_eq!(lines(&directory.path().join("minions.log.1")).len(), 5);
    }

    #[test]
    fn a_file_moved_away_by_somebody_else_is_replaced_at_the_next_rotation() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("minions.log");
        let file = LogFile::open(&path, 10, 1).unwrap();
        file.write("line 0\n");
        fs::rename(&path, directory.path().join("elsewhere")).unwrap();
        file.write("line 1\n");
        assert_eq!(lines(&path), ["line 1"]);
        assert_eq!(lines(&directory.path().join("elsewhere")), ["line 0"]);
    }
}
