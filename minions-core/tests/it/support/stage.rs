//! Components that do in each of their hooks what the test says, and tell what happened to them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc;

use minions_core::component::{Assembly, Component, Dep, Inject, Need, Stop, Tasks};
use minions_core::gru::{Control, Snapshot, State};
use minions_core::minion::{Flow, Minion, StepInfo};
use minions_core::pipeline::{Next, Pipeline, Produces};
use minions_core::resource::Resource;
use minions_core::store::MemoryStore;
use minions_core::supervise::RestartPolicy;
use minions_core::testing::Gate;
use minions_core::workflow::Workflow;
use minions_core::{Error, Gru, GruBuilder, Result};

use super::Job;

/// What a hook does.
#[derive(Clone)]
pub(crate) enum Plan {
    Fail,
    Panic,
    Hang,
    /// Waits until the gate is open.
    Wait(Gate),
}

/// What happened so far, and what is to happen.
#[derive(Clone, Default)]
pub(crate) struct Stage(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    lines: Vec<String>,
    plans: HashMap<String, Plan>,
    /// Lets the background task of a component fail.
    breaks: HashMap<&'static str, mpsc::UnboundedSender<()>>,
    events: HashMap<&'static str, mpsc::UnboundedSender<Said>>,
    tasks: HashMap<&'static str, Tasks>,
    steps: Vec<(&'static str, u64)>,
}

enum Said {
    Next(Result<Next<Job>>),
    Panic,
}

impl Stage {
    /// What the hook `at`, such as `base startup`, does from now on.
    pub(crate) fn plan(&self, at: &str, plan: Plan) {
        self.0.lock().plans.insert(at.to_owned(), plan);
    }

    /// Lets all hooks succeed again.
    pub(crate) fn forget(&self) {
        self.0.lock().plans.clear();
    }

    /// Fails the background task of `component`.
    pub(crate) fn fail(&self, component: &'static str) {
        let inner = self.0.lock();
        inner.breaks.get(component).expect("it has been started").send(()).expect("it runs");
    }

    /// The background tasks of `component`.
    pub(crate) fn tasks(&self, component: &'static str) -> Tasks {
        self.0.lock().tasks[component].clone()
    }

    /// Makes the pipeline produce an event.
    pub(crate) fn event(&self, pipeline: &'static str, number: u64) {
        self.say(pipeline, Said::Next(Ok(Next::Event(Job { number }))));
    }

    pub(crate) fn end(&self, pipeline: &'static str) {
        self.say(pipeline, Said::Next(Ok(Next::End)));
    }

    /// Lets one call of `next` fail.
    pub(crate) fn error(&self, pipeline: &'static str) {
        self.say(pipeline, Said::Next(Err(Error::new("next says no"))));
    }

    /// Lets one call of `next` panic.
    pub(crate) fn panic(&self, pipeline: &'static str) {
        self.say(pipeline, Said::Panic);
    }

    fn say(&self, pipeline: &'static str, said: Said) {
        let inner = self.0.lock();
        assert!(inner.events[pipeline].send(said).is_ok(), "`{pipeline}` does not run");
    }

    /// What happened, in order.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().lines.clone()
    }

    /// How often something happened.
    pub(crate) fn count(&self, line: &str) -> usize {
        self.0.lock().lines.iter().filter(|known| *known == line).count()
    }

    /// The steps that have ended, as minion and number of the event, sorted.
    pub(crate) fn steps(&self) -> Vec<(&'static str, u64)> {
        let mut steps = self.0.lock().steps.clone();
        steps.sort_unstable();
        steps
    }

    async fn at(&self, line: &str) -> Result<()> {
        let plan = {
            let mut inner = self.0.lock();
            inner.lines.push(line.to_owned());
            inner.plans.get(line).cloned()
        };
        match plan {
            None => Ok(()),
            Some(Plan::Fail) => Err(format!("{line} says no").into()),
            Some(Plan::Panic) => panic!("{line} panics"),
            Some(Plan::Hang) => std::future::pending().await,
            Some(Plan::Wait(gate)) => {
                gate.pass().await;
                Ok(())
            }
        }
    }

    async fn run(&self, component: &'static str, stop: Stop) -> Result<()> {
        let (breaks, mut broken) = mpsc::unbounded_channel();
        self.0.lock().breaks.insert(component, breaks);
        tokio::select! {
            () = stop.requested() => self.at(&format!("{component} run ends")).await,
            Some(()) = broken.recv() => Err(format!("{component} breaks").into()),
        }
    }
}

macro_rules! component {
    ($type:ident, $name:literal, [$($need:ident),*]) => {
        pub(crate) struct $type {
            stage: Stage,
            #[expect(dead_code, reason = "a component holds what it needs")]
            needs: ($(Dep<$need>,)*),
        }

        impl Component for $type {
            const NAME: &'static str = $name;
            const FIELDS: &'static [Need] = &[Need::provided::<Stage>(), $(Dep::<$need>::NEED),*];

            fn assemble(cx: &Assembly) -> Result<Self> {
                let stage = Stage::clone(&*cx.provided::<Stage>().unwrap());
                stage.0.lock().tasks.insert($name, Tasks::inject(cx)?);
                Ok(Self { stage, needs: ($(Dep::<$need>::inject(cx)?,)*) })
            }
        }
    };
}

macro_rules! hooks {
    ($name:literal) => {
        async fn create(cx: Assembly) -> Result<Self> {
            let this = Self::assemble(&cx)?;
            this.stage.at(concat!($name, " create")).await?;
            Ok(this)
        }

        async fn startup(&mut self) -> Result<()> {
            self.stage.at(concat!($name, " startup")).await
        }

        async fn run(&self, stop: Stop) -> Result<()> {
            self.stage.run($name, stop).await
        }

        async fn shutdown(&self) -> Result<()> {
            self.stage.at(concat!($name, " shutdown")).await
        }
    };
}

macro_rules! resource {
    ($type:ident, $name:literal, [$($need:ident),*]) => {
        component!($type, $name, [$($need),*]);

        impl Resource for $type {
            hooks!($name);
        }
    };
}

macro_rules! minion {
    ($type:ident, $name:literal, [$($need:ident),*]) => {
        component!($type, $name, [$($need),*]);

        impl Minion for $type {
            type Event = Job;
            type Context = ();
            const STEPS: &'static [StepInfo] = &[StepInfo::new("one"), StepInfo::new("two")];

            hooks!($name);

            async fn step<'a>(&'a self, index: usize, job: &'a Job, (): &'a mut (), _: &'a Workflow) -> Result<Flow> {
                self.stage.at(&format!("{} {} {}", $name, Self::STEPS[index].name, job.number)).await?;
                if index == 1 {
                    self.stage.0.lock().steps.push(($name, job.number));
                }
                Ok(Flow::Continue)
            }
        }
    };
}

macro_rules! pipeline {
    ($type:ident, $held:ident, $name:literal, [$($need:ident),*]) => {
        component!($held, $name, [$($need),*]);

        pub(crate) struct $type {
            held: $held,
            said: mpsc::UnboundedReceiver<Said>,
        }

        impl Component for $type {
            const NAME: &'static str = $name;
            const FIELDS: &'static [Need] = $held::FIELDS;

            fn assemble(cx: &Assembly) -> Result<Self> {
                let held = $held::assemble(cx)?;
                let (say, said) = mpsc::unbounded_channel();
                held.stage.0.lock().events.insert($name, say);
                Ok(Self { held, said })
            }
        }

        impl Pipeline for $type {
            type Event = Job;

            async fn create(cx: Assembly) -> Result<Self> {
                let this = Self::assemble(&cx)?;
                this.held.stage.at(concat!($name, " create")).await?;
                Ok(this)
            }

            async fn startup(&mut self) -> Result<()> {
                self.held.stage.at(concat!($name, " startup")).await
            }

            async fn next(&mut self) -> Result<Next<Job>> {
                match self.said.recv().await {
                    Some(Said::Next(next)) => next,
                    Some(Said::Panic) => panic!("next panics"),
                    None => Ok(Next::End),
                }
            }

            async fn shutdown(&mut self) -> Result<()> {
                self.held.stage.at(concat!($name, " shutdown")).await
            }
        }

        impl Produces<Job> for $type {}
    };
}

// A diamond, `left` and `right` over `base`, and something apart.
resource!(Base, "base", []);
resource!(Left, "left", [Base]);
resource!(Right, "right", [Base]);
resource!(Apart, "apart", []);
pipeline!(Odd, OddParts, "odd", [Left]);
pipeline!(Even, EvenParts, "even", []);
minion!(First, "first", [Left, Right]);
minion!(Second, "second", [Apart]);

/// A program that starts nothing by itself: `odd/first`, `odd/second` and `even/second`.
pub(crate) fn on_demand(stage: &Stage) -> GruBuilder {
    Gru::builder()
        .orchestrate_with::<Odd, First>(|options| options.start(false))
        .orchestrate_with::<Odd, Second>(|options| options.start(false))
        .orchestrate_with::<Even, Second>(|options| options.start(false))
        .provide(stage.clone())
        .store(MemoryStore::new())
        .restart(RestartPolicy::never())
        .startup_deadline(Duration::from_secs(2))
        .shutdown_deadline(Duration::from_secs(2))
}

/// It runs, with the control of it.
pub(crate) async fn idle(stage: &Stage) -> (Gru, Control) {
    let gru = on_demand(stage).start().await.expect("nothing is started yet");
    let control = gru.control();
    (gru, control)
}

/// The state of an orchestration, if there is one of that id.
pub(crate) fn state(control: &Control, id: &str) -> Option<State> {
    let snapshot = control.snapshot();
    let found = snapshot.orchestrations.iter().find(|orchestration| orchestration.id == id);
    found.map(|orchestration| orchestration.state)
}

/// The live resources, and who uses them.
pub(crate) fn users(snapshot: &Snapshot) -> Vec<(&'static str, Vec<&str>)> {
    snapshot
        .resources
        .iter()
        .map(|resource| (resource.name, resource.used_by.iter().map(String::as_str).collect()))
        .collect()
}
