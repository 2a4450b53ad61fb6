//! Where one watch covers everything below a directory.

use std::path::Path;
use std::sync::Arc;

use notify::event::ModifyKind;
use notify::{Config, ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tracing::warn;

use super::super::super::tree::{Bounds, is_gone};
use super::super::changes::Changes;

/// Has the system tell of changes in the tree.
pub(in super::super) struct Watch {
    watcher: Option<RecommendedWatcher>,
    /// Whether something is not watched, so that the tree has to be gone through now and then.
    blind: bool,
}

impl Watch {
    pub(in super::super) fn new(bounds: Arc<Bounds>, changes: Arc<Changes>) -> Self {
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
        match RecommendedWatcher::new(notice, Config::default().with_follow_symlinks(false)) {
            Ok(watcher) => Self { watcher: Some(watcher), blind: false },
            Err(error) => {
                warn!(%error, "the file system does not tell of changes; going through everything at intervals");
                Self { watcher: None, blind: true }
            }
        }
    }

    /// Whether each directory needs a watch of its own.
    pub(in super::super) fn is_per_directory(&self) -> bool {
        false
    }

    /// Whether changes may go unnoticed.
    pub(in super::super) fn is_blind(&self) -> bool {
        self.blind
    }

    /// Is told of everything that changes at and below `absolute` from now on.
    pub(in super::super) fn watch(&mut self, _path: &str, absolute: &Path) {
        let Some(watcher) = &mut self.watcher else { return };
        match watcher.watch(absolute, RecursiveMode::Recursive) {
            Ok(()) => {}
            // It has gone away again, which its own directory tells.
            Err(error) if matches!(error.kind, ErrorKind::PathNotFound) => {}
            Err(error) if matches!(&error.kind, ErrorKind::Io(error) if is_gone(error)) => {}
            Err(error) => {
                if !self.blind {
                    let directory = absolute.display();
                    warn!(%directory, %error, "not every change will be told; going through everything at intervals");
                }
                self.blind = true;
            }
        }
    }

    /// There is only the watch over everything.
    pub(in super::super) fn forget(&mut self, _path: &str) {}
}

fn is_metadata(event: &Event) -> bool {
    matches!(event.kind, EventKind::Modify(ModifyKind::Metadata(_)))
}
