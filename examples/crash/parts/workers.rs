//! Minions with steps of every temper.

use std::time::Duration;

use minions::minion::Emits as _;
use minions::prelude::*;

use super::Journal;
use crate::input::{End, Order, Parcel};
use crate::points::pass;

/// How far a workflow is, as its context says.
#[derive(Default, Serialize, Deserialize)]
pub struct Progress {
    /// Visits that have changed the context.
    pub done: u64,
    polled: bool,
    returned: bool,
}

/// Works on orders, and emits some more.
#[minion]
pub struct Clerk {
    journal: Dep<Journal>,
}

#[minion(emits(Order, Parcel))]
impl Clerk {
    async fn startup(&mut self) -> Result<()> {
        pass("minion", "startup");
        Ok(())
    }

    async fn shutdown(&self) -> Result<()> {
        pass("minion", "shutdown");
        Ok(())
    }

    #[minion_step(retry(attempts = 4, backoff = "2ms..10ms"))]
    async fn take(&self, order: &Order, progress: &mut Progress, wf: &Workflow) -> Result<()> {
        self.journal.enter(wf, &order.label(), progress.done)?;
        tokio::time::sleep(Duration::from_millis(order.number % 3)).await;
        fail(order.failures("take"), wf)?;
        self.journal.leave(wf, &mut progress.done);
        Ok(())
    }

    #[minion_step]
    async fn rest(&self, order: &Order, progress: &mut Progress, wf: &Workflow) -> Result<Flow> {
        self.journal.enter(wf, &order.label(), progress.done)?;
        self.journal.leave(wf, &mut progress.done);
        Ok(order.sleeps().map_or(Flow::Continue, Flow::sleep))
    }

    #[minion_step]
    async fn poll(&self, order: &Order, progress: &mut Progress, wf: &Workflow) -> Result<Flow> {
        self.journal.enter(wf, &order.label(), progress.done)?;
        self.journal.leave(wf, &mut progress.done);
        if order.polls() && !progress.polled {
            progress.polled = true;
            return Ok(Flow::again(Duration::from_millis(4), "it is not there yet"));
        }
        Ok(Flow::Continue)
    }

    /// Emits, and writes a row, with its checkpoint; nothing of that if it fails.
    #[minion_step(retry(attempts = 2, backoff = "1ms..1ms"))]
    async fn post(&self, order: &Order, progress: &mut Progress, wf: &Workflow) -> Result<()> {
        self.journal.enter(wf, &order.label(), progress.done)?;
        self.journal.post(wf, &order.label());
        let parcel = order.parcel();
        let key = parcel.label.clone();
        self.emit(wf, parcel).key(key);
        if let Some(next) = order.next() {
            self.emit(wf, next).after(Duration::from_millis(order.number % 7));
        }
        fail(order.failures("post"), wf)?;
        self.journal.leave(wf, &mut progress.done);
        Ok(())
    }

    #[minion_step]
    async fn wait(&self, order: &Order, progress: &mut Progress, wf: &Workflow) -> Result<Flow> {
        self.journal.enter(wf, &order.label(), progress.done)?;
        self.journal.leave(wf, &mut progress.done);
        Ok(if order.waits() { Flow::wait("nod", Duration::from_millis(6)) } else { Flow::Continue })
    }

    #[minion_step]
    async fn decide(&self, order: &Order, progress: &mut Progress, wf: &Workflow) -> Result<Flow> {
        self.journal.enter(wf, &order.label(), progress.done)?;
        tokio::time::sleep(Duration::from_millis(order.number % 4)).await;
        if order.end() == End::Fails {
            // Forgotten, because the step fails.
            progress.done += 100;
            return Err("planned: it will never work").terminal();
        }
        self.journal.leave(wf, &mut progress.done);
        Ok(match order.end() {
            End::Returns if !progress.returned => {
                progress.returned = true;
                Flow::to(Self::wait)
            }
            End::Aborts => Flow::abort("planned: nobody wants it"),
            End::IsDone => {
                self.journal.finish(wf, &order.label());
                Flow::Done
            }
            End::Finishes | End::Returns | End::Fails => Flow::Continue,
        })
    }

    #[minion_step]
    async fn finish(&self, order: &Order, progress: &mut Progress, wf: &Workflow) -> Result<()> {
        self.journal.enter(wf, &order.label(), progress.done)?;
        self.journal.finish(wf, &order.label());
        self.journal.leave(wf, &mut progress.done);
        Ok(())
    }

    #[minion_step(on_failure)]
    async fn refund(&self, order: &Order, progress: &mut Progress, wf: &Workflow) -> Result<()> {
        self.journal.enter(wf, &order.label(), progress.done)?;
        self.journal.finish(wf, &order.label());
        self.journal.leave(wf, &mut progress.done);
        Ok(())
    }
}

/// Looks at the messages too, but not at all of them, and at those of a lane one after another.
#[minion]
pub struct Auditor {
    journal: Dep<Journal>,
}

#[minion]
impl Auditor {
    fn accept(&self, order: &Order) -> bool {
        order.is_audited()
    }

    fn lane(order: &Order) -> u64 {
        order.lane()
    }

    #[minion_step(retry(attempts = 3, backoff = "1ms..5ms"))]
    async fn check(&self, order: &Order, progress: &mut Progress, wf: &Workflow) -> Result<Flow> {
        self.journal.enter(wf, &order.label(), progress.done)?;
        tokio::time::sleep(Duration::from_millis(order.number % 4)).await;
        fail(order.failures("check"), wf)?;
        self.journal.leave(wf, &mut progress.done);
        Ok(order.sleeps().map_or(Flow::Continue, Flow::sleep))
    }

    #[minion_step]
    async fn file(&self, order: &Order, progress: &mut Progress, wf: &Workflow) -> Result<()> {
        self.journal.enter(wf, &order.label(), progress.done)?;
        self.journal.finish(wf, &order.label());
        self.journal.leave(wf, &mut progress.done);
        Ok(())
    }
}

/// Carries what clerks emit, the parcels of a lane one after another.
#[minion]
pub struct Courier {
    journal: Dep<Journal>,
}

#[minion]
impl Courier {
    fn lane(parcel: &Parcel) -> u64 {
        parcel.lane()
    }

    #[minion_step(retry(attempts = 2, backoff = "1ms..5ms"))]
    async fn carry(&self, parcel: &Parcel, progress: &mut Progress, wf: &Workflow) -> Result<()> {
        self.journal.enter(wf, &parcel.label, progress.done)?;
        fail(parcel.failures(), wf)?;
        self.journal.leave(wf, &mut progress.done);
        Ok(())
    }

    #[minion_step]
    async fn hand(&self, parcel: &Parcel, progress: &mut Progress, wf: &Workflow) -> Result<()> {
        self.journal.enter(wf, &parcel.label, progress.done)?;
        self.journal.finish(wf, &parcel.label);
        self.journal.leave(wf, &mut progress.done);
        Ok(())
    }
}

/// The first so many attempts fail.
fn fail(failures: u32, wf: &Workflow) -> Result<()> {
    if wf.attempt() <= failures { Err("planned: it works only later".into()) } else { Ok(()) }
}
