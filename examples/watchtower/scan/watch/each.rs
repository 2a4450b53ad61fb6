//! On Linux: one watch for each directory of the tree, and none for what is left out of it, such as a database or a folder
//! of build results, where much happens that nobody wants to know.
//!
//! A watch sticks to its directory, so after a move it still tells the old path until it is set once more. That is why
//! whatever appears in the tree is gone through from its top, watches first: until then nothing is missed that the
//! listing does not find, and from then on the paths are right. Nothing is ever dropped on the word of a notification
//! alone, since by then the path may be that of another directory.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use futures_util::StreamExt as _;
use inotify::{Event, EventMask, Inotify, WatchDescriptor, WatchMask, Watches};
use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tracing::warn;

use super::super::super::tree::{Bounds, is_gone, is_within, join, text_of};
use super::super::changes::Changes;

/// Has the system tell of changes in the tree.
pub(in super::super) struct Watch {
    watches: Option<Watches>,
    paths: Paths,
    listening: Option<JoinHandle<()>>,
    blind: bool,
}

/// The path of each watched directory as it was when its watch was last set.
type Paths = Arc<Mutex<HashMap<WatchDescriptor, String>>>;

impl Watch {
    /// Needs the runtime, on which it listens.
    pub(in super::super) fn new(bounds: Arc<Bounds>, changes: Arc<Changes>) -> Self {
        let paths = Paths::default();
        let started = Inotify::init().and_then(|inotify| {
            let watches = inotify.watches();
            let mut events = inotify.into_event_stream(vec![0; 64 << 10])?;
            let paths = paths.clone();
            let listening = tokio::spawn(async move {
                while let Some(event) = events.next().await {
                    tell(event, &bounds, &paths, &changes);
                }
            });
            Ok((watches, listening))
        });
        match started {
            Ok((watches, listening)) => {
                Self { watches: Some(watches), paths, listening: Some(listening), blind: false }
            }
            Err(error) => {
                warn!(%error, "the system does not tell of changes; going through everything at intervals");
                Self { watches: None, paths, listening: None, blind: true }
            }
        }
    }

    /// Whether each directory needs a watch of its own.
    pub(in super::super) fn is_per_directory(&self) -> bool {
        self.watches.is_some()
    }

    /// Whether changes may go unnoticed.
    pub(in super::super) fn is_blind(&self) -> bool {
        self.blind
    }

    /// Is told of everything that changes in the directory `path` from now on; once more does no harm.
    pub(in super::super) fn watch(&mut self, path: &str, absolute: &Path) {
        let Some(watches) = &mut self.watches else { return };
        // Held over the call, so that no event of the new watch looks for its path before that is there.
        let mut paths = self.paths.lock();
        match watches.add(absolute, mask()) {
            Ok(watch) => {
                paths.insert(watch, path.to_owned());
            }
            // It has gone away again, which its own directory tells.
            Err(error) if is_gone(&error) => {}
            Err(error) => {
                if !self.blind {
                    let directory = absolute.display();
                    warn!(%directory, %error, "not every change will be told; going through everything at intervals");
                }
                self.blind = true;
            }
        }
    }

    /// Hears no more of what was a directory at `path`; if it is one again, somebody will say so.
    pub(in super::super) fn forget(&mut self, path: &str) {
        let Some(watches) = &mut self.watches else { return };
        self.paths.lock().retain(|watch, known| {
            let gone = is_within(known, path);
            if gone {
                // The system has removed it already if the directory is no more.
                let _ = watches.remove(watch.clone());
            }
            !gone
        });
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(listening) = &self.listening {
            listening.abort();
        }
    }
}

fn mask() -> WatchMask {
    WatchMask::ATTRIB
        | WatchMask::CREATE
        | WatchMask::DELETE
        | WatchMask::DELETE_SELF
        | WatchMask::MODIFY
        | WatchMask::MOVE
        | WatchMask::MOVE_SELF
        | WatchMask::DONT_FOLLOW
        | WatchMask::EXCL_UNLINK
        | WatchMask::ONLYDIR
}

fn tell(event: io::Result<Event<std::ffi::OsString>>, bounds: &Bounds, paths: &Paths, changes: &Changes) {
    let event = match event {
        Ok(event) => event,
        Err(error) => {
            warn!(%error, "notifications were lost; going through everything");
            return changes.add_everything();
        }
    };
    if event.mask.contains(EventMask::Q_OVERFLOW) {
        return changes.add_everything();
    }
    let mut paths = paths.lock();
    if event.mask.contains(EventMask::IGNORED) {
        paths.remove(&event.wd);
        return;
    }
    // The date or mode of a directory changes nothing in it, but would have all of it looked at.
    if event.mask.contains(EventMask::ATTRIB | EventMask::ISDIR) {
        return;
    }
    match (paths.get(&event.wd), &event.name) {
        (Some(directory), Some(name)) => {
            let path = join(directory, &text_of(name));
            if bounds.may_matter(&path) {
                changes.add(path);
            }
        }
        // The root has gone; of any other directory the one above tells.
        (Some(directory), None) if directory.is_empty() => changes.add_everything(),
        _ => {}
    }
}
