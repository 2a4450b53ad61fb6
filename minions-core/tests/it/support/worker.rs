//! A minion of three steps that do what the test says.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use minions_core::Result;
use minions_core::component::{Assembly, Component, Need};
use minions_core::minion::{Flow, Minion, StepId, StepInfo};
use minions_core::testing::Gate;
use minions_core::workflow::Workflow;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) number: u64,
}

/// The names of the steps that have run, which each step adds to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Trail {
    pub(crate) steps: Vec<String>,
    /// Makes the context impossible to encode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) poison: Option<Poison>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Poison;

impl Serialize for Poison {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("poison cannot be written"))
    }
}

type Act = dyn Fn(Workflow, Job, Trail) -> BoxFuture<'static, Result<(Flow, Trail)>> + Send + Sync;

/// What steps do, and what they were.
#[derive(Clone)]
pub(crate) struct Script {
    act: Arc<Act>,
    ran: Arc<Mutex<Vec<(u64, &'static str)>>>,
}

impl Script {
    /// Calls `act` in every step, after the step has added itself to the trail.
    pub(crate) fn new<F>(act: impl Fn(Workflow, Job, Trail) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(Flow, Trail)>> + Send + 'static,
    {
        Self { act: Arc::new(move |workflow, job, trail| Box::pin(act(workflow, job, trail))), ran: Arc::default() }
    }

    /// Goes on from step to step.
    pub(crate) fn plain() -> Self {
        Self::new(|_, _, trail| async { Ok((Flow::Continue, trail)) })
    }

    /// Goes on from step to step, but waits at `gate` in those that `held` names.
    pub(crate) fn held(gate: &Gate, held: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        let gate = gate.clone();
        Self::new(move |workflow, _, trail| {
            let gate = held(workflow.step()).then(|| gate.clone());
            async move {
                if let Some(gate) = gate {
                    gate.pass().await;
                }
                Ok((Flow::Continue, trail))
            }
        })
    }

    /// Answers `flow` in `step`, and goes on in the others.
    pub(crate) fn at(step: &'static str, flow: impl Fn() -> Result<Flow> + Send + Sync + 'static) -> Self {
        Self::new(move |workflow, _, trail| {
            let flow = if workflow.step() == step { flow() } else { Ok(Flow::Continue) };
            async move { Ok((flow?, trail)) }
        })
    }

    /// What a step of another minion does, without a trail.
    pub(crate) async fn run(&self, workflow: &Workflow, job: &Job) -> Result<Flow> {
        self.ran.lock().push((job.number, workflow.step()));
        Ok((self.act)(workflow.clone(), job.clone(), Trail::default()).await?.0)
    }

    /// Which steps have begun so far, of which event, in order.
    pub(crate) fn ran(&self) -> Vec<(u64, &'static str)> {
        self.ran.lock().clone()
    }

    /// Which steps of the event `number` have begun so far, in order.
    pub(crate) fn ran_of(&self, number: u64) -> Vec<&'static str> {
        self.ran.lock().iter().filter(|(of, _)| *of == number).map(|(_, step)| *step).collect()
    }
}

pub(crate) struct Worker(Script);

impl Worker {
    pub(crate) async fn first(&self) {}
    pub(crate) async fn third(&self) {}
}

impl Component for Worker {
    const NAME: &'static str = "worker";
    const FIELDS: &'static [Need] = &[Need::provided::<Script>()];

    fn assemble(cx: &Assembly) -> Result<Self> {
        Ok(Self(Script::clone(&*cx.provided::<Script>().expect("checked by the resolver"))))
    }
}

impl Minion for Worker {
    type Event = Job;
    type Context = Trail;
    const STEPS: &'static [StepInfo] = &[StepInfo::new("first"), StepInfo::new("second"), StepInfo::new("third")];

    async fn step<'a>(&'a self, index: usize, job: &'a Job, trail: &'a mut Trail, wf: &'a Workflow) -> Result<Flow> {
        let step = Self::STEPS[index].name;
        assert_eq!(step, wf.step());
        self.0.ran.lock().push((job.number, step));
        trail.steps.push(step.to_owned());
        let (flow, left) = (self.0.act)(wf.clone(), job.clone(), trail.clone()).await?;
        *trail = left;
        Ok(flow)
    }

    fn position(step: StepId) -> Option<usize> {
        let known = [StepId::of_fn(&Self::first), StepId::of::<()>(), StepId::of_fn(&Self::third)];
        known.iter().position(|id| *id == step)
    }
}

/// What the minion of an earlier version left, or this one could not read.
pub(crate) mod old {
    use serde_json::{Value, json};

    use super::*;

    /// `Worker` as it was: another context, and a step that is gone since. It stays at the gate in the step
    /// `removed` if the number is 100 or more, otherwise in `second`; the context of odd numbers is no [`Trail`].
    pub(crate) struct OldWorker(Gate);

    impl Component for OldWorker {
        const NAME: &'static str = "worker";
        const FIELDS: &'static [Need] = &[Need::provided::<Gate>()];

        fn assemble(cx: &Assembly) -> Result<Self> {
            Ok(Self(Gate::clone(&*cx.provided::<Gate>().expect("checked by the resolver"))))
        }
    }

    impl OldWorker {
        async fn removed(&self) {}
    }

    impl Minion for OldWorker {
        type Event = Job;
        type Context = Value;
        const STEPS: &'static [StepInfo] = &[StepInfo::new("first"), StepInfo::new("second"), StepInfo::new("removed")];

        async fn step<'a>(
            &'a self,
            index: usize,
            job: &'a Job,
            context: &'a mut Value,
            _: &'a Workflow,
        ) -> Result<Flow> {
            if index > 0 {
                self.0.pass().await;
            }
            *context = if job.number % 2 == 1 { json!({"odd": true}) } else { json!({"steps": ["first"]}) };
            Ok(if job.number >= 100 { Flow::to(Self::removed) } else { Flow::Continue })
        }

        fn position(step: StepId) -> Option<usize> {
            (step == StepId::of_fn(&Self::removed)).then_some(2)
        }
    }
}
