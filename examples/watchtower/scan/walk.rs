//! The thread that goes through the tree.

use std::convert::Infallible;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tracing::{debug, info, info_span, warn};

use super::super::catalog::Clock;
use super::super::tree::{Bounds, GITIGNORE, Place, is_gone, join, text_of};
use super::changes::{Change, Changes};
use super::watch::Watch;

/// What the walker tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Walk {
    /// There is a file.
    Found(String),
    /// Something happened to a file.
    Changed(String),
    /// Everything that exists at and below `at` has been told since the stamp `since`; that may be nothing.
    Passed { at: String, since: u64 },
}

/// Goes through the tree, and on with what changes.
pub(super) struct Walker {
    bounds: Arc<Bounds>,
    clock: Clock,
    out: mpsc::Sender<Walk>,
    watch: Option<(Watch, Arc<Changes>)>,
    /// Changes since the last pass over everything.
    since_pass: usize,
    /// Whether there has been such a pass.
    passed: bool,
}

/// Nobody listens any more.
struct Unheard;

/// After so many changes comes a pass over everything, which lets the catalogue forget what went away.
const CHANGES_TO_A_PASS: usize = 100_000;

impl Walker {
    pub(super) fn new(bounds: Arc<Bounds>, clock: Clock, out: mpsc::Sender<Walk>) -> Self {
        Self { bounds, clock, out, watch: None, since_pass: 0, passed: false }
    }

    /// Makes one pass, and with `watch` goes on until its changes are closed.
    pub(super) fn run(mut self, watch: Option<(Watch, Arc<Changes>)>, settle: Duration, poll: Duration) {
        self.watch = watch;
        let _scan = info_span!("walk", component = "scan").entered();
        // Unheard: the program is stopping.
        let _ = self.go(settle, poll);
    }

    fn go(&mut self, settle: Duration, poll: Duration) -> Result<(), Unheard> {
        self.pass("", true)?;
        while let Some((watch, changes)) = &self.watch {
            match changes.wait(settle, watch.is_blind().then_some(poll)) {
                Change::At(paths) => self.changed(paths)?,
                Change::Everything => self.pass("", true)?,
                Change::Closed => return Err(Unheard),
            }
            if self.since_pass > CHANGES_TO_A_PASS {
                self.pass("", true)?;
            }
        }
        Ok(())
    }

    /// Tells every file at and below `directory`. With `attentive`, what changes meanwhile is told in between.
    fn pass(&mut self, directory: &str, attentive: bool) -> Result<(), Unheard> {
        if directory.is_empty() {
            self.since_pass = 0;
        }
        // All watches first: what changes from here on is told, whether the pass has come there or not.
        self.watch_below(directory);
        self.bounds.forget(directory);
        let since = self.clock.stamp();
        let (mut directories, mut files) = (vec![directory.to_owned()], 0_u64);
        while let Some(next) = directories.pop() {
            let out = self.out.clone();
            let told = self.list(&next, |path, place| match place {
                Place::Directory => {
                    directories.push(path);
                    Ok(())
                }
                Place::File => {
                    files += 1;
                    out.blocking_send(Walk::Found(path)).map_err(|_| Unheard)
                }
                Place::Outside => Ok(()),
            });
            told?;
            if let Some((_, changes)) = self.watch.as_ref().filter(|_| attentive) {
                let paths = changes.take();
                self.changed(paths)?;
            }
        }
        self.tell(Walk::Passed { at: directory.to_owned(), since })?;
        if directory.is_empty() {
            // Once is news; after that it is routine.
            match std::mem::replace(&mut self.passed, true) {
                false => info!(files, "went through the tree"),
                true => debug!(files, "went through the tree again"),
            }
        }
        Ok(())
    }

    fn watch_below(&mut self, directory: &str) {
        let Some((mut watch, changes)) = self.watch.take() else { return };
        if watch.is_per_directory() {
            let mut directories = vec![directory.to_owned()];
            while let Some(next) = directories.pop() {
                // A watch comes before its directory is read: what is made in between is seen by one or the other.
                watch.watch(&next, &self.bounds.absolute(&next));
                let Ok(()) = self.list(&next, |path, place| {
                    if place == Place::Directory {
                        directories.push(path);
                    }
                    Ok::<_, Infallible>(())
                });
            }
        } else if directory.is_empty() {
            watch.watch(directory, &self.bounds.absolute(directory));
        }
        self.watch = Some((watch, changes));
    }

    /// Has `each` told of the entries of `directory` that belong to the tree.
    fn list<E>(&self, directory: &str, mut each: impl FnMut(String, Place) -> Result<(), E>) -> Result<(), E> {
        let absolute = self.bounds.absolute(directory);
        let entries = match fs::read_dir(&absolute) {
            Ok(entries) => entries,
            Err(error) => {
                // What went away meanwhile is found missing by the sweep.
                if !is_gone(&error) {
                    warn!(directory = %absolute.display(), %error, "the directory cannot be read");
                }
                return Ok(());
            }
        };
        for entry in entries {
            let seen = entry.and_then(|entry| Ok((text_of(&entry.file_name()), entry.file_type()?)));
            match seen {
                Ok((name, kind)) => {
                    let path = join(directory, &name);
                    let place = self.bounds.place_of(&path, kind);
                    each(path, place)?;
                }
                Err(error) if is_gone(&error) => {}
                Err(error) => {
                    warn!(directory = %absolute.display(), %error, "an entry of the directory cannot be read");
                }
            }
        }
        Ok(())
    }

    /// Tells what became of the things at `paths`.
    fn changed(&mut self, paths: Vec<String>) -> Result<(), Unheard> {
        for path in paths {
            self.since_pass += 1;
            let (directory, name) = path.rsplit_once('/').unwrap_or(("", &path));
            if name == GITIGNORE {
                self.pass(directory, false)?;
                continue;
            }
            match self.bounds.place(&path) {
                // A file that cannot be judged is looked at by the steps, which say what they think of it.
                Ok(Place::File) | Err(_) => self.tell(Walk::Changed(path))?,
                Ok(Place::Directory) => self.pass(&path, false)?,
                // It may have been a file or a whole directory; what is at its place now does not say.
                Ok(Place::Outside) => {
                    if let Some((watch, _)) = &mut self.watch {
                        watch.forget(&path);
                    }
                    self.tell(Walk::Passed { at: path, since: self.clock.stamp() })?;
                }
            }
        }
        Ok(())
    }

    fn tell(&self, walk: Walk) -> Result<(), Unheard> {
        self.out.blocking_send(walk).map_err(|_| Unheard)
    }
}
