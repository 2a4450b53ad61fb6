//! Pipelines with a cursor or an inlet, and a minion that does not take everything.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

use minions_core::Result;
use minions_core::component::{Assembly, Component, Inject, Need};
use minions_core::minion::{Flow, Minion, StepInfo};
use minions_core::pipeline::{Cursor, Delivery, Inlet, Next, Pipeline, Produces};
use minions_core::supervise::RestartPolicy;
use minions_core::workflow::Workflow;

use super::{Job, Script};

/// What a [`Tape`] has on it: the jobs `0..length`, in `tracks` partitions that take turns.
#[derive(Clone)]
pub(crate) struct Reel {
    pub(crate) length: u64,
    pub(crate) tracks: u64,
    /// `next` panics before it gives this one, once.
    pub(crate) panics_at: Arc<AtomicU64>,
    /// From where each instance went on.
    pub(crate) began: Arc<Mutex<Vec<u64>>>,
    /// Whether it ends after its last job.
    pub(crate) ends: bool,
}

impl Reel {
    pub(crate) fn of(length: u64) -> Self {
        Self { length, tracks: 1, panics_at: Arc::new(u64::MAX.into()), began: Arc::default(), ends: true }
    }
}

/// Gives the jobs of a [`Reel`], from where its cursor is.
pub(crate) struct Tape {
    reel: Reel,
    cursor: Cursor<u64>,
    at: u64,
}

impl Tape {
    fn track(&self, number: u64) -> Cursor<u64> {
        match self.reel.tracks {
            1 => self.cursor.clone(),
            tracks => self.cursor.partition((number % tracks).to_string()),
        }
    }

    /// The first job that no track has given.
    fn position(&self) -> Result<u64> {
        let mut first = u64::MAX;
        for track in 0..self.reel.tracks {
            // A position is the number of the next job of its track.
            first = first.min(self.track(track).get()?.unwrap_or(track));
        }
        Ok(first)
    }
}

impl Component for Tape {
    const NAME: &'static str = "tape";
    const FIELDS: &'static [Need] = &[Need::provided::<Reel>(), Cursor::<u64>::NEED];
    const RESTART: Option<RestartPolicy> =
        Some(RestartPolicy::on_failure().backoff(Duration::from_millis(1), Duration::from_millis(2)).limit(10_000));

    fn assemble(cx: &Assembly) -> Result<Self> {
        let reel = Reel::clone(&*cx.provided::<Reel>().expect("checked by the resolver"));
        Ok(Self { reel, cursor: Cursor::inject(cx)?, at: 0 })
    }
}

impl Pipeline for Tape {
    type Event = Job;

    async fn startup(&mut self) -> Result<()> {
        self.at = self.position()?;
        self.reel.began.lock().push(self.at);
        Ok(())
    }

    async fn next(&mut self) -> Result<Next<Job>> {
        loop {
            if self.at >= self.reel.length {
                return if self.reel.ends { Ok(Next::End) } else { std::future::pending().await };
            }
            let number = self.at;
            let track = self.track(number);
            self.at += 1;
            if track.get()?.is_some_and(|next| next > number) {
                continue;
            }
            if self.reel.panics_at.compare_exchange(number, u64::MAX, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
                panic!("the tape tears at {number}");
            }
            let after = number + self.reel.tracks;
            return Ok(Delivery::new(Job { number }).at(track.position(&after)).into());
        }
    }
}

impl Produces<Job> for Tape {}

/// Where the test finds the inlet of a [`Hook`].
#[derive(Clone)]
pub(crate) struct Handle {
    inlet: watch::Sender<Option<Inlet<Job>>>,
    /// What `next` answers, if it answers.
    pub(crate) next: Arc<Mutex<Option<u64>>>,
}

impl Handle {
    pub(crate) fn new() -> Self {
        Self { inlet: watch::Sender::new(None), next: Arc::default() }
    }

    /// The inlet of the instance that was started last.
    pub(crate) async fn inlet(&self) -> Inlet<Job> {
        let mut inlet = self.inlet.subscribe();
        let inlet = inlet.wait_for(Option::is_some).await.expect("the sender is here");
        inlet.clone().expect("waited for")
    }
}

/// Gives what comes through its inlet, and what the handle says beside it.
pub(crate) struct Hook {
    handle: Handle,
    inlet: Inlet<Job>,
}

impl Component for Hook {
    const NAME: &'static str = "hook";
    const FIELDS: &'static [Need] = &[Need::provided::<Handle>(), Inlet::<Job>::NEED];

    fn assemble(cx: &Assembly) -> Result<Self> {
        let handle = Handle::clone(&*cx.provided::<Handle>().expect("checked by the resolver"));
        Ok(Self { handle, inlet: Inlet::inject(cx)? })
    }
}

impl Pipeline for Hook {
    type Event = Job;

    async fn startup(&mut self) -> Result<()> {
        self.handle.inlet.send_replace(Some(self.inlet.clone()));
        Ok(())
    }

    async fn next(&mut self) -> Result<Next<Job>> {
        let number = *self.handle.next.lock();
        match number {
            Some(number) => Ok(Next::Event(Job { number })),
            None => std::future::pending().await,
        }
    }
}

impl Produces<Job> for Hook {}

/// Takes even jobs only, and panics when it is asked about number 13. Its one step does what the script says of `first`.
pub(crate) struct Picky(Script);

impl Component for Picky {
    const NAME: &'static str = "picky";
    const FIELDS: &'static [Need] = &[Need::provided::<Script>()];

    fn assemble(cx: &Assembly) -> Result<Self> {
        Ok(Self(Script::clone(&*cx.provided::<Script>().expect("checked by the resolver"))))
    }
}

impl Minion for Picky {
    type Event = Job;
    type Context = ();
    const STEPS: &'static [StepInfo] = &[StepInfo::new("look")];

    fn accept(&self, job: &Job) -> bool {
        assert!(job.number != 13, "thirteen is too much");
        job.number.is_multiple_of(2)
    }

    async fn step<'a>(&'a self, _: usize, job: &'a Job, (): &'a mut (), wf: &'a Workflow) -> Result<Flow> {
        self.0.run(wf, job).await
    }
}
