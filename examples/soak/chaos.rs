//! What goes wrong, and where: the driver arms a trouble, and the component that it is meant for runs into it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use minions::prelude::*;
use parking_lot::Mutex;
use tokio::sync::watch;

/// A place in the life of a component where something can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    Startup,
    Run,
    Task,
    Next,
    Health,
    Shutdown,
    Step,
}

#[derive(Clone, Copy, Debug)]
pub enum Trouble {
    Fails,
    Panics,
    /// Never ends; in a step, until the driver lets everyone go.
    Hangs,
    /// Holds its thread for so long.
    Blocks(Duration),
    /// Takes so long, and then works.
    Dawdles(Duration),
}

/// The driver's end; clones are the same.
#[derive(Clone, Default)]
pub struct Saboteur(Arc<Inner>);

#[derive(Default)]
struct Inner {
    armed: Mutex<HashMap<(String, Place), Trouble>>,
    /// Counts what the components should look at: a new trouble, or the end of all.
    news: watch::Sender<u64>,
}

impl Saboteur {
    /// The next time that `component` comes to `place` it runs into `trouble`, once.
    pub fn arm(&self, component: &str, place: Place, trouble: Trouble) {
        self.0.armed.lock().insert((component.to_owned(), place), trouble);
        self.0.news.send_modify(|news| *news += 1);
    }

    /// Takes back what nobody has run into, and lets go of the steps that hang.
    pub fn disarm(&self) {
        self.0.armed.lock().clear();
        self.0.news.send_modify(|news| *news += 1);
    }

    fn take(&self, component: &str, place: Place) -> Option<Trouble> {
        self.0.armed.lock().remove(&(component.to_owned(), place))
    }

    /// Nothing is armed any more.
    fn peace(&self) -> bool {
        self.0.armed.lock().is_empty()
    }
}

/// The components' end.
#[resource]
pub struct Chaos {
    #[default]
    saboteur: Saboteur,
}

#[resource]
impl Chaos {
    /// Runs into what is armed for this place, if anything is.
    pub async fn meet(&self, component: &str, place: Place) -> Result<()> {
        let Some(trouble) = self.saboteur.take(component, place) else { return Ok(()) };
        match trouble {
            Trouble::Fails => Err(format!("planned: {component} fails in {place:?}").into()),
            Trouble::Panics => panic!("planned: {component} panics in {place:?}"),
            Trouble::Hangs if place == Place::Step => {
                let mut news = self.saboteur.0.news.subscribe();
                // The sender lives in `self`.
                let _ = news.wait_for(|_| self.saboteur.peace()).await;
                Ok(())
            }
            Trouble::Hangs => std::future::pending().await,
            Trouble::Blocks(time) => {
                std::thread::sleep(time);
                Ok(())
            }
            Trouble::Dawdles(time) => {
                tokio::time::sleep(time).await;
                Ok(())
            }
        }
    }

    /// Works until it is asked to stop, or runs into trouble.
    pub async fn work(&self, component: &str, place: Place, stop: &Stop) -> Result<()> {
        let mut news = self.saboteur.0.news.subscribe();
        loop {
            news.mark_unchanged();
            self.meet(component, place).await?;
            tokio::select! {
                () = stop.requested() => return Ok(()),
                _ = news.changed() => {}
            }
        }
    }
}

impl Chaos {
    pub fn of(saboteur: Saboteur) -> Self {
        Self { saboteur }
    }
}

/// Counts the values of each component that exist.
static ALIVE: Mutex<Vec<(&'static str, i64)>> = Mutex::new(Vec::new());

/// Lies in a component for as long as its value exists.
pub struct Alive(&'static str);

impl Alive {
    pub fn new(component: &'static str) -> Self {
        Self::count(component, 1);
        Self(component)
    }

    fn count(component: &'static str, change: i64) {
        let mut alive = ALIVE.lock();
        match alive.iter_mut().find(|(known, _)| *known == component) {
            Some((_, count)) => *count += change,
            None => alive.push((component, change)),
        }
    }

    /// How many values of each component exist.
    pub fn all() -> HashMap<&'static str, i64> {
        ALIVE.lock().iter().copied().filter(|(_, count)| *count != 0).collect()
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        Self::count(self.0, -1);
    }
}
