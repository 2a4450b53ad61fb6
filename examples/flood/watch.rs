//! Floods the program, watches its memory, asks why it takes nothing, and stops it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use serde_json::Value;

use crate::limit::Limit;
use crate::{Args, ROLE};

const ORCHESTRATION: &str = "torrent/stuck";

/// What the defaults let be in flight: workflows, and what they take.
const IN_FLIGHT: u64 = 1_024;
const BYTES: u64 = 64 << 20;

/// More than this is growth: what an allocator and a log do over minutes is less.
const NOISE_KIB: u64 = 4 << 10;

pub struct Program {
    pub child: Child,
    /// Which of the programs it is.
    role: &'static str,
    executable: PathBuf,
    directory: PathBuf,
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already, unless something did not hold.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn flood(args: &Args) -> Result<(), String> {
    let directory = tempfile::tempdir().map_err(told("a directory cannot be made"))?;
    let limit = Limit::new(args.limit << 20);
    println!("{} MiB by {}, for {} s", args.limit, limit.describe(), args.seconds);
    let mut program = start(&limit, directory.path(), "flood", &[format!("torrent.payload={}", args.payload)])?;
    let samples = watch(&mut program, Duration::from_secs(args.seconds))?;
    let first = samples[samples.len() / 10];
    let most = samples[samples.len() / 10..].iter().copied().max().unwrap_or(first);
    println!("memory after a tenth of the time {} MiB, the most after that {} MiB", mib(first), mib(most));
    if most > first + NOISE_KIB {
        return Err(format!("memory grew from {} MiB to {} MiB", mib(first), mib(most)));
    }
    let status = program.order(&["ps", "--json"])?;
    let waits = &status["pipelines"][0]["waits_for"];
    println!("waits for {waits}");
    // What is large is bounded by its bytes before it is by its number.
    let reason = if args.payload as u64 * IN_FLIGHT > BYTES { "bytes" } else { "in_flight" };
    println!("{}", program.said(&["ps"])?.lines().collect::<Vec<_>>().join("\n"));
    if waits[0]["reason"] != reason || waits[0]["orchestration"] != ORCHESTRATION {
        return Err(format!("the gate does not say `{reason}`: {status}"));
    }
    let began = Instant::now();
    program.order(&["stop", ORCHESTRATION, "--mode", "now", "--json"])?;
    let took = began.elapsed();
    println!("stop answered after {took:.0?}");
    if took > Duration::from_secs(1) {
        return Err(format!("stop took {took:?}"));
    }
    program.order(&["shutdown", "--json"])?;
    let ended = program.child.wait().map_err(told("the program cannot be waited for"))?;
    if ended.success() { Ok(()) } else { Err(format!("the program ended with {ended}")) }
}

/// Starts one of the programs in `directory`, with further settings.
pub fn start(limit: &Limit, directory: &Path, role: &'static str, settings: &[String]) -> Result<Program, String> {
    let executable = env::current_exe().map_err(told("this program cannot be found"))?;
    let mut command = limit.command(&executable);
    command.arg("--state").arg(directory.join("state"));
    command.args(["--set", "minions.metrics=false", "--set", "minions.logs.terminal=false"]);
    for setting in settings {
        command.args(["--set", setting]);
    }
    command.env(ROLE, role).current_dir(directory);
    let child = command.stdin(Stdio::null()).spawn().map_err(told("the program cannot be started"))?;
    Ok(Program { child, role, executable, directory: directory.to_owned() })
}

/// Resident memory in KiB, a hundred times over `time`.
fn watch(program: &mut Program, time: Duration) -> Result<Vec<u64>, String> {
    let mut samples = Vec::new();
    let pause = time / 100;
    for _ in 0..100 {
        thread::sleep(pause);
        if let Some(ended) = program.child.try_wait().map_err(told("the program cannot be looked at"))? {
            return Err(format!("the program ended with {ended}: {}", program.log()));
        }
        samples.push(resident(program.child.id())?);
    }
    Ok(samples)
}

impl Program {
    pub fn said(&self, order: &[&str]) -> Result<String, String> {
        let mut command = Command::new(&self.executable);
        command.args(order).arg("--state").arg(self.directory.join("state"));
        let output = command.env(ROLE, self.role).current_dir(&self.directory).output();
        let output = output.map_err(told("an order cannot be given"))?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(said);
        }
        Err(format!("{order:?} ended with {}: {said}{}", output.status, String::from_utf8_lossy(&output.stderr)))
    }

    pub fn order(&self, order: &[&str]) -> Result<Value, String> {
        let said = self.said(order)?;
        serde_json::from_str(&said).map_err(told(&format!("{order:?} answered {said}")))
    }

    /// Its last words.
    pub fn log(&self) -> String {
        let log = fs::read_to_string(self.directory.join("state/logs/minions.log")).unwrap_or_default();
        log.lines().rev().take(3).collect::<Vec<_>>().join("\n")
    }
}

pub fn resident(process: u32) -> Result<u64, String> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).map_err(told("its memory cannot be read"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_ascii_whitespace().next()?.parse().ok());
    number.ok_or_else(|| "the system does not tell its memory".to_owned())
}

fn mib(kib: u64) -> u64 {
    kib >> 10
}

pub fn told<E: std::fmt::Display>(what: &str) -> impl Fn(E) -> String + '_ {
    move |error| format!("{what}: {error}")
}
