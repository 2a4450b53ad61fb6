//! What the program must look like: who needs whom, and what follows from what runs.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use minions::component::Kind;
use minions::gru::{Snapshot, State};
use minions::manifest::Manifest;

use crate::chaos::Alive;

/// Who needs whom, by name.
pub struct Plan {
    needs: HashMap<&'static str, Vec<&'static str>>,
    pub resources: Vec<&'static str>,
    pub sources: Vec<&'static str>,
    pub minions: Vec<&'static str>,
    /// The source and the minion of each orchestration.
    pub orchestrations: BTreeMap<String, (&'static str, &'static str)>,
}

impl Plan {
    /// What the program declares, and `more` orchestrations of each pair under other names.
    pub fn of(manifest: &Manifest, more: usize) -> Self {
        let components = &manifest.components;
        let needs = components
            .iter()
            .map(|entry| (entry.name, entry.needs.iter().filter_map(|need| need.as_resource()).collect()));
        let named = |kind| components.iter().filter(|entry| entry.kind == kind).map(|entry| entry.name).collect();
        let mut orchestrations = BTreeMap::new();
        for declared in &manifest.orchestrations {
            let pair = (declared.pipeline, declared.minion);
            orchestrations.insert(declared.id.clone(), pair);
            for number in 0..more {
                orchestrations.insert(format!("{}@{number}", declared.id), pair);
            }
        }
        Self {
            needs: needs.collect(),
            resources: named(Kind::Resource),
            sources: named(Kind::Pipeline),
            minions: named(Kind::Minion),
            orchestrations,
        }
    }

    /// The components that an orchestration stands on, its own included.
    pub fn below(&self, orchestration: &str) -> BTreeSet<&'static str> {
        let (source, minion) = self.orchestrations[orchestration];
        let (mut found, mut open) = (BTreeSet::new(), vec![source, minion]);
        while let Some(name) = open.pop() {
            if found.insert(name) {
                open.extend(self.needs.get(name).into_iter().flatten());
            }
        }
        found
    }

    /// Compares what the program says of itself, and the values that exist, with what follows from what runs.
    pub fn compare(&self, snapshot: &Snapshot) -> Result<BTreeSet<String>, String> {
        let mut running = BTreeSet::new();
        for status in &snapshot.orchestrations {
            match status.state {
                State::Running if status.in_flight == 0 => drop(running.insert(status.id.clone())),
                State::Stopped | State::Ended | State::Lost if status.in_flight == 0 => {}
                state => return Err(format!("{} is {state:?} with {} in flight", status.id, status.in_flight)),
            }
        }
        let mut subscribers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut used_by: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut alive: HashMap<&str, i64> = HashMap::new();
        for id in &running {
            let (source, minion) = self.orchestrations[id];
            subscribers.entry(source).or_default().push(id);
            *alive.entry(minion).or_default() += 1;
            for name in self.below(id).into_iter().filter(|name| *name != minion) {
                alive.insert(name, 1);
                for need in &self.needs[name] {
                    used_by.entry(need).or_default().insert(name);
                }
            }
            for need in &self.needs[minion] {
                used_by.entry(need).or_default().insert(id);
            }
        }
        // The driver's own two have no value of their own.
        alive.retain(|name, _| !["chaos", "ledger"].contains(name));
        let told = snapshot.pipelines.iter().map(|pipeline| {
            let up = pipeline.state == State::Running && !pipeline.paused;
            (&*pipeline.id, up, pipeline.subscribers.iter().map(|id| &**id).collect::<Vec<_>>())
        });
        let expected = subscribers.into_iter().map(|(source, ids)| (source, true, ids));
        same("pipelines", &told.collect::<Vec<_>>(), &expected.collect::<Vec<_>>())?;
        let told = snapshot.resources.iter().map(|resource| {
            (
                resource.name,
                resource.state == State::Running,
                resource.used_by.iter().map(|name| &**name).collect::<Vec<_>>(),
            )
        });
        let expected = used_by.into_iter().map(|(name, users)| (name, true, users.into_iter().collect::<Vec<_>>()));
        same("resources", &told.collect::<Vec<_>>(), &expected.collect::<Vec<_>>())?;
        let exist: BTreeMap<_, _> = Alive::all().into_iter().collect();
        same("values", &exist, &alive.into_iter().collect())?;
        if snapshot.blocked > 0 {
            return Err(format!("{} workflows wait for the store", snapshot.blocked));
        }
        Ok(running)
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, told: &T, expected: &T) -> Result<(), String> {
    if told == expected {
        Ok(())
    } else {
        Err(format!("{what}: there are\n    {told:?}, there should be\n    {expected:?}"))
    }
}
