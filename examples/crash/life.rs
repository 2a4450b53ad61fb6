//! The life of one state directory: one process after the other works on it and is killed, until all work is done.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use minions::sqlite::SqliteStore;
use minions::store::{Filter, Op, Requeue, StateStore as _, Status};

use crate::child::{PARKED, STOPPED};
use crate::evidence::gather;
use crate::input::{FILES, QUEUE, cases};
use crate::judge::{Figures, Judge};
use crate::plan::Plan;
use crate::points;

/// Within this an undisturbed process comes to its end, or it never will.
const PATIENCE: Duration = Duration::from_secs(120);

pub struct Life {
    pub directory: PathBuf,
    judge: Judge,
    run: u64,
}

/// How a process has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// At its named point.
    Point,
    /// By the parent.
    Random,
    /// It was told to stop, and did.
    Stopped,
    /// It has nothing more to do.
    Finished,
}

pub type Wrong = String;

impl Life {
    /// Writes the input of a new one.
    pub fn new(directory: PathBuf, lines: u64) -> Result<Self, Wrong> {
        let messages = lines;
        let numbers = || (1..=lines).map(|number| format!("{number}\n")).collect::<String>();
        let write = || {
            fs::create_dir_all(&directory)?;
            FILES.iter().chain(&[QUEUE]).try_for_each(|file| fs::write(directory.join(file), numbers()))
        };
        write().map_err(|error| format!("no input: {error}"))?;
        Ok(Self { directory, judge: Judge::new(cases(lines, messages), lines, messages), run: 0 })
    }

    pub fn figures(&self) -> Figures {
        self.judge.figures()
    }

    /// Which process is next.
    pub fn next_run(&self) -> u64 {
        self.run + 1
    }

    /// Starts a process, lets it die as planned, and looks at what it has left.
    pub fn run(&mut self, plan: &Plan) -> Result<Death, Wrong> {
        self.run = plan.orders.run;
        let death = self.let_it_die(plan)?;
        let evidence = gather(&self.directory)?;
        let mut wrong = self.judge.look(&evidence);
        let Figures { stored, quarantined, behind, .. } = self.figures();
        if death == Death::Finished {
            if stored == 0 {
                wrong.extend(self.judge.look_at_the_end(&evidence));
            } else if stored > quarantined + behind {
                let wait = stored - quarantined - behind;
                wrong.push(format!("the process has ended by itself, and {wait} workflows wait"));
            }
        }
        if wrong.is_empty() { Ok(death) } else { Err(wrong.join("\n")) }
    }

    /// Lets processes work undisturbed until everything is done; answers how many workflows had been set aside.
    pub fn finish(&mut self) -> Result<usize, Wrong> {
        let mut pardoned = 0;
        loop {
            pardoned += self.pardon()?;
            let plan = Plan::peace(self.next_run());
            match self.run(&plan)? {
                Death::Finished if self.figures().stored == 0 => return Ok(pardoned),
                // Others may be set aside yet, for the deaths before.
                Death::Finished => {}
                other => return Err(format!("an undisturbed process has ended as {other:?}")),
            }
        }
    }

    /// Lets those go on that were set aside because the process died while each ran alone: here it is never their fault.
    fn pardon(&mut self) -> Result<usize, Wrong> {
        if self.figures().quarantined == 0 {
            return Ok(0);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let pardoned = runtime.map_err(|error| error.to_string())?.block_on(async {
            let store = SqliteStore::at(self.directory.join("state.db"));
            store.open().await?;
            let rows = store.scan(Filter::all().status(Status::Quarantined), usize::MAX).await?;
            let requeue = rows.iter().map(|row| Arc::new(Op::from(Requeue::new(row.id, row.updated_ms)))).collect();
            for done in store.commit(requeue).await {
                done?;
            }
            store.close().await?;
            Ok::<_, minions::store::StoreError>(rows)
        });
        let pardoned = pardoned.map_err(|error| format!("nobody can be sent on: {error}"))?;
        self.judge.pardoned.extend(pardoned.iter().map(|row| row.id.to_string().replace('-', "")));
        Ok(pardoned.len())
    }

    fn let_it_die(&mut self, plan: &Plan) -> Result<Death, Wrong> {
        let log = self.directory.join(format!("log-{}", self.run));
        let began = Instant::now();
        let mut child = start(&self.directory, plan, &log).map_err(|error| format!("no process: {error}"))?;
        let waited = loop {
            if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
                break Some(status);
            }
            let left = plan.kill.unwrap_or(PATIENCE).saturating_sub(began.elapsed());
            if left.is_zero() {
                break None;
            }
            sleep(left.min(Duration::from_millis(1)));
        };
        let status = match waited {
            Some(status) => status,
            None if plan.kill.is_none() => {
                let _ = kill(&mut child, false);
                return Err(format!("the process has not come to an end within {PATIENCE:?}"));
            }
            // Between the look and the kill it may have ended.
            None => kill(&mut child, plan.is_at_call()).map_err(|error| error.to_string())?,
        };
        let death = self.death(plan, status, waited.is_none()).ok_or_else(|| {
            let log = fs::read_to_string(&log).unwrap_or_default();
            format!("the process has ended with {status} as nobody has planned: {log}")
        })?;
        let _ = fs::remove_file(log);
        Ok(death)
    }

    fn death(&mut self, plan: &Plan, status: ExitStatus, by_parent: bool) -> Option<Death> {
        use std::os::unix::process::ExitStatusExt as _;

        const SIGABRT: i32 = 6;
        const SIGKILL: i32 = 9;
        let is_stopped = plan.orders.stop.is_some();
        match (status.code().map(u8::try_from), status.signal()) {
            (_, Some(SIGKILL)) if by_parent => Some(Death::Random),
            (_, Some(SIGKILL)) if plan.is_at_call() => Some(Death::Point),
            (_, Some(SIGABRT)) if plan.orders.point.is_some() => Some(Death::Point),
            (Some(Ok(0)), _) => Some(Death::Finished),
            (Some(Ok(PARKED)), _) if is_stopped => {
                self.judge.parked.insert(self.run);
                Some(Death::Stopped)
            }
            (Some(Ok(STOPPED)), _) if is_stopped => Some(Death::Stopped),
            _ => None,
        }
    }
}

/// Kills the process, and the tracer that it may have, and waits until both are gone.
fn kill(child: &mut Child, is_traced: bool) -> io::Result<ExitStatus> {
    if !is_traced {
        child.kill()?;
        return child.wait();
    }
    let group = format!("-{}", child.id());
    let tell = |signal: &str| Command::new("kill").args([signal, "--", &group]).stderr(Stdio::null()).status();
    tell("-9")?;
    let status = child.wait()?;
    while tell("-0")?.success() {
        sleep(Duration::from_millis(1));
    }
    Ok(status)
}

fn start(directory: &Path, plan: &Plan, log: &Path) -> io::Result<Child> {
    let program = std::env::current_exe()?;
    let call = plan.orders.point.as_ref().and_then(|point| Some((points::as_call(&point.name)?, point.nth)));
    let mut command = match call {
        None => Command::new(program),
        Some((call, nth)) => {
            let mut strace = Command::new("strace");
            strace.args(["-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e"]);
            strace.arg(format!("inject={call}:signal=SIGKILL:when={nth}")).arg(program);
            strace
        }
    };
    command.arg("--child").arg(directory).args(["--run", &plan.orders.run.to_string()]);
    if let Some(point) = plan.orders.point.as_ref().filter(|_| call.is_none()) {
        command.args(["--die", &format!("{}:{}:{}", point.name, point.nth, point.micros)]);
    }
    if let Some((after, mode)) = plan.orders.stop {
        command.args(["--stop-after", &after.as_millis().to_string()]);
        if mode == minions::gru::StopMode::Now {
            command.arg("--now");
        }
    }
    let log = File::create(log)?;
    // A group of its own, so that a tracer can be killed together with the program.
    command.process_group(0);
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()
}
