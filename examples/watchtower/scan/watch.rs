//! Notifications of the file system.

use std::path::Path;
use std::sync::Arc;

use notify::event::ModifyKind;
use notify::{Config, ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _, WatcherKind};
use tracing::warn;

use super::super::tree::Bounds;
use super::changes::Changes;

/// Has the system tell of changes in the tree.
pub(super) struct Watch {
    watcher: Option<RecommendedWatcher>,
    /// Whether one watch covers everything below a directory. On Linux it covers the directory alone, which is a good
    /// thing: nothing is told of what is left out of the tree, a database or a folder of build results for example.
    recursive: bool,
    /// Whether something is not watched, so that the tree has to be gone through now and then.
    blind: bool,
}

impl Watch {
    pub(super) fn new(bounds: Arc<Bounds>, changes: Arc<Changes>) -> Self {
        let notice = move |event: notify::Result<Event>| match event {
            Ok(event) if event.need_rescan() => changes.add_everything(),
            Ok(event) if matches!(event.kind, EventKind::Access(_)) => {}
            // The date or mode of a directory changes nothing in it, but would have all of it looked at.
            Ok(event) if is_metadata(&event) && event.paths.iter().any(|path| path.is_dir()) => {}
            Ok(event) => {
                for path in event.paths.iter().filter_map(|path| bounds.relative(path)) {
                    if bounds.may_matter(&path) {
                        changes.add(path);
                    }
                }
            }
            Err(error) => {
                warn!(%error, "notifications of the file system were lost; going through everything");
                changes.add_everything();
            }
        };
        let recursive = !matches!(RecommendedWatcher::kind(), WatcherKind::Inotify);
        match RecommendedWatcher::new(notice, Config::default().with_follow_symlinks(false)) {
            Ok(watcher) => Self { watcher: Some(watcher), recursive, blind: false },
            Err(error) => {
                warn!(%error, "the file system does not tell of changes; going through everything at intervals");
                Self { watcher: None, recursive, blind: true }
            }
        }
    }

    /// Whether each directory needs a watch of its own.
    pub(super) fn is_per_directory(&self) -> bool {
        self.watcher.is_some() && !self.recursive
    }

    /// Whether changes may go unnoticed.
    pub(super) fn is_blind(&self) -> bool {
        self.blind
    }

    /// Is told of everything that changes in `directory` from now on; once more does no harm.
    pub(super) fn watch(&mut self, directory: &Path) {
        let Some(watcher) = &mut self.watcher else { return };
        let mode = if self.recursive { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
        match watcher.watch(directory, mode) {
            Ok(()) => {}
            // It has gone away again, which its own directory tells.
            Err(error) if matches!(error.kind, ErrorKind::PathNotFound) => {}
            Err(error) if is_gone(&error) => {}
            Err(error) => {
                if !self.blind {
                    let directory = directory.display();
                    warn!(%directory, %error, "not every change will be told; going through everything at intervals");
                }
                self.blind = true;
            }
        }
    }
}

fn is_metadata(event: &Event) -> bool {
    matches!(event.kind, EventKind::Modify(ModifyKind::Metadata(_)))
}

fn is_gone(error: &notify::Error) -> bool {
    matches!(&error.kind, ErrorKind::Io(error) if super::super::tree::is_gone(error))
}
