//! Sources of every temper.

use std::time::Duration;

use minions::component::Component;
use minions::pipeline::Next;
use minions::prelude::*;

use super::resources::{Archive, Feed, Net, Pool, Vault};
use crate::chaos::{Alive, Chaos, Place};
use crate::ledger::{Event, Ledger};

macro_rules! source {
    ($name:ident on $Need:ident, $self:ident => $answer:expr) => {
        #[pipeline]
        pub struct $name {
            chaos: Dep<Chaos>,
            ledger: Dep<Ledger>,
            need: Dep<$Need>,
            #[default]
            calls: u64,
            #[default(Alive::new(<Self as Component>::NAME))]
            _alive: Alive,
        }

        #[pipeline(idle = "5ms")]
        impl $name {
            async fn startup(&mut self) -> Result<()> {
                self.chaos.meet(Self::NAME, Place::Startup).await
            }

            async fn next(&mut $self) -> Result<Next<Event>> {
                $self.chaos.meet(Self::NAME, Place::Next).await?;
                $self.need.work().await;
                $self.calls += 1;
                // Nothing is awaited from here on, so an event in the ledger is one that is returned.
                $answer
            }

            async fn shutdown(&mut self) -> Result<()> {
                self.chaos.meet(Self::NAME, Place::Shutdown).await
            }
        }
    };
}

source!(Ready on Net, self => Ok(self.ledger.produce(Self::NAME).map_or(Next::Idle, Next::Event)));

source!(Idle on Pool, self => Ok(match self.calls % 2 {
    0 => self.ledger.produce(Self::NAME).map_or(Next::Idle, Next::Event),
    _ => Next::IdleFor(Duration::from_millis(1)),
}));

source!(Failing on Vault, self => match self.calls % 8 {
    0 => Err("planned: every eighth call fails".into()),
    _ => Ok(self.ledger.produce(Self::NAME).map_or(Next::Idle, Next::Event)),
});

source!(Panicky on Feed, self => match self.ledger.produce(Self::NAME) {
    Some(event) if self.ledger.is_too_much(&event) => panic!("planned: the source panics now and then"),
    Some(event) => Ok(Next::Event(event)),
    None => Ok(Next::Idle),
});

source!(Ending on Archive, self => Ok(match self.calls {
    ..60 => match self.ledger.produce(Self::NAME) {
        Some(event) => Next::Event(event),
        None => {
            self.calls -= 1;
            Next::Idle
        }
    },
    _ => Next::End,
}));
