//! The program that the tests of this crate run, written by hand, without macros.
//!
//! What it does is decided from outside: `gate.address` is a socket on which the test hears of every point that
//! `gates` names and says how it goes on there.

#![expect(clippy::print_stdout, reason = "the tests read what it prints")]

use std::process::ExitCode;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use minions_app::{App, Args, StateDir};
use minions_core::component::{Assembly, Component, Dep, Health, Inject, Need, Stop};
use minions_core::config::{Config, Secret};
use minions_core::limit::{Bounds, Limit, LimitInfo, LimitedMethod, Outcome};
use minions_core::minion::{Flow, Minion, StepInfo};
use minions_core::pipeline::{Next, Pipeline, Produces};
use minions_core::resource::{Call, Resource, TrackedMethod};
use minions_core::workflow::Workflow;
use minions_core::{Error, GruBuilder, Result};
use minions_sqlite::{StateFile, WithCheckpoint as _};

/// Answers at the points where the test wants to be asked.
struct Gate {
    settings: Config<GateSettings>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct GateSettings {
    address: Option<String>,
    /// The points at which the test is asked; everything else goes on at once.
    gates: Vec<String>,
    token: Option<Secret<String>>,
}

impl Component for Gate {
    const NAME: &'static str = "gate";
    const LOCATION: minions_core::component::Location = minions_core::location!();
    const FIELDS: &'static [Need] = &[Config::<GateSettings>::NEED];

    fn assemble(cx: &Assembly) -> Result<Self> {
        Ok(Self { settings: Config::inject(cx)? })
    }
}

/// So many that nobody ever waits.
const PASSING: Limit = Limit::new(Bounds::new().concurrency(1_000));

impl Resource for Gate {
    const LIMITS: &'static [LimitInfo] = &[LimitInfo::new("pass", PASSING)];

    async fn startup(&mut self) -> Result<()> {
        if let Some(token) = &self.settings.token {
            tracing::info!(length = token.expose().len(), "has a token");
        }
        self.ask("startup").await
    }

    async fn run(&self, stop: Stop) -> Result<()> {
        let asked = self.ask("run");
        tokio::select! {
            () = stop.requested() => Ok(()),
            answer = asked => match answer {
                Ok(()) => {
                    stop.requested().await;
                    Ok(())
                }
                lost => lost,
            },
        }
    }

    async fn shutdown(&self) -> Result<()> {
        self.ask("shutdown").await
    }

    async fn health(&self) -> Health {
        match self.ask("health").await {
            Ok(()) => Health::Healthy,
            Err(error) => Health::unhealthy(error.to_string()),
        }
    }
}

impl Gate {
    async fn pass(&self, point: &str) -> Result<()> {
        static PASS: TrackedMethod = TrackedMethod::new("gate", "pass");
        static LIMIT: LimitedMethod = LimitedMethod::new("gate", "pass", PASSING);
        let permit = LIMIT.ask(self, String::new).taken().await?;
        let call = Call::begin(&PASS);
        let answer = call.scope(self.ask(point)).await;
        call.end(answer.is_err());
        permit.end(Outcome::of(&answer));
        answer
    }

    async fn ask(&self, point: &str) -> Result<()> {
        let name = point.split(' ').next().unwrap_or(point);
        let (Some(address), true) = (&self.settings.address, self.settings.gates.iter().any(|gate| gate == name))
        else {
            return Ok(());
        };
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(format!("{point}\n").as_bytes()).await?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).await?;
        match answer.trim() {
            "go" => Ok(()),
            "fail" => Err(Error::new("the test said no").context(format!("cannot pass {name}"))),
            "panic" => panic!("the test said so"),
            // What a careless component does: it keeps the thread, not just the future.
            "block" => loop {
                std::thread::park();
            },
            _ => std::future::pending().await,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Number {
    n: u32,
}

struct Numbers {
    gate: Dep<Gate>,
    settings: Config<NumbersSettings>,
    next: u32,
    failed: bool,
}

#[derive(Deserialize)]
struct NumbersSettings {
    /// How many numbers there are.
    count: u32,
    /// Whether the source stays when they are all told.
    #[serde(default)]
    stay: bool,
    /// Whether the first attempt fails.
    #[serde(default)]
    stumble: bool,
}

impl Component for Numbers {
    const NAME: &'static str = "numbers";
    const FIELDS: &'static [Need] = &[Dep::<Gate>::NEED, Config::<NumbersSettings>::NEED];

    fn assemble(cx: &Assembly) -> Result<Self> {
        Ok(Self { gate: Dep::inject(cx)?, settings: Config::inject(cx)?, next: 0, failed: false })
    }
}

impl Produces<Number> for Numbers {}

impl Pipeline for Numbers {
    type Event = Number;

    async fn next(&mut self) -> Result<Next<Number>> {
        if self.settings.stumble && !self.failed {
            self.failed = true;
            return Err("stumbled".into());
        }
        if self.next < self.settings.count {
            self.next += 1;
            return Ok(Next::Event(Number { n: self.next }));
        }
        self.gate.ask("end").await?;
        if self.settings.stay {
            std::future::pending::<()>().await;
        }
        Ok(Next::End)
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Trace {
    steps: Vec<String>,
}

struct Worker {
    gate: Dep<Gate>,
    own: Args<Own>,
    state: StateDir,
}

impl Component for Worker {
    const NAME: &'static str = "worker";
    const FIELDS: &'static [Need] = &[Dep::<Gate>::NEED, Args::<Own>::NEED, StateDir::NEED];

    fn assemble(cx: &Assembly) -> Result<Self> {
        Ok(Self { gate: Dep::inject(cx)?, own: Args::inject(cx)?, state: StateDir::inject(cx)? })
    }
}

impl Minion for Worker {
    type Event = Number;
    type Context = Trace;

    const STEPS: &'static [StepInfo] =
        &[StepInfo::new("first").at(minions_core::location!()), StepInfo::new("second"), StepInfo::new("third")];

    async fn startup(&mut self) -> Result<()> {
        println!("state {}", self.state.display());
        println!("greeting {}", self.own.greeting.as_deref().unwrap_or("none"));
        Ok(())
    }

    async fn step<'a>(
        &'a self,
        index: usize,
        event: &'a Number,
        context: &'a mut Trace,
        workflow: &'a Workflow,
    ) -> Result<Flow> {
        let step = Self::STEPS[index].name;
        println!("{step} {} again={}", event.n, workflow.may_have_run());
        tracing::info!(n = event.n, "works");
        self.gate.pass(&format!("{step} {}", event.n)).await?;
        context.steps.push(step.to_owned());
        Ok(Flow::Continue)
    }
}

/// A minion that books numbers in a table of its own, up to nine.
struct Bookkeeper {
    file: StateFile,
}

impl Component for Bookkeeper {
    const NAME: &'static str = "bookkeeper";
    const FIELDS: &'static [Need] = &[StateFile::NEED];

    fn assemble(cx: &Assembly) -> Result<Self> {
        Ok(Self { file: StateFile::inject(cx)? })
    }
}

impl Minion for Bookkeeper {
    type Event = Number;
    type Context = ();

    const STEPS: &'static [StepInfo] = &[StepInfo::new("book"), StepInfo::new("file")];

    async fn startup(&mut self) -> Result<()> {
        self.file.migrate("books", &["CREATE TABLE booked (n INTEGER PRIMARY KEY CHECK (n < 10)) STRICT"]).await?;
        Ok(())
    }

    async fn step<'a>(&'a self, _: usize, number: &'a Number, (): &'a mut (), wf: &'a Workflow) -> Result<Flow> {
        // Both steps book: the first with a checkpoint, the second with the end.
        let n = if wf.step() == "book" { number.n } else { number.n + 4 };
        wf.with_checkpoint(move |tx| {
            tx.execute("INSERT INTO booked (n) VALUES (?1)", [n])?;
            Ok(())
        });
        Ok(Flow::Continue)
    }
}

/// A minion with a section of its own, one orchestration for each file of a pattern.
struct Auditor {
    settings: Config<AuditorSettings>,
}

#[derive(Deserialize)]
struct AuditorSettings {
    depth: u8,
    #[serde(default)]
    key: Option<Secret<String>>,
}

impl Component for Auditor {
    const NAME: &'static str = "auditor";
    const FIELDS: &'static [Need] = &[Config::<AuditorSettings>::NEED];

    fn assemble(cx: &Assembly) -> Result<Self> {
        Ok(Self { settings: Config::inject(cx)? })
    }
}

impl Minion for Auditor {
    type Event = Number;
    type Context = ();

    const STEPS: &'static [StepInfo] = &[StepInfo::new("audit")];

    async fn step<'a>(&'a self, _: usize, _: &'a Number, (): &'a mut (), _: &'a Workflow) -> Result<Flow> {
        println!("audit depth={} key={}", self.settings.depth, self.settings.key.is_some());
        Ok(Flow::Done)
    }
}

/// What only the clerk needs.
struct Desk {
    gate: Dep<Gate>,
}

impl Component for Desk {
    const NAME: &'static str = "desk";
    const FIELDS: &'static [Need] = &[Dep::<Gate>::NEED];

    fn assemble(cx: &Assembly) -> Result<Self> {
        Ok(Self { gate: Dep::inject(cx)? })
    }
}

impl Resource for Desk {
    async fn startup(&mut self) -> Result<()> {
        self.gate.ask("desk-startup").await
    }

    async fn shutdown(&self) -> Result<()> {
        self.gate.ask("desk-shutdown").await
    }
}

/// A source that never ends: a letter for each time that the test says so.
struct Letters {
    gate: Dep<Gate>,
    next: u32,
}

impl Component for Letters {
    const NAME: &'static str = "letters";
    const FIELDS: &'static [Need] = &[Dep::<Gate>::NEED];

    fn assemble(cx: &Assembly) -> Result<Self> {
        Ok(Self { gate: Dep::inject(cx)?, next: 0 })
    }
}

impl Produces<Number> for Letters {}

impl Pipeline for Letters {
    type Event = Number;

    async fn next(&mut self) -> Result<Next<Number>> {
        self.gate.ask("letter").await?;
        self.next += 1;
        if self.next > 1 {
            std::future::pending::<()>().await;
        }
        Ok(Next::Event(Number { n: self.next }))
    }
}

/// A minion that runs only on demand.
struct Clerk {
    gate: Dep<Gate>,
    _desk: Dep<Desk>,
}

impl Component for Clerk {
    const NAME: &'static str = "clerk";
    const FIELDS: &'static [Need] = &[Dep::<Gate>::NEED, Dep::<Desk>::NEED];

    fn assemble(cx: &Assembly) -> Result<Self> {
        Ok(Self { gate: Dep::inject(cx)?, _desk: Dep::inject(cx)? })
    }
}

impl Minion for Clerk {
    type Event = Number;
    type Context = ();

    const STEPS: &'static [StepInfo] = &[StepInfo::new("stamp"), StepInfo::new("file")];

    async fn startup(&mut self) -> Result<()> {
        self.gate.ask("clerk-startup").await
    }

    async fn shutdown(&self) -> Result<()> {
        self.gate.ask("clerk-shutdown").await
    }

    async fn step<'a>(&'a self, index: usize, event: &'a Number, (): &'a mut (), _: &'a Workflow) -> Result<Flow> {
        let step = Self::STEPS[index].name;
        println!("{step} {}", event.n);
        self.gate.ask(&format!("{step} {}", event.n)).await?;
        Ok(Flow::Continue)
    }
}

// What this program takes beside what every program takes.
#[derive(clap::Args)]
struct Own {
    /// What to greet with
    #[arg(long)]
    greeting: Option<String>,
}

fn main() -> ExitCode {
    let variant = std::env::var("IT_APP");
    let builder = match variant.as_deref() {
        Ok("audited") => GruBuilder::new()
            .orchestrate::<Numbers, Worker>()
            .orchestrate_with::<Numbers, Auditor>(|o| o.config("audit-*.toml")),
        Ok("office") => GruBuilder::new()
            .orchestrate::<Numbers, Worker>()
            .orchestrate_with::<Numbers, Auditor>(|o| o.start(false))
            .orchestrate_with::<Letters, Clerk>(|o| o.start(false)),
        Ok("booked") => GruBuilder::new().orchestrate::<Numbers, Bookkeeper>(),
        Ok("empty") => GruBuilder::new(),
        _ => GruBuilder::new().orchestrate::<Numbers, Worker>(),
    };
    let app = App::new(builder).about("Counts, under the eyes of a test").args::<Own>();
    if variant.as_deref() == Ok("quiet") { app.without_logs().without_metrics().main() } else { app.main() }
}
