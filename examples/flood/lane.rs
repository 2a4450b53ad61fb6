//! Very many workflows that wait in one lane: what each of them costs in memory, how long an operator waits for an answer
//! about them, and that all of them have their turn in their order.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use minions::prelude::*;

use crate::limit::Limit;
use crate::watch::{Program, resident, start, told};

/// What makes the process the program with the lane.
pub const ROLE: &str = "lane";

/// From how many on memory is measured: the program itself needs some as well.
const FEW: u64 = 5_000;

/// In its directory, what lets the rest come, what lets the first one go on, and what says how many have had their turn.
const MORE: &str = "more";
const GO: &str = "go";
const SERVED: &str = "served";

const LANE: &str = "counter";
const ORCHESTRATION: &str = "tickets/clerk";
const PATIENCE: Duration = Duration::from_secs(600);

#[derive(Serialize, Deserialize)]
struct Ticket {
    number: u64,
}

#[derive(Deserialize)]
struct TicketSettings {
    count: u64,
}

/// Gives so many tickets.
#[pipeline]
struct Tickets {
    settings: Config<TicketSettings>,
    #[default]
    number: u64,
}

#[pipeline(idle = "20ms")]
impl Tickets {
    async fn next(&mut self) -> Result<Next<Ticket>> {
        if self.number == self.settings.count {
            return Ok(Next::End);
        }
        if self.number == FEW + 1 && !exists(MORE).await? {
            return Ok(Next::Idle);
        }
        self.number += 1;
        Ok(Next::Event(Ticket { number: self.number }))
    }
}

static TURN: AtomicU64 = AtomicU64::new(0);

/// Serves one after the other.
#[minion]
struct Clerk {}

#[minion]
impl Clerk {
    fn lane(_ticket: &Ticket) -> &'static str {
        LANE
    }

    #[minion_step]
    async fn serve(&self, ticket: &Ticket, _seen: &mut ()) -> Result<()> {
        while ticket.number == 1 && !exists(GO).await? {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let before = TURN.fetch_add(1, Ordering::Relaxed);
        if ticket.number != before + 1 {
            return Err(format!("ticket {} has its turn after {before} others", ticket.number).into());
        }
        if ticket.number.is_multiple_of(1_000) || ticket.number == FEW {
            tokio::fs::write(SERVED, ticket.number.to_string()).await?;
        }
        Ok(())
    }
}

minions::app! {
    #[no_main]
    pub struct Queue;
    Tickets => Clerk,
}

async fn exists(name: &str) -> Result<bool> {
    Ok(tokio::fs::try_exists(name).await?)
}

/// Lets `waiting` workflows wait, and then one after the other go on.
pub fn queue(waiting: u64, limit: u64) -> Result<(), String> {
    if waiting <= FEW || !waiting.is_multiple_of(1_000) {
        return Err(format!("`--lane {waiting}` is too few, or not in thousands; more than {FEW} show what one costs"));
    }
    let directory = tempfile::tempdir().map_err(told("a directory cannot be made"))?;
    let limit = Limit::new(limit << 20);
    // The head of the lane does not wait.
    let settings = [format!("tickets.count={}", waiting + 1), "minions.durability=process".to_owned()];
    let mut program = start(&limit, directory.path(), ROLE, &settings)?;
    let few = grown(&mut program, FEW)?;
    touch(directory.path(), MORE)?;
    let began = Instant::now();
    let many = grown(&mut program, waiting)?;
    let each = (many as f64 - few as f64) * 1024.0 / (waiting - FEW) as f64;
    println!(
        "{waiting} workflows wait in one lane after {:.1?}; each takes {each:.0} bytes of memory",
        began.elapsed()
    );
    ask(&program, waiting)?;
    touch(directory.path(), GO)?;
    let began = Instant::now();
    let ended = program.child.wait().map_err(told("the program cannot be waited for"))?;
    let took = began.elapsed();
    let served = fs::read_to_string(directory.path().join(SERVED)).unwrap_or_default();
    if !ended.success() || served != waiting.to_string() {
        return Err(format!("{served} of {waiting} had their turn in order, and the program ended with {ended}"));
    }
    println!("all had their turn in order within {took:.1?}, {:.0} a second", waiting as f64 / took.as_secs_f64());
    Ok(())
}

/// Waits until so many workflows wait; answers the memory of the program then, in KiB.
fn grown(program: &mut Program, waiting: u64) -> Result<u64, String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(ended) = program.child.try_wait().map_err(told("the program cannot be looked at"))? {
            return Err(format!("the program ended with {ended}: {}", program.log()));
        }
        // Until it listens it answers nobody.
        let status = program.order(&["ps", "--json"]).unwrap_or_default();
        if status["orchestrations"][0]["ledger"]["stored"] == waiting {
            thread::sleep(Duration::from_millis(500));
            return resident(program.child.id());
        }
        if Instant::now() > deadline {
            return Err(format!("after {PATIENCE:?} {waiting} do not wait: {status}"));
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// What an operator asks, how long the answer takes, and how long it is.
fn ask(program: &Program, waiting: u64) -> Result<(), String> {
    let timed = |order: &[&str]| {
        let began = Instant::now();
        let said = program.said(order)?;
        println!("`{}` answered {} bytes within {:.0?}", order.join(" "), said.len(), began.elapsed());
        Ok::<_, String>(said)
    };
    timed(&["ps"])?;
    let listed = timed(&["wf", "list", "--lane", LANE])?;
    let ids: Vec<_> = listed.lines().skip(1).filter_map(|line| line.split_ascii_whitespace().next()).collect();
    let last = ids.get(usize::try_from(waiting).unwrap_or(usize::MAX)).or(ids.last()).copied().unwrap_or_default();
    let shown = timed(&["wf", "show", last])?;
    println!("{shown}");
    timed(&["wf", "list", "--lane", LANE, "--json"])?;
    timed(&["wf", "list", "--lane", LANE, "--orchestration", ORCHESTRATION, "--event", "number=77", "--json"])?;
    Ok(())
}

fn touch(directory: &Path, name: &str) -> Result<(), String> {
    match fs::write(directory.join(name), "") {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(format!("`{name}` cannot be made: {error}")),
        _ => Ok(()),
    }
}
