//! A running program, its model, and what was done to it so far.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use minions_core::Gru;
use minions_core::gru::{Control, ControlError, RuntimePhase, StartError, StopMode};
use minions_core::supervise::RestartPolicy;
use minions_core::testing::FaultyStore;

use super::dice::Dice;
use super::model::{Model, NEEDS, ORCHESTRATIONS, PIPELINES};
use super::stage::{Alpha, Beta, Four, Gamma, Hook, One, Stage, Three, Trouble, Two};

pub(super) struct Program {
    pub(super) gru: Gru,
    pub(super) control: Control,
    pub(super) stage: Stage,
    pub(super) store: FaultyStore,
    pub(super) dice: Dice,
    pub(super) model: Model,
    /// Events that no orchestration has taken yet, by pipeline.
    pub(super) waiting: BTreeMap<&'static str, Vec<u64>>,
    pub(super) events: u64,
    pub(super) history: Vec<String>,
}

impl Program {
    /// Starts the program of a seed, with some of its orchestrations.
    pub(super) async fn start(seed: u64) -> Self {
        let (mut dice, stage, store) = (Dice::new(seed), Stage::default(), FaultyStore::new());
        let mut model = Model { limit: dice.below(3) as u32, ..Model::default() };
        let mut with = [false; ORCHESTRATIONS.len()];
        for (start, (id, ..)) in with.iter_mut().zip(ORCHESTRATIONS) {
            *start = dice.one_in(4);
            if *start {
                model.start(id);
            }
        }
        let policy = RestartPolicy::on_failure()
            .backoff(Duration::from_millis(100), Duration::from_secs(1))
            .jitter(0.0)
            .limit(model.limit)
            .reset(Duration::MAX);
        let mut builder = Gru::builder()
            .orchestrate_with::<Alpha, One>(|options| options.start(with[0]))
            .orchestrate_with::<Alpha, Two>(|options| options.start(with[1]))
            .orchestrate_with::<Beta, Three>(|options| options.start(with[2]))
            .orchestrate_with::<Beta, Four>(|options| options.id("eu").start(with[3]))
            .orchestrate_with::<Gamma, Four>(|options| options.id("us").start(with[4]))
            .orchestrate_with::<Gamma, Three>(|options| options.start(with[5]))
            .provide(stage.clone())
            .store(store.clone())
            .startup_deadline(Duration::from_secs(5))
            .shutdown_deadline(Duration::from_secs(10))
            .restart(policy);
        for (name, _) in NEEDS {
            if dice.one_in(6) {
                model.frail.insert(name);
                builder = builder.restart_of(*name, RestartPolicy::never());
            }
        }
        let gru = builder.start().await.expect("nothing is in its way");
        let control = gru.control();
        let history = vec![format!("start with {:?}", model.running())];
        let waiting = BTreeMap::new();
        let mut program = Self { gru, control, stage, store, dice, model, waiting, events: 0, history };
        program.compare();
        program
    }

    /// Waits for an answer that must come within virtual minutes.
    pub(super) async fn answer<T>(&mut self, what: impl Future<Output = T>) -> T {
        match timeout(Duration::from_secs(300), what).await {
            Ok(answer) => answer,
            Err(_) => self.fail("it never answers"),
        }
    }

    /// Lets everything come to rest.
    pub(super) async fn settle(&mut self) {
        sleep(Duration::from_secs(40)).await;
    }

    /// Compares everything that can be seen with the model.
    pub(super) fn compare(&mut self) {
        let snapshot = self.control.snapshot();
        let mut wrong = self.model.compare(&snapshot);
        if snapshot.phase != RuntimePhase::Running {
            wrong.push(format!("the program is {:?}", snapshot.phase));
        }
        let (seen, expected) = (self.stage.up(), self.model.instances());
        if seen != expected {
            wrong.push(format!("instances:\n      seen     {seen:?}\n      expected {expected:?}"));
        }
        wrong.extend(self.stage.wrong());
        if !wrong.is_empty() {
            self.fail(&wrong.join("\n    "));
        }
    }

    /// Compares the steps that have run with those that should have.
    pub(super) fn compare_steps(&mut self) {
        let mut expected = Vec::new();
        for pipeline in PIPELINES {
            let fed = self.model.fed_by(pipeline);
            if fed.is_empty() || self.model.paused.contains(pipeline) {
                continue;
            }
            for event in self.waiting.remove(pipeline).unwrap_or_default() {
                expected.extend(fed.iter().map(|id| (id.clone(), event)));
            }
        }
        expected.sort();
        let seen = self.stage.steps();
        if seen != expected {
            self.fail(&format!("steps:\n      seen     {seen:?}\n      expected {expected:?}"));
        }
    }

    pub(super) fn push(&mut self, pipeline: &'static str) {
        self.events += 1;
        self.waiting.entry(pipeline).or_default().push(self.events);
        self.stage.push(pipeline, self.events);
    }

    pub(super) fn fail(&self, what: &str) -> ! {
        let rules = format!("restarts {}, never for {:?}", self.model.limit, self.model.frail);
        panic!("\n  {rules}\n  {}\n  and then\n    {what}\n", self.history.join("\n  "));
    }

    pub(super) fn mode(&mut self) -> StopMode {
        self.dice.pick(&[StopMode::Drain, StopMode::Park, StopMode::Now])
    }

    pub(super) fn trouble(&mut self) -> Trouble {
        self.dice.pick(&[Trouble::Fails, Trouble::Panics, Trouble::Hangs])
    }

    /// Shuts the program down, whatever is under way; nothing of it may be left.
    pub(super) async fn end(mut self) {
        let trouble = self.dice.one_in(2).then(|| (self.dice.pick(NEEDS).0, self.trouble()));
        if let Some((component, trouble)) = trouble {
            self.stage.arm(component, Hook::Shutdown, trouble);
        }
        let mode = self.mode();
        self.history.push(format!("shutdown {mode:?} with {trouble:?}"));
        let control = self.control.clone();
        let both = async { tokio::join!(control.shutdown(mode), control.shutdown(None)) };
        let (Ok(first), Ok(second)) = self.answer(both).await else { self.fail("the shutdown is refused") };
        if !Arc::ptr_eq(&first, &second) {
            self.fail("two who shut it down get different reports");
        }
        let refused = self.answer(control.start(ORCHESTRATIONS[0].0)).await;
        if !matches!(refused, Err(StartError::Refused(ControlError::ShuttingDown))) {
            self.fail(&format!("a start after the shutdown answers {refused:?}"));
        }
        let hits = self.stage.hits();
        let failed: Vec<_> =
            first.phases.iter().filter(|phase| phase.error.is_some()).map(|phase| &*phase.name).collect();
        if hits.iter().any(|(name, _)| !failed.iter().any(|failed| failed.split('@').next() == Some(*name))) {
            self.fail(&format!("{hits:?} are not in the report: {first}"));
        }
        let snapshot = control.snapshot();
        let mut wrong = self.stage.wrong_at_the_end();
        if snapshot.phase != RuntimePhase::Stopped || !snapshot.resources.is_empty() || !snapshot.pipelines.is_empty() {
            wrong.push(format!("something is left: {snapshot:?}"));
        }
        let Self { gru, stage, history, .. } = self;
        drop(gru);
        sleep(Duration::from_secs(40)).await;
        if !stage.is_alone() {
            wrong.push("something of the program is left in memory".to_owned());
        }
        assert!(wrong.is_empty(), "\n  {}\n  and then\n    {}\n", history.join("\n  "), wrong.join("\n    "));
    }
}
