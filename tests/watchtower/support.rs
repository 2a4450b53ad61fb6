//! Runs the program and reads its database.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use crate::example::program;

/// Far more than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);

/// What `files` says of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
    pub(crate) lines: u64,
}

/// The rows of `files` by path.
pub(crate) type Rows = BTreeMap<String, Row>;

/// A tree and the state directory of a program that watches it.
#[derive(Debug)]
pub(crate) struct Watchtower {
    pub(crate) root: PathBuf,
    pub(crate) state: PathBuf,
}

impl Watchtower {
    /// The program with these further arguments.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("watchtower"));
        command.arg("--state").arg(&self.state);
        command.arg("--set").arg(format!("scan.root={}", self.root.display()));
        // Several programs run at once, and there is only one port 8081.
        command.args(["--set", "minions.metrics=false"]);
        command.args(arguments);
        command.stdin(Stdio::null());
        command
    }

    /// Goes through the tree once.
    pub(crate) fn pass(&self) -> Output {
        let output = self.command(&["--set", "scan.follow=false"]).output().expect("the program starts");
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        output
    }

    /// The rows of `files`; none as long as there is no database.
    pub(crate) fn rows(&self) -> Rows {
        let Some(connection) = self.database() else { return Rows::new() };
        let Ok(mut statement) = connection.prepare("SELECT path, sha256, bytes, lines FROM files") else {
            return Rows::new();
        };
        let rows = statement.query_map([], |row| {
            let (bytes, lines): (i64, i64) = (row.get(2)?, row.get(3)?);
            Ok((row.get(0)?, Row { sha256: row.get(1)?, bytes: bytes as u64, lines: lines as u64 }))
        });
        rows.and_then(Iterator::collect).expect("the table can be read")
    }

    /// The findings, as `kind path line`.
    pub(crate) fn findings(&self) -> Vec<String> {
        let Some(connection) = self.database() else { return Vec::new() };
        let Ok(mut statement) =
            connection.prepare("SELECT kind || ' ' || path || coalesce(' ' || line, '') FROM findings ORDER BY 1")
        else {
            return Vec::new();
        };
        let findings = statement.query_map([], |row| row.get(0)).and_then(Iterator::collect);
        findings.expect("the table can be read")
    }

    /// One value.
    pub(crate) fn value<T: rusqlite::types::FromSql>(&self, sql: &str) -> T {
        let connection = self.database().expect("there is a database");
        connection.query_row(sql, [], |row| row.get(0)).expect("the question is right")
    }

    fn database(&self) -> Option<Connection> {
        let path = self.state.join("watchtower.db");
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).ok()?;
        connection.busy_timeout(Duration::from_secs(10)).ok()?;
        Some(connection)
    }
}

/// A running program; it does not outlive the test.
#[derive(Debug)]
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts"))
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.0.kill().expect("a process that is not waited for can be killed");
        self.0.wait().expect("it can be waited for");
    }

    /// Whether it ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.0.try_wait().expect("it can be waited for").is_some()
    }

    /// SIGTERM, and its answer.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        let kill = Command::new("kill").arg(self.0.id().to_string()).status().expect("there is `kill`");
        assert!(kill.success());
        self.0.wait().expect("it can be waited for")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already, or a failed test leaves it behind.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asks until the answer is the right one, and says how long that took; fails with the last answer.
#[track_caller]
pub(crate) fn until<T: PartialEq + std::fmt::Debug>(right: &T, mut ask: impl FnMut() -> T) -> Duration {
    let began = Instant::now();
    loop {
        let answer = ask();
        if answer == *right {
            return began.elapsed();
        }
        if began.elapsed() > DEADLINE {
            assert_eq!(answer, *right, "after {DEADLINE:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// `left` and `right` are the same; if not, says what differs instead of printing hundreds of rows.
#[track_caller]
pub(crate) fn assert_rows(rows: &Rows, expected: &Rows) {
    let missing: Vec<_> = expected.keys().filter(|path| !rows.contains_key(*path)).collect();
    let left_over: Vec<_> = rows.keys().filter(|path| !expected.contains_key(*path)).collect();
    let differs: Vec<_> = rows.iter().filter(|(path, row)| expected.get(*path).is_some_and(|e| e != *row)).collect();
    assert!(
        missing.is_empty() && left_over.is_empty() && differs.is_empty(),
        "missing: {missing:?}\nleft over: {left_over:?}\ndiffers: {differs:?}"
    );
}
