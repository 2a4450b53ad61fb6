//! The closure of needed resources, dependencies first.

use std::any::TypeId;
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use crate::component::{Entry, NeedKind};
use crate::resource::ResourceFactory;

use super::Problem;

/// How a resource is made: as its type says, or as the builder says instead.
#[derive(Clone)]
pub(crate) enum Factory {
    OfType(&'static dyn ResourceFactory),
    Replaced(Arc<dyn ResourceFactory>),
}

impl Deref for Factory {
    type Target = dyn ResourceFactory;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::OfType(factory) => *factory,
            Self::Replaced(factory) => &**factory,
        }
    }
}

/// The resources that the builder makes otherwise than their types say.
pub(crate) type Replacements = HashMap<TypeId, Arc<dyn ResourceFactory>>;

/// One resource of a program.
pub(crate) struct ResolvedResource {
    pub(crate) factory: Factory,
    pub(crate) entry: Entry,
    /// 0 for a resource that needs no other; otherwise one more than the highest level among its needs.
    pub(crate) level: usize,
}

/// Walks from `roots` to every resource they need, directly or not; the answer is sorted by level.
pub(super) fn closure(roots: &[Entry], replaced: &Replacements, problems: &mut Vec<Problem>) -> Vec<ResolvedResource> {
    let mut walk = Walk { replaced, found: Vec::new(), levels: HashMap::new(), path: Vec::new(), problems };
    for root in roots {
        walk.needs(root);
    }
    let mut found = walk.found;
    // Stable, so that within a level the order is the one in which the program names them.
    found.sort_by_key(|resource| resource.level);
    found
}

struct Walk<'a> {
    replaced: &'a Replacements,
    found: Vec<ResolvedResource>,
    levels: HashMap<TypeId, usize>,
    path: Vec<(TypeId, &'static str)>,
    problems: &'a mut Vec<Problem>,
}

impl Walk<'_> {
    /// Visits the resources that `entry` needs, and answers the level above the highest of them.
    fn needs(&mut self, entry: &Entry) -> usize {
        let resources = entry.needs.iter().filter_map(|need| match need.kind {
            NeedKind::Resource(factory) => Some(factory),
            _ => None,
        });
        resources.map(|factory| self.visit(factory) + 1).max().unwrap_or(0)
    }

    fn visit(&mut self, factory: &'static dyn ResourceFactory) -> usize {
        let id = factory.resource_id();
        if let Some(level) = self.levels.get(&id) {
            return *level;
        }
        let factory = match self.replaced.get(&id) {
            Some(replaced) => Factory::Replaced(replaced.clone()),
            None => Factory::OfType(factory),
        };
        let entry = factory.entry();
        if let Some(start) = self.path.iter().position(|(on_path, _)| *on_path == id) {
            let mut names: Vec<_> = self.path[start..].iter().map(|(_, name)| format!("`{name}`")).collect();
            names.push(format!("`{}`", entry.name));
            self.problems.push(Problem::Wiring {
                location: Some(entry.location),
                message: format!("dependency cycle: {}; take one of these needs out", names.join(" -> ")),
            });
            return 0;
        }
        self.path.push((id, entry.name));
        let level = self.needs(&entry);
        self.path.pop();
        self.levels.insert(id, level);
        self.found.push(ResolvedResource { factory, entry, level });
        level
    }
}
