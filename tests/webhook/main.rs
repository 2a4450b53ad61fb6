//! `examples/webhook`, killed while it is called: every call that was answered is done exactly once.
//!
//! The program is the one that `cargo test` builds with the examples; `cargo build --example webhook` does it alone.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

#[path = "../example/mod.rs"]
mod example;

use example::program;

/// Far more than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);
const CLIENTS: u32 = 4;
const CALLS: u32 = 40;
const KILLS: u32 = 5;

struct Webhook {
    directory: tempfile::TempDir,
    address: SocketAddr,
}

/// A running program; it does not outlive the test.
struct Running(Child);

impl Webhook {
    fn new() -> Self {
        // Free a moment ago, which has to do: the same port is needed after each kill.
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        Self { directory: tempfile::tempdir().unwrap(), address: free.local_addr().unwrap() }
    }

    fn start(&self) -> Running {
        let mut command = Command::new(program("webhook"));
        command.arg("--state").arg(self.directory.path().join("state"));
        command.arg("--set").arg(format!("calls.listen=\"{}\"", self.address));
        command.arg("--set").arg(format!("bookkeeper.receipts=\"{}\"", self.receipts().display()));
        command.args(["--set", "minions.metrics=false"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Running(command.spawn().expect("the program starts"))
    }

    fn receipts(&self) -> PathBuf {
        self.directory.path().join("receipts")
    }

    /// How many receipts there are of each text.
    fn written(&self) -> BTreeMap<String, u32> {
        let mut written = BTreeMap::new();
        for file in std::fs::read_dir(self.receipts()).into_iter().flatten() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            *written.entry(text).or_default() += 1;
        }
        written
    }

    /// Calls once; the status and the text of the answer.
    fn call(&self, key: &str, body: &str) -> io::Result<(u16, String)> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        let length = body.len();
        write!(
            stream,
            "POST /calls HTTP/1.1\r\nhost: test\r\nconnection: close\r\nidempotency-key: {key}\r\n\
             content-length: {length}\r\n\r\n{body}"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no answer: {answer:?}")))?;
        let text = answer.split_once("\r\n\r\n").map_or("", |(_, text)| text);
        Ok((status, text.to_owned()))
    }

    /// Calls until it is answered 200; what the answer says.
    fn call_until_answered(&self, key: &str, body: &str) -> String {
        let began = Instant::now();
        loop {
            match self.call(key, body) {
                Ok((200, text)) => return text,
                Ok((503, _)) | Err(_) => {}
                Ok(other) => panic!("{other:?}"),
            }
            assert!(began.elapsed() < DEADLINE, "call {key} was not answered");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Running {
    /// SIGKILL.
    fn kill(&mut self) {
        self.0.kill().expect("a process that is not waited for can be killed");
        self.0.wait().expect("it can be waited for");
    }

    /// SIGTERM; whether it ends well.
    fn terminate(mut self) -> bool {
        let kill = Command::new("kill").arg(self.0.id().to_string()).status().expect("there is `kill`");
        kill.success() && self.0.wait().expect("it can be waited for").success()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already, or a failed test leaves it behind.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn p6_p8_every_call_that_was_answered_is_done_exactly_once_however_often_it_is_killed() {
    let (webhook, answered) = (Webhook::new(), AtomicU32::new(0));
    let mut running = webhook.start();
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (webhook, answered) = (&webhook, &answered);
            scope.spawn(move || {
                for call in 0..CALLS {
                    webhook.call_until_answered(&format!("{client}-{call}"), &body(client, call));
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for kill in 1..=KILLS {
            // In the midst of the calls: some are answered, some are under way.
            until("calls to be answered", || answered.load(Ordering::Relaxed) >= kill * CLIENTS * CALLS / (KILLS + 1));
            running.kill();
            running = webhook.start();
        }
    });
    let expected: BTreeMap<_, _> =
        (0..CLIENTS).flat_map(|client| (0..CALLS).map(move |call| (receipt(client, call), 1))).collect();
    until("every receipt", || webhook.written().len() == expected.len());
    assert_eq!(webhook.call_until_answered("0-0", &body(0, 0)), "admitted before\n");
    assert!(running.terminate(), "it stops in order");
    assert_eq!(webhook.written(), expected);
}

fn body(client: u32, call: u32) -> String {
    format!(r#"{{"amount": {call}, "client": {client}}}"#)
}

fn receipt(client: u32, call: u32) -> String {
    format!("{call} for {}\n", body(client, call))
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < DEADLINE, "waited for: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
