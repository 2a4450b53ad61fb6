//! Where events come from: a pass over the tree, then what changes in it.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use minions::config::duration;
use minions::prelude::*;
use tokio::sync::mpsc;

use super::catalog::Catalog;
use super::screen::Screen;
use super::tree::{Bounds, Tree};

mod changes;
mod walk;
mod watch;

use changes::Changes;
use walk::{Walk, Walker};
use watch::Watch;

/// Somebody should look at this path: it was found, has changed, or went away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// Relative to the root, with `/`.
    pub path: String,
}

/// Section `[scan]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScanSettings {
    /// The directory to watch.
    root: PathBuf,
    /// Whether to go on with what changes, or to end after one pass.
    follow: bool,
    /// How long to gather changes before they are looked at; a file is often written in several goes.
    #[serde(with = "duration")]
    settle: Duration,
    /// How often to go through the tree where the system cannot tell of all changes in it.
    #[serde(with = "duration")]
    poll: Duration,
}

impl Default for ScanSettings {
    fn default() -> Self {
        Self { root: ".".into(), follow: true, settle: Duration::from_millis(50), poll: Duration::from_secs(30) }
    }
}

/// Goes through the tree on a thread of its own, and hands its sightings to the minions one by one.
#[pipeline]
pub struct Scan {
    tree: Dep<Tree>,
    catalog: Dep<Catalog>,
    screen: Dep<Screen>,
    settings: Config<ScanSettings>,
    #[default]
    changes: Arc<Changes>,
    #[default]
    bounds: Option<Arc<Bounds>>,
    #[default]
    walking: Option<Walking>,
    /// Paths that are known to need a look, not yet handed out.
    #[default]
    ready: VecDeque<String>,
    #[default]
    sweep: Option<Sweep>,
}

/// The thread that walks, and what it finds; it waits while nobody takes that.
struct Walking {
    thread: JoinHandle<()>,
    found: mpsc::Receiver<Walk>,
}

/// Rows at and below `at` that nobody has looked at since `since` are handed out, page by page.
struct Sweep {
    at: String,
    since: u64,
    after: Option<String>,
}

/// How many sightings the walker may be ahead.
const AHEAD: usize = 256;
/// How many rows are read at once.
const PAGE: usize = 256;

#[pipeline]
impl Scan {
    async fn startup(&mut self) -> Result<()> {
        self.bounds = Some(self.tree.open(&self.settings.root)?);
        Ok(())
    }

    async fn next(&mut self) -> Result<Next<Sighting>> {
        loop {
            if let Some(path) = self.ready.pop_front() {
                self.screen.found();
                return Ok(Sighting { path }.into());
            }
            if let Some(sweep) = &mut self.sweep {
                let page = self.catalog.sweep(&sweep.at, sweep.since, sweep.after.as_deref(), PAGE).await?;
                sweep.after = page.last().cloned();
                if page.len() < PAGE {
                    self.sweep = None;
                }
                self.ready.extend(page);
                continue;
            }
            let walking = match &mut self.walking {
                Some(walking) => walking,
                None => self.walking.insert(self.walk()?),
            };
            match walking.found.recv().await {
                Some(Walk::Found(path)) => self.ready.push_back(path),
                Some(Walk::Changed(path)) => {
                    self.ready.push_back(path.clone());
                    self.look_at_referrers(&path).await?;
                }
                Some(Walk::Passed { at, since }) => {
                    self.sweep = Some(Sweep { at: at.clone(), since, after: None });
                    if !at.is_empty() {
                        self.look_at_referrers(&at).await?;
                    }
                }
                None => {
                    let ended = self.walking.take().map(|walking| walking.thread.join());
                    if let Some(Err(_)) = ended {
                        // Asked again, this starts anew, with a pass over everything.
                        return Err("the thread that walks the tree panicked".into());
                    }
                    return Ok(Next::End);
                }
            }
        }
    }

    async fn shutdown(&mut self) -> Result<()> {
        self.changes.close();
        if let Some(Walking { thread, found }) = self.walking.take() {
            drop(found);
            tokio::task::spawn_blocking(|| thread.join())
                .await?
                .map_err(|_| "the thread that walks the tree panicked")?;
        }
        Ok(())
    }

    /// Whether a link is broken depends on another file than the one it is in.
    async fn look_at_referrers(&mut self, target: &str) -> Result<()> {
        let referrers = self.catalog.referrers(target).await?;
        self.ready.extend(referrers);
        Ok(())
    }

    fn walk(&self) -> Result<Walking> {
        let bounds = self.bounds.clone().ok_or("the tree is not open")?;
        let (sender, found) = mpsc::channel(AHEAD);
        let watch = self.settings.follow.then(|| Watch::new(bounds.clone(), self.changes.clone()));
        let watch = watch.map(|watch| (watch, self.changes.clone()));
        let walker = Walker::new(bounds, self.catalog.clock(), sender);
        let settings = self.settings.clone();
        let thread = std::thread::Builder::new().name("scan".into());
        let thread = thread.spawn(move || walker.run(watch, settings.settle, settings.poll))?;
        Ok(Walking { thread, found })
    }
}
