//! Minions of three steps, which tell the ledger of each.

use std::time::Duration;

use minions::component::Component;
use minions::prelude::*;

use super::resources::{Archive, Digest, Gateway, Portal, Search};
use crate::chaos::{Alive, Chaos, Place};
use crate::ledger::{Event, Ledger};

/// The steps of all of them, in order.
pub const STEPS: [&str; 3] = ["first", "second", "third"];

/// How many steps a workflow has behind it, to see that contexts are not mixed up.
#[derive(Default, Serialize, Deserialize)]
pub struct Progress {
    event: u64,
    steps: usize,
}

macro_rules! minion {
    ($name:ident takes $millis:literal [$($need:ident: $Need:ident),*]) => {
        #[minion]
        pub struct $name {
            chaos: Dep<Chaos>,
            ledger: Dep<Ledger>,
            $($need: Dep<$Need>,)*
            #[default(Alive::new(<Self as Component>::NAME))]
            _alive: Alive,
        }

        #[minion]
        impl $name {
            async fn startup(&mut self) -> Result<()> {
                self.chaos.meet(Self::NAME, Place::Startup).await
            }

            async fn run(&self, stop: Stop) -> Result<()> {
                self.chaos.work(Self::NAME, Place::Run, &stop).await
            }

            async fn shutdown(&self) -> Result<()> {
                self.chaos.meet(Self::NAME, Place::Shutdown).await
            }

            #[minion_step]
            async fn first(&self, event: &Event, progress: &mut Progress, wf: &Workflow) -> Result<()> {
                progress.event = event.number;
                self.take(0, event, progress, wf).await
            }

            #[minion_step]
            async fn second(&self, event: &Event, progress: &mut Progress, wf: &Workflow) -> Result<()> {
                self.take(1, event, progress, wf).await
            }

            #[minion_step]
            async fn third(&self, event: &Event, progress: &mut Progress, wf: &Workflow) -> Result<()> {
                self.take(2, event, progress, wf).await
            }
        }

        impl $name {
            async fn take(&self, step: usize, event: &Event, progress: &mut Progress, wf: &Workflow) -> Result<()> {
                let entry = self.ledger.enter(wf, step, event, (progress.event, progress.steps));
                $(self.$need.work().await;)*
                self.chaos.meet(Self::NAME, Place::Step).await?;
                // Long enough for a stop to come in between.
                match event.number % ($millis + 1) {
                    0 => {}
                    millis => tokio::time::sleep(Duration::from_millis(millis)).await,
                }
                progress.steps += 1;
                entry.leave();
                Ok(())
            }
        }
    };
}

minion!(Copier takes 2 [search: Search, archive: Archive]);
minion!(Checker takes 5 [portal: Portal]);
minion!(Slow takes 20 [digest: Digest, gateway: Gateway]);
minion!(Fragile takes 3 [portal: Portal, digest: Digest]);
