//! The components of the random programs: they do what they are told, and write down what is done to them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::pending;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

use minions_core::Result;
use minions_core::component::{Assembly, Component, Dep, Inject, Need, Stop};
use minions_core::minion::{Flow, Minion, StepInfo};
use minions_core::pipeline::{Next, Pipeline, Produces};
use minions_core::resource::Resource;
use minions_core::workflow::{Workflow, WorkflowId};

/// Where a component gets into trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hook {
    Create,
    Startup,
    Shutdown,
}

/// What its trouble is, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    Fails,
    Panics,
    Hangs,
}

/// How a component breaks while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Break {
    Fails,
    Panics,
    /// A background task returns; a source panics, because one that returns only ends.
    Returns,
}

/// Shared by the test and the components of its program.
#[derive(Clone, Default)]
pub(super) struct Stage(Arc<Shared>);

#[derive(Default)]
struct Shared {
    inner: Mutex<Inner>,
    /// Counts what sources and background tasks should look at.
    changes: watch::Sender<u64>,
}

#[derive(Default)]
struct Inner {
    instances: Vec<Instance>,
    troubles: BTreeMap<(&'static str, Hook), Trouble>,
    hits: Vec<(&'static str, Hook)>,
    queues: BTreeMap<&'static str, VecDeque<u64>>,
    /// Those that have ended.
    steps: Vec<(String, u64)>,
    /// The workflows that are at a step.
    running: BTreeSet<WorkflowId>,
    wrong: Vec<String>,
}

struct Instance {
    name: &'static str,
    /// The instances that it was given.
    uses: Vec<usize>,
    life: Life,
    /// Steps under way.
    steps: usize,
    startups: u32,
    shutdowns: u32,
    broken: Option<Break>,
    ends: bool,
    dropped: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Made,
    Starting,
    Up,
    Stopping,
    Down,
}

impl Stage {
    /// Lets the next call of a hook get into trouble.
    pub(super) fn arm(&self, component: &'static str, hook: Hook, trouble: Trouble) {
        self.0.inner.lock().troubles.insert((component, hook), trouble);
    }

    pub(super) fn disarm(&self) {
        self.0.inner.lock().troubles.clear();
    }

    /// Who got into trouble since the last call.
    pub(super) fn hits(&self) -> Vec<(&'static str, Hook)> {
        std::mem::take(&mut self.0.inner.lock().hits)
    }

    /// Breaks every instance of the component that is up; false if there is none.
    pub(super) fn breaks(&self, component: &'static str, how: Break) -> bool {
        self.each_up(component, |instance| instance.broken = Some(how))
    }

    /// Ends the source.
    pub(super) fn end(&self, pipeline: &'static str) -> bool {
        self.each_up(pipeline, |instance| instance.ends = true)
    }

    fn each_up(&self, component: &'static str, change: impl Fn(&mut Instance)) -> bool {
        let mut inner = self.0.inner.lock();
        let up = |instance: &&mut Instance| instance.name == component && instance.life == Life::Up;
        let found = inner.instances.iter_mut().filter(up).map(change).count();
        drop(inner);
        self.0.changes.send_modify(|changes| *changes += 1);
        found > 0
    }

    /// Gives a source something to say.
    pub(super) fn push(&self, pipeline: &'static str, event: u64) {
        self.0.inner.lock().queues.entry(pipeline).or_default().push_back(event);
        self.0.changes.send_modify(|changes| *changes += 1);
    }

    /// The steps that have run since the last call, in the order of their orchestrations and events.
    pub(super) fn steps(&self) -> Vec<(String, u64)> {
        let mut steps = std::mem::take(&mut self.0.inner.lock().steps);
        steps.sort();
        steps
    }

    /// Which components have an instance that is up, and how many.
    pub(super) fn up(&self) -> BTreeMap<&'static str, usize> {
        let mut up = BTreeMap::new();
        for instance in self.0.inner.lock().instances.iter().filter(|instance| instance.life != Life::Down) {
            *up.entry(instance.name).or_default() += 1;
        }
        up
    }

    /// What was done wrong so far.
    pub(super) fn wrong(&self) -> Vec<String> {
        self.0.inner.lock().wrong.clone()
    }

    /// What is wrong after everything has been taken down.
    pub(super) fn wrong_at_the_end(&self) -> Vec<String> {
        let inner = self.0.inner.lock();
        let mut wrong = inner.wrong.clone();
        for (number, instance) in inner.instances.iter().enumerate() {
            let ended = (instance.startups, instance.shutdowns, instance.life, instance.dropped);
            if ended != (1, 1, Life::Down, true) {
                wrong.push(format!(
                    "instance {number} of {}: (startups, shutdowns, life, dropped) = {ended:?}",
                    instance.name
                ));
            }
        }
        wrong
    }

    /// Whether nobody but the caller holds the stage: every component and every task of the program is gone.
    pub(super) fn is_alone(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    async fn hook(&self, component: &'static str, hook: Hook) -> Result<()> {
        let trouble = {
            let mut inner = self.0.inner.lock();
            let trouble = inner.troubles.remove(&(component, hook));
            inner.hits.extend(trouble.map(|_| (component, hook)));
            trouble
        };
        match trouble {
            None => {
                // Hooks take their time, so that others come in between.
                tokio::task::yield_now().await;
                Ok(())
            }
            Some(Trouble::Fails) => Err(format!("{component} fails in {hook:?}").into()),
            // Past the panic hook, which would spell each of them out.
            Some(Trouble::Panics) => resume_unwind(Box::new(format!("{component} panics in {hook:?}"))),
            Some(Trouble::Hangs) => pending().await,
        }
    }

    fn made(&self, name: &'static str, uses: Vec<usize>) -> Own {
        let mut inner = self.0.inner.lock();
        let number = inner.instances.len();
        inner.instances.push(Instance {
            name,
            uses,
            life: Life::Made,
            steps: 0,
            startups: 0,
            shutdowns: 0,
            broken: None,
            ends: false,
            dropped: false,
        });
        Own { stage: self.clone(), number }
    }
}

/// What a component has of the stage.
struct Own {
    stage: Stage,
    number: usize,
}

impl Own {
    fn note(&self, note: impl FnOnce(&mut Inner, usize)) {
        note(&mut self.stage.0.inner.lock(), self.number);
    }

    fn name(&self) -> &'static str {
        self.stage.0.inner.lock().instances[self.number].name
    }

    async fn startup(&self, shared: bool) -> Result<()> {
        self.note(|inner, number| {
            let name = inner.instances[number].name;
            let twin = |(other, instance): (usize, &Instance)| {
                shared && other != number && instance.name == name && !matches!(instance.life, Life::Made | Life::Down)
            };
            let twins = inner.instances.iter().enumerate().filter(|other| twin(*other)).count();
            let early: Vec<_> = inner.instances[number]
                .uses
                .iter()
                .map(|used| &inner.instances[*used])
                .filter(|used| used.life != Life::Up)
                .map(|used| format!("{name} starts on {}, which is {:?}", used.name, used.life))
                .collect();
            inner.wrong.extend(early);
            if twins > 0 {
                inner.wrong.push(format!("{name} starts beside another instance"));
            }
            inner.instances[number].startups += 1;
            inner.instances[number].life = Life::Starting;
        });
        self.stage.hook(self.name(), Hook::Startup).await?;
        self.note(|inner, number| inner.instances[number].life = Life::Up);
        Ok(())
    }

    async fn run(&self, stop: Stop) -> Result<()> {
        let mut changes = self.stage.0.changes.subscribe();
        loop {
            let broken = self.stage.0.inner.lock().instances[self.number].broken;
            match broken {
                None => {}
                Some(Break::Fails) => return Err(format!("{} breaks", self.name()).into()),
                Some(Break::Panics) => resume_unwind(Box::new(format!("{} breaks", self.name()))),
                Some(Break::Returns) => return Ok(()),
            }
            tokio::select! {
                () = stop.requested() => return Ok(()),
                _ = changes.changed() => {}
            }
        }
    }

    async fn next(&self) -> Result<Next<u64>> {
        let mut changes = self.stage.0.changes.subscribe();
        loop {
            {
                let mut inner = self.stage.0.inner.lock();
                let instance = &inner.instances[self.number];
                let (name, ends) = (instance.name, instance.ends);
                if instance.life != Life::Up {
                    let wrong = format!("next of {name} is called while it is {:?}", instance.life);
                    inner.wrong.push(wrong);
                } else if instance.broken.is_some() {
                    drop(inner);
                    resume_unwind(Box::new(format!("{name} breaks")));
                }
                if let Some(event) = inner.queues.entry(name).or_default().pop_front() {
                    return Ok(Next::Event(event));
                }
                if ends {
                    return Ok(Next::End);
                }
            }
            // The sender lives in the stage.
            let _ = changes.changed().await;
        }
    }

    async fn shutdown(&self) -> Result<()> {
        self.note(|inner, number| {
            let (name, startups) = (inner.instances[number].name, inner.instances[number].startups);
            if inner.instances[number].steps > 0 {
                inner.wrong.push(format!("{name} is shut down under its steps"));
            }
            if startups == 0 {
                inner.wrong.push(format!("{name} is shut down although it was not started"));
            }
            let users = inner.instances.iter().filter(|user| user.uses.contains(&number) && user.life != Life::Down);
            let users: Vec<_> = users
                .map(|user| format!("{name} is shut down under {}, which is {:?}", user.name, user.life))
                .collect();
            inner.wrong.extend(users);
            inner.instances[number].shutdowns += 1;
            inner.instances[number].life = Life::Stopping;
        });
        let _down = Down(self);
        self.stage.hook(self.name(), Hook::Shutdown).await
    }

    /// A step, which takes its time: longer the greater the rest of the event.
    async fn step(&self, event: u64, workflow: &Workflow) {
        let _running = Running::begin(self, workflow);
        tokio::time::sleep(Duration::from_millis(event % 5 * 400)).await;
        self.note(|inner, _| inner.steps.push((workflow.orchestration().to_owned(), event)));
    }
}

/// A step under way.
struct Running<'a> {
    own: &'a Own,
    id: WorkflowId,
}

impl<'a> Running<'a> {
    fn begin(own: &'a Own, workflow: &Workflow) -> Self {
        let id = workflow.id();
        own.note(|inner, number| {
            let (name, life) = (inner.instances[number].name, inner.instances[number].life);
            if life != Life::Up {
                inner.wrong.push(format!("a step of {name} begins while it is {life:?}"));
            }
            if !inner.running.insert(id) {
                inner.wrong.push(format!("a workflow of {name} runs twice at the same time"));
            }
            inner.instances[number].steps += 1;
        });
        Self { own, id }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.own.note(|inner, number| {
            inner.running.remove(&self.id);
            inner.instances[number].steps -= 1;
        });
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.note(|inner, number| inner.instances[number].dropped = true);
    }
}

/// However a shutdown hook ends, its component is down.
struct Down<'a>(&'a Own);

impl Drop for Down<'_> {
    fn drop(&mut self) {
        self.0.note(|inner, number| inner.instances[number].life = Life::Down);
    }
}

macro_rules! component {
    ($type:ident, $name:literal, $id:literal, [$($need:ident),*]) => {
        pub(super) struct $type(Own);

        impl Component for $type {
            const NAME: &'static str = $name;
            const ID: &'static str = $id;
            const FIELDS: &'static [Need] = &[Need::provided::<Stage>(), $(Dep::<$need>::NEED),*];

            fn assemble(cx: &Assembly) -> Result<Self> {
                let uses = vec![$(Dep::<$need>::inject(cx)?.0.number),*];
                Ok(Self(stage(cx).made($name, uses)))
            }
        }
    };
}

fn stage(cx: &Assembly) -> Arc<Stage> {
    cx.provided::<Stage>().expect("checked by the resolver")
}

macro_rules! create {
    () => {
        async fn create(cx: Assembly) -> Result<Self> {
            stage(&cx).hook(Self::NAME, Hook::Create).await?;
            Self::assemble(&cx)
        }
    };
}

macro_rules! hooks {
    ($shared:literal) => {
        create!();

        async fn startup(&mut self) -> Result<()> {
            self.0.startup($shared).await
        }

        async fn run(&self, stop: Stop) -> Result<()> {
            self.0.run(stop).await
        }

        async fn shutdown(&self) -> Result<()> {
            self.0.shutdown().await
        }
    };
}

macro_rules! resource {
    ($type:ident, $name:literal, $needs:tt) => {
        component!($type, $name, $name, $needs);

        impl Resource for $type {
            hooks!(true);
        }
    };
}

macro_rules! pipeline {
    ($type:ident, $name:literal, $id:literal, $needs:tt) => {
        component!($type, $name, $id, $needs);

        impl Produces<u64> for $type {}

        impl Pipeline for $type {
            type Event = u64;

            create!();

            async fn startup(&mut self) -> Result<()> {
                self.0.startup(true).await
            }

            async fn next(&mut self) -> Result<Next<u64>> {
                self.0.next().await
            }

            async fn shutdown(&mut self) -> Result<()> {
                self.0.shutdown().await
            }
        }
    };
}

macro_rules! minion {
    ($type:ident, $name:literal, $id:literal, $needs:tt) => {
        component!($type, $name, $id, $needs);

        impl Minion for $type {
            type Event = u64;
            type Context = ();
            const STEPS: &'static [StepInfo] = &[StepInfo::new("only")];

            hooks!(false);

            async fn step<'a>(&'a self, _: usize, event: &'a u64, (): &'a mut (), wf: &'a Workflow) -> Result<Flow> {
                self.0.step(*event, wf).await;
                Ok(Flow::Continue)
            }
        }
    };
}

resource!(Base, "base", []);
resource!(Left, "left", [Base]);
resource!(Right, "right", [Base]);
resource!(Top, "top", [Left, Right]);
resource!(Lone, "lone", []);
pipeline!(Alpha, "alpha", "alpha", [Left]);
pipeline!(Beta, "beta", "declared-beta", [Top]);
pipeline!(Gamma, "gamma", "gamma", []);
minion!(One, "one", "one", [Right]);
minion!(Two, "two", "second", [Lone]);
minion!(Three, "three", "three", []);
minion!(Four, "four", "four", [Base, Top]);
