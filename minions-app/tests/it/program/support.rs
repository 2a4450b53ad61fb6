//! Starts the program, listens to it and decides at its gates. Every wait is for something that must happen, and has a
//! deadline only so that a broken program fails the test instead of hanging it.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

const DEADLINE: Duration = Duration::from_secs(60);

/// A directory to run in, with a gate.
pub(super) struct Place {
    dir: TempDir,
    address: String,
    asked: Receiver<Asked>,
}

/// The program stands at a gate and waits for an answer.
pub(super) struct Asked {
    pub(super) point: String,
    stream: TcpStream,
}

impl Asked {
    pub(super) fn answer(mut self, word: &str) {
        // A program that was killed meanwhile does not hear it.
        let _ = writeln!(self.stream, "{word}");
    }
}

impl Place {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (sender, asked) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut point = String::new();
                let mut reader = BufReader::new(stream);
                if reader.read_line(&mut point).is_ok() {
                    let asked = Asked { point: point.trim().to_owned(), stream: reader.into_inner() };
                    if sender.send(asked).is_err() {
                        return;
                    }
                }
            }
        });
        Self { dir, address, asked }
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn state(&self) -> PathBuf {
        self.path().join(".minions")
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    /// The next point at which the program waits.
    pub(super) fn asked(&self) -> Asked {
        self.asked.recv_timeout(DEADLINE).expect("the program comes to a gate")
    }

    /// The program is asked `points`, in any order, and told `word` at each.
    pub(super) fn answer_all(&self, points: &[&str], word: &str) {
        let mut left: Vec<_> = points.to_vec();
        while !left.is_empty() {
            let asked = self.asked();
            let at = left.iter().position(|point| *point == asked.point);
            left.swap_remove(at.unwrap_or_else(|| panic!("asked at `{}`, expected one of {left:?}", asked.point)));
            asked.answer(word);
        }
    }

    /// The program comes to all of `points`, in any order, and only then is told `word` at each.
    pub(super) fn answer_first(&self, points: &[&str], word: &str) {
        let asked: Vec<_> = points.iter().map(|_| self.asked()).collect();
        for asked in asked {
            assert!(points.contains(&&*asked.point), "asked at `{}`, expected one of {points:?}", asked.point);
            asked.answer(word);
        }
    }

    /// The program with these arguments, asked at the `gates`.
    pub(super) fn command(&self, gates: &[&str], args: &[&str]) -> Command {
        let test = env::current_exe().unwrap();
        let examples = test.parent().and_then(Path::parent).unwrap().join("examples");
        let program = examples.join(format!("it_app{}", env::consts::EXE_SUFFIX));
        assert!(program.exists(), "`cargo test -p minions-app` builds the example `it_app` too");
        let mut command = Command::new(program);
        for (name, _) in env::vars_os().filter(|(name, _)| is_ours(name)) {
            command.env_remove(name);
        }
        command
            .current_dir(self.path())
            .env("MINIONS__GATE__ADDRESS", &self.address)
            .env("MINIONS__GATE__GATES", serde_json::to_string(gates).unwrap())
            .env("MINIONS__MINIONS__METRICS__LISTEN", "127.0.0.1:0")
            .args(args)
            .stdin(Stdio::null());
        command
    }

    /// Runs the program to its end, without gates.
    pub(super) fn run(&self, args: &[&str]) -> Ended {
        Running::start(self.command(&[], args)).end()
    }

    /// Starts the program with `count` numbers.
    pub(super) fn start(&self, count: u32, gates: &[&str], args: &[&str]) -> Running {
        let count = format!("numbers.count={count}");
        let args: Vec<_> = ["--set", &count].into_iter().chain(args.iter().copied()).collect();
        Running::start(self.command(gates, &args))
    }

    /// The lines of the log file.
    pub(super) fn log(&self) -> Vec<serde_json::Value> {
        let text = fs::read_to_string(self.state().join("logs/minions.log")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
    }
}

fn is_ours(name: &OsString) -> bool {
    name.to_str().is_some_and(|name| name.starts_with("MINIONS") || name == "RUST_LOG" || name == "IT_APP")
}

/// The program in its process.
pub(super) struct Running {
    child: Child,
    stdout: Lines,
    stderr: Lines,
}

/// What a program has said in its life, and how it ended.
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) stdout: Vec<String>,
    pub(super) stderr: String,
}

impl Running {
    pub(super) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = Lines::of(child.stdout.take().unwrap());
        let stderr = Lines::of(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line on standard error that contains `text`.
    pub(super) fn says(&mut self, text: &str) -> String {
        self.stderr.until(text)
    }

    #[cfg(unix)]
    pub(super) fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.id().to_string()).status().unwrap();
        assert!(sent.success());
    }

    /// Kills it without a warning.
    pub(super) fn kill(mut self) -> Ended {
        self.child.kill().unwrap();
        self.end()
    }

    pub(super) fn end(mut self) -> Ended {
        // Both end with the process, so waiting for them bounds the wait for it.
        let (stdout, stderr) = (self.stdout.rest(), self.stderr.rest().join("\n"));
        let status = self.child.wait().unwrap();
        Ended { status, stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Only after a failed assertion; a process that has ended is not an error.
        let _ = self.child.kill();
    }
}

impl Ended {
    #[track_caller]
    pub(super) fn code(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{:#?}\n{}", self.stdout, self.stderr);
        self
    }

    /// What the steps printed, in a stable order.
    pub(super) fn steps(&self) -> Vec<&str> {
        let mut steps: Vec<_> = self.stdout.iter().map(String::as_str).filter(|line| line.contains("again=")).collect();
        steps.sort_unstable();
        steps
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout.join("\n")).unwrap_or_else(|_| panic!("{:#?}", self.stdout))
    }
}

/// The lines of a pipe; all of them are kept.
struct Lines {
    seen: Vec<String>,
    coming: Receiver<String>,
}

impl Lines {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let (sender, coming) = mpsc::channel();
        thread::spawn(move || {
            BufReader::new(pipe).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Self { seen: Vec::new(), coming }
    }

    fn until(&mut self, text: &str) -> String {
        loop {
            match self.coming.recv_timeout(DEADLINE) {
                Ok(line) => self.seen.push(line),
                Err(_) => panic!("no line with `{text}` in {:#?}", self.seen),
            }
            if let Some(line) = self.seen.last().filter(|line| line.contains(text)) {
                return line.clone();
            }
        }
    }

    fn rest(&mut self) -> Vec<String> {
        loop {
            match self.coming.recv_timeout(DEADLINE) {
                Ok(line) => self.seen.push(line),
                Err(mpsc::RecvTimeoutError::Disconnected) => return std::mem::take(&mut self.seen),
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("the program does not end: {:#?}", self.seen),
            }
        }
    }
}
