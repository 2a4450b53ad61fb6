//! A minion whose first step is tried three times, and which may have a step that deals with failures.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use minions_core::component::{Assembly, Component, Need};
use minions_core::minion::{Flow, History, Minion, Retry, StepInfo};
use minions_core::testing::{Events, Source};
use minions_core::workflow::Workflow;
use minions_core::{Gru, GruBuilder, Result};
use tokio::time::Instant;

use super::Job;

/// What the steps note in their context, also when they fail.
pub(crate) type Notes = Vec<String>;

type Act = dyn Fn(Workflow, Job) -> BoxFuture<'static, Result<Flow>> + Send + Sync;

/// What its steps do, and when they have begun.
#[derive(Clone)]
pub(crate) struct Acts {
    act: Arc<Act>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// One attempt as the step saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) at: Instant,
    pub(crate) number: u64,
    pub(crate) workflow: Workflow,
    /// The context at its beginning.
    pub(crate) notes: Notes,
}

impl Acts {
    pub(crate) fn new<F>(act: impl Fn(Workflow, Job) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Flow>> + Send + 'static,
    {
        Self { act: Arc::new(move |workflow, job| Box::pin(act(workflow, job))), seen: Arc::default() }
    }

    /// Decides at once.
    pub(crate) fn answer(act: impl Fn(&Workflow) -> Result<Flow> + Send + Sync + 'static) -> Self {
        Self::new(move |workflow, _| {
            let answer = act(&workflow);
            async { answer }
        })
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().clone()
    }

    /// The steps and attempts so far, in order: `fetch 1`.
    pub(crate) fn attempts(&self) -> Vec<String> {
        self.seen().iter().map(|seen| format!("{} {}", seen.workflow.step(), seen.workflow.attempt())).collect()
    }
}

/// `CLEANS` says whether it has the step `cleanup`, which deals with failures.
pub(crate) struct Careful<const CLEANS: bool>(Acts);

pub(crate) const FIRST_PAUSE: Duration = Duration::from_secs(2);
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

impl<const CLEANS: bool> Component for Careful<CLEANS> {
    const NAME: &'static str = "careful";
    const FIELDS: &'static [Need] = &[Need::provided::<Acts>()];

    fn assemble(cx: &Assembly) -> Result<Self> {
        Ok(Self(Acts::clone(&*cx.provided::<Acts>().expect("checked by the resolver"))))
    }
}

const STEPS: &[StepInfo] = &[
    StepInfo::new("fetch").retry(Retry::attempts(3).backoff(FIRST_PAUSE, Duration::from_secs(60))).timeout(TIMEOUT),
    StepInfo::new("record"),
    StepInfo::new("cleanup").on_failure(),
];

impl<const CLEANS: bool> Minion for Careful<CLEANS> {
    type Event = Job;
    type Context = Notes;
    const STEPS: &'static [StepInfo] = if CLEANS { STEPS } else { STEPS.split_at(2).0 };
    const HISTORY: History = History::last(2);

    async fn step<'a>(&'a self, index: usize, job: &'a Job, notes: &'a mut Notes, wf: &'a Workflow) -> Result<Flow> {
        assert_eq!(Self::STEPS[index].name, wf.step());
        let seen = Seen { at: Instant::now(), number: job.number, workflow: wf.clone(), notes: notes.clone() };
        self.0.seen.lock().push(seen);
        notes.push(format!("{} {}", wf.step(), wf.attempt()));
        (self.0.act)(wf.clone(), job.clone()).await
    }
}

/// `Source => Careful`, without a step for failures.
pub(crate) fn careful(events: &Events<Job>, acts: &Acts) -> GruBuilder {
    Gru::builder().orchestrate::<Source<Job>, Careful<false>>().provide(events.source()).provide(acts.clone())
}

/// The same with a step for failures.
pub(crate) fn cleaning(events: &Events<Job>, acts: &Acts) -> GruBuilder {
    Gru::builder().orchestrate::<Source<Job>, Careful<true>>().provide(events.source()).provide(acts.clone())
}
