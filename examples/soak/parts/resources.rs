//! Eighteen resources in four layers; with the saboteur's and the ledger's they are twenty.

use minions::component::{Component, Tasks};
use minions::prelude::*;

use crate::chaos::{Alive, Chaos, Place};

macro_rules! resource {
    ($(#[$with:ident])? $name:ident [$($need:ident: $Need:ident),*]) => {
        #[resource]
        pub struct $name {
            chaos: Dep<Chaos>,
            $($need: Dep<$Need>,)*
            tasks: Tasks,
            #[default(Alive::new(<Self as Component>::NAME))]
            _alive: Alive,
        }

        #[resource]
        impl $name {
            async fn startup(&mut self) -> Result<()> {
                self.chaos.meet(Self::NAME, Place::Startup).await?;
                resource!(@tasks $($with)? self);
                Ok(())
            }

            async fn run(&self, stop: Stop) -> Result<()> {
                self.chaos.work(Self::NAME, Place::Run, &stop).await
            }

            async fn shutdown(&self) -> Result<()> {
                self.chaos.meet(Self::NAME, Place::Shutdown).await
            }

            async fn health(&self) -> Health {
                match self.chaos.meet(Self::NAME, Place::Health).await {
                    Ok(()) => Health::Healthy,
                    Err(error) => Health::Unhealthy(error.to_string()),
                }
            }

            /// Works, with everything that it stands on.
            pub async fn work(&self) {
                let _ = &self.tasks;
                $(self.$need.work().await;)*
            }
        }
    };
    (@tasks $self:ident) => {};
    (@tasks tasks $self:ident) => {
        for _ in 0..2 {
            let chaos = $self.chaos.clone();
            let work = async move |stop: Stop| chaos.work(Self::NAME, Place::Task, &stop).await;
            $self.tasks.spawn("helper", work);
        }
    };
}

resource!(Net []);
resource!(#[tasks] Disk []);
resource!(Clock []);
resource!(Vault []);
resource!(#[tasks] Pool []);

resource!(Cache [net: Net, disk: Disk]);
resource!(Auth [vault: Vault, clock: Clock]);
resource!(#[tasks] Queue [pool: Pool]);
resource!(Index [disk: Disk]);
resource!(Feed [net: Net, clock: Clock]);

resource!(Search [index: Index, cache: Cache]);
resource!(#[tasks] Session [auth: Auth, cache: Cache]);
resource!(Mail [queue: Queue, auth: Auth]);
resource!(Report [feed: Feed, index: Index]);

resource!(Portal [search: Search, session: Session]);
resource!(Digest [mail: Mail, report: Report]);
resource!(#[tasks] Archive [report: Report, disk: Disk]);
resource!(Gateway [session: Session, queue: Queue]);
