//! What a program should be after each order: a model small enough to be right.

use std::collections::{BTreeMap, BTreeSet};

use minions_core::gru::{Snapshot, State};

/// What a component needs, by name. The resources come first, in the order of their needs.
pub(super) const NEEDS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("left", &["base"]),
    ("right", &["base"]),
    ("top", &["left", "right"]),
    ("lone", &[]),
    ("alpha", &["left"]),
    ("beta", &["top"]),
    ("gamma", &[]),
    ("one", &["right"]),
    ("two", &["lone"]),
    ("three", &[]),
    ("four", &["base", "top"]),
];
pub(super) const PIPELINES: &[&str] = &["alpha", "beta", "gamma"];
const RESOURCES: &[&str] = &["base", "left", "right", "top", "lone"];

/// An orchestration: its id, its pipeline, its minion.
pub(super) const ORCHESTRATIONS: &[(&str, &str, &str)] = &[
    ("alpha/one", "alpha", "one"),
    ("alpha/second", "alpha", "two"),
    ("declared-beta/three", "beta", "three"),
    ("declared-beta/four@eu", "beta", "four"),
    ("gamma/four@us", "gamma", "four"),
    ("gamma/three", "gamma", "three"),
];

/// One component: shared ones by their name, minions by their orchestration as well.
pub(super) type Part = (&'static str, Option<&'static str>);

/// The program as it should be when nothing is under way.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Model {
    /// How the orchestrations are that have ever run.
    pub(super) states: BTreeMap<&'static str, State>,
    pub(super) paused: BTreeSet<&'static str>,
    /// Restarts in a row, and altogether.
    pub(super) restarts: BTreeMap<Part, (u32, u32)>,
    /// Those that are never started again.
    pub(super) frail: BTreeSet<&'static str>,
    /// How often the others are, in a row.
    pub(super) limit: u32,
}

fn needs(of: &str) -> &'static [&'static str] {
    NEEDS.iter().find(|(name, _)| *name == of).map(|(_, needs)| *needs).expect("every component is in the list")
}

/// The orchestration of that id.
pub(super) fn orchestration(id: &str) -> (&'static str, &'static str, &'static str) {
    *ORCHESTRATIONS.iter().find(|(known, ..)| *known == id).expect("every orchestration is in the list")
}

/// The parts that an orchestration consists of and needs.
pub(super) fn parts_of(id: &str) -> BTreeSet<Part> {
    let (id, pipeline, minion) = orchestration(id);
    let mut parts = BTreeSet::from([(pipeline, None), (minion, Some(id))]);
    let mut open = vec![pipeline, minion];
    while let Some(name) = open.pop() {
        for need in needs(name) {
            parts.insert((need, None));
            open.push(need);
        }
    }
    parts
}

impl Model {
    pub(super) fn is_running(&self, id: &str) -> bool {
        self.states.get(id) == Some(&State::Running)
    }

    pub(super) fn running(&self) -> Vec<&'static str> {
        self.states.iter().filter(|(_, state)| **state == State::Running).map(|(id, _)| *id).collect()
    }

    /// What is up.
    pub(super) fn live(&self) -> BTreeSet<Part> {
        self.running().into_iter().flat_map(parts_of).collect()
    }

    /// The orchestrations that consist of the part, or need it.
    pub(super) fn above(&self, part: Part) -> Vec<&'static str> {
        self.running().into_iter().filter(|id| parts_of(id).contains(&part)).collect()
    }

    pub(super) fn start(&mut self, id: &'static str) {
        self.states.insert(id, State::Running);
    }

    /// Takes a running orchestration down, and what nobody else needs.
    pub(super) fn end(&mut self, id: &'static str, how: State) {
        self.states.insert(id, how);
        let live = self.live();
        self.restarts.retain(|part, _| live.contains(part));
        self.paused.retain(|pipeline| live.contains(&(*pipeline, None)));
    }

    /// A part fails: it is started again, or everything above it is lost.
    pub(super) fn fails(&mut self, part: Part) {
        let above = self.above(part);
        if above.is_empty() {
            return;
        }
        let (in_a_row, all) = self.restarts.entry(part).or_default();
        if !self.frail.contains(part.0) && *in_a_row < self.limit {
            *in_a_row += 1;
            *all += 1;
            return;
        }
        // Whoever starts it later begins anew.
        *in_a_row = 0;
        above.into_iter().for_each(|id| self.end(id, State::Lost));
    }

    fn restarts(&self, part: Part) -> u32 {
        self.restarts.get(&part).map_or(0, |(_, all)| *all)
    }

    /// What is different in the snapshot.
    pub(super) fn compare(&self, snapshot: &Snapshot) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut equal = |what: &str, seen: String, expected: String| {
            if seen != expected {
                wrong.push(format!("{what}:\n      seen     {seen}\n      expected {expected}"));
            }
        };
        let seen = snapshot.orchestrations.iter().map(|status| {
            let restarts = if status.state == State::Running { status.restarts } else { 0 };
            (status.id.as_str(), status.state, restarts)
        });
        let expected = self.states.iter().map(|(id, state)| {
            let restarts = self.restarts((orchestration(id).2, Some(id)));
            (*id, *state, if *state == State::Running { restarts } else { 0 })
        });
        equal("orchestrations", lines(seen), lines(expected));
        let seen = snapshot
            .resources
            .iter()
            .map(|status| (status.name, status.state, status.used_by.clone(), status.restarts, status.cause.clone()));
        let live = self.live();
        let mut names: Vec<_> = RESOURCES.iter().filter(|name| live.contains(&(**name, None))).collect();
        names.sort_unstable();
        let expected = names
            .into_iter()
            .map(|name| (*name, State::Running, self.used_by(name), self.restarts((name, None)), None::<String>));
        equal("resources", lines(seen), lines(expected));
        let seen = snapshot.pipelines.iter().map(|status| {
            let (id, restarts) = (status.id.as_str(), status.restarts);
            (id, status.state, status.subscribers.clone(), status.paused, restarts, status.cause.clone())
        });
        let expected = PIPELINES.iter().filter(|name| live.contains(&(**name, None))).map(|name| {
            let (paused, restarts) = (self.paused.contains(name), self.restarts((name, None)));
            (*name, State::Running, self.fed_by(name), paused, restarts, None::<String>)
        });
        equal("pipelines", lines(seen), lines(expected));
        wrong
    }

    /// Who needs a resource: resources and pipelines by name, minions by their orchestration.
    fn used_by(&self, resource: &str) -> Vec<String> {
        let live = self.live();
        let users = live.iter().filter(|(name, _)| needs(name).contains(&resource));
        let mut users: Vec<_> = users.map(|(name, orchestration)| orchestration.unwrap_or(name).to_owned()).collect();
        users.sort_unstable();
        users
    }

    /// The orchestrations that a pipeline feeds.
    pub(super) fn fed_by(&self, pipeline: &str) -> Vec<String> {
        let fed = self.running().into_iter().filter(|id| orchestration(id).1 == pipeline);
        let mut fed: Vec<_> = fed.map(str::to_owned).collect();
        fed.sort_unstable();
        fed
    }

    /// How many instances of each component are up.
    pub(super) fn instances(&self) -> BTreeMap<&'static str, usize> {
        let mut instances = BTreeMap::new();
        for (name, _) in self.live() {
            *instances.entry(name).or_default() += 1;
        }
        instances
    }

    /// The model that a snapshot describes, if it is right at all: for programs whose order nobody knows.
    pub(super) fn of(&self, snapshot: &Snapshot) -> Self {
        let mut model = self.clone();
        model.states =
            snapshot.orchestrations.iter().map(|status| (orchestration(&status.id).0, status.state)).collect();
        let paused = snapshot.pipelines.iter().filter(|status| status.paused);
        model.paused = paused.filter_map(|status| PIPELINES.iter().find(|name| **name == status.id)).copied().collect();
        let shared = snapshot.resources.iter().map(|status| (status.name.to_owned(), status.restarts));
        let shared = shared.chain(snapshot.pipelines.iter().map(|status| (status.id.clone(), status.restarts)));
        let shared = shared.filter_map(|(name, restarts)| {
            NEEDS.iter().find(|(known, _)| *known == name).map(|(known, _)| ((*known, None), (0, restarts)))
        });
        let own = snapshot.orchestrations.iter().map(|status| {
            let (id, _, minion) = orchestration(&status.id);
            ((minion, Some(id)), (0, status.restarts))
        });
        model.restarts = shared.chain(own).collect();
        model
    }
}

fn lines(of: impl Iterator<Item = impl std::fmt::Debug>) -> String {
    of.map(|line| format!("{line:?}")).collect::<Vec<_>>().join("; ")
}
