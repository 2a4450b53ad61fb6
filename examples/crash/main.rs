//! Kills a program again and again, wherever it hurts, and sees that nothing is lost, doubled or out of order.
//!
//! ```text
//! cargo run --release --example crash -- --kills 2000
//! cargo run --release --example crash -- --kills 200 --seed 7
//! cargo run --release --example crash -- --kills 20 --point advance.after
//! cargo run --release --example crash -- --points                          # all their names
//! ```
//!
//! This process is the parent. It starts itself as [the program](child) that is to die: orders from [files with a cursor and
//! from a queue with acknowledgements](parts), minions whose steps fail and are tried again, sleep, poll, wait, jump, abort,
//! emit orders for each other and for themselves, and write rows that commit with their checkpoints; on an SQLite store that
//! survives the loss of power. It dies by SIGKILL at a random instant, or by its own hand at a [named point](points): in a
//! step, in the transaction, before, during and after the commit of a chosen kind of operation, between acknowledgement and
//! event, in its start, in its stop; where `strace` can be used, also when it
//! calls the system to write, to confirm, to shorten or to remove a file.
//!
//! After each death the parent reads a copy of the database by a connection of its own, the journal of all steps that have
//! begun, and the acknowledgements. From [the input](input) it knows every workflow that must be, each of its visits to a
//! step, and the key of each. So it [sees](judge) whether
//!
//! - the database is sound;
//! - every event is stored or finished or still with its source, as cursor, keys and emitting steps say; none is there twice,
//!   and none that was acknowledged is missing;
//! - the visits of each workflow began in their order, from one checkpoint to the next, and at most one of them was made
//!   again after a kill, by a step that was told so; none after an orderly stop;
//! - the workflows of a lane ran one after another, those of a source in the order of its messages;
//! - what a step writes with its checkpoint is there exactly once, if the workflow is past the step.
//!
//! When the input is used up, or there were kills enough, the last process runs undisturbed: everything must be finished, and
//! every table of the runtime empty but for cursors and keys.
//!
//! Otherwise it ends with 1, tells the seed and what was wrong, and keeps the state directory. The same seed plans the same
//! deaths; those at named points come at the same place again, those at random instants only about there.

#![allow(unreachable_pub, reason = "`pub` here means: for the other modules of this program")]
#![allow(missing_docs, reason = "a program has no users of its parts")]

mod child;
mod deadly;
#[path = "../soak/dice.rs"]
mod dice;
mod evidence;
mod input;
mod judge;
mod life;
mod parts;
mod plan;
mod points;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;
use minions::gru::StopMode;

use child::Orders;
use life::{Death, Life};
use plan::Plan;
use points::Armed;

#[derive(Parser)]
struct Args {
    /// How many kills.
    #[arg(long, default_value_t = 100)]
    kills: u64,
    /// The same seed plans the same deaths; a new one unless it is given.
    #[arg(long)]
    seed: Option<u64>,
    /// All deaths at this point.
    #[arg(long)]
    point: Option<String>,
    /// Instead: lists the named points.
    #[arg(long)]
    points: bool,
    /// How many lines each file has, and messages the queue.
    #[arg(long, default_value_t = 40)]
    lines: u64,
    #[arg(long, hide = true)]
    child: Option<PathBuf>,
    #[arg(long, hide = true, default_value_t = 0)]
    run: u64,
    #[arg(long, hide = true)]
    die: Option<Armed>,
    #[arg(long, hide = true)]
    stop_after: Option<u64>,
    #[arg(long, hide = true)]
    now: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if args.points {
        points::names().iter().chain(&points::calls()).for_each(|name| println!("{name}"));
        return ExitCode::SUCCESS;
    }
    let outcome = match &args.child {
        Some(directory) => {
            let mode = if args.now { StopMode::Now } else { StopMode::Park };
            let stop = args.stop_after.map(|after| (Duration::from_millis(after), mode));
            child::run(directory, Orders { run: args.run, point: args.die, stop })
        }
        None => kill(&args),
    };
    outcome.unwrap_or_else(|wrong| {
        eprintln!("{wrong}");
        ExitCode::FAILURE
    })
}

/// What was done so far, over all lives.
struct Sums {
    seed: u64,
    /// Whether programs can be killed at calls of the system.
    traces: bool,
    began: Instant,
    told: Instant,
    kills: BTreeMap<String, u64>,
    stops: u64,
    lives: u64,
    workflows: usize,
    visits: usize,
    repeated: usize,
    set_aside: usize,
    /// What was done last.
    last: Option<Plan>,
}

const RANDOM: &str = "a random instant";

fn kill(args: &Args) -> Result<ExitCode, String> {
    let is_unknown = |point: &&String| !points::names().contains(*point) && !points::calls().contains(*point);
    if let Some(point) = args.point.as_ref().filter(is_unknown) {
        return Err(format!("there is no point `{point}`; `--points` lists them"));
    }
    let seed = args.seed.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |now| now.as_secs()));
    println!("seed {seed}");
    let directory = tempfile::tempdir().map_err(|error| format!("no directory for the state: {error}"))?;
    let mut sums = Sums::new(seed);
    if !sums.traces {
        println!("strace is missing or must not attach here: no deaths at calls of the system");
    }
    while sums.kills() < args.kills {
        sums.lives += 1;
        let mut life = Life::new(directory.path().join(format!("life-{}", sums.lives)), args.lines)?;
        if let Err(wrong) = sums.live(args, &mut life) {
            println!("{}", sums.line());
            println!("VIOLATION in life {}, seed {seed}, after {:?}:\n{wrong}", sums.lives, sums.last);
            println!("the state is kept in {}", life.directory.display());
            let _ = directory.keep();
            return Ok(ExitCode::FAILURE);
        }
        let _ = std::fs::remove_dir_all(&life.directory);
    }
    sums.kills.iter().for_each(|(name, kills)| println!("{kills:>6} {name}"));
    println!("{}", sums.line());
    println!("nothing lost, nothing doubled, nothing out of order, nothing left over");
    Ok(ExitCode::SUCCESS)
}

impl Sums {
    fn new(seed: u64) -> Self {
        Self {
            seed,
            traces: points::can_trace(),
            began: Instant::now(),
            told: Instant::now(),
            kills: BTreeMap::new(),
            stops: 0,
            lives: 0,
            workflows: 0,
            visits: 0,
            repeated: 0,
            set_aside: 0,
            last: None,
        }
    }

    /// Kills one process after the other until the work is done.
    fn live(&mut self, args: &Args, life: &mut Life) -> Result<(), String> {
        while self.kills() < args.kills {
            let plan = Plan::throw(self.seed, self.lives, life.next_run(), args.point.as_deref(), self.traces);
            self.last = Some(plan.clone());
            match life.run(&plan)? {
                Death::Point => *self.kills.entry(plan.name().to_owned()).or_default() += 1,
                Death::Random => *self.kills.entry(RANDOM.to_owned()).or_default() += 1,
                Death::Stopped => self.stops += 1,
                Death::Finished => break,
            }
            if self.told.elapsed() > Duration::from_secs(10) {
                self.told = Instant::now();
                println!("{}", self.line());
            }
        }
        self.set_aside += life.finish()?;
        let figures = life.figures();
        self.workflows += figures.finished;
        self.visits += figures.visits;
        self.repeated += figures.repeated;
        Ok(())
    }

    fn kills(&self) -> u64 {
        self.kills.values().sum()
    }

    fn line(&self) -> String {
        let random = self.kills.get(RANDOM).copied().unwrap_or(0);
        format!(
            "{:>5.0} s: {} kills, {} of them at {} named points, {} stops; {} lives, {} workflows, {} steps, {} of them \
             repeated, {} workflows set aside and sent on",
            self.began.elapsed().as_secs_f64(),
            self.kills(),
            self.kills() - random,
            self.kills.keys().filter(|name| *name != RANDOM).count(),
            self.stops,
            self.lives,
            self.workflows,
            self.visits,
            self.repeated,
            self.set_aside
        )
    }
}
