//! Holds what is locked against what the program is now.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::component::Location;
use crate::error::Error;
use crate::minion::{StepInfo, Stored};

use super::kind::Kind;
use super::lock::{FORMAT, Lock, Locked};
use super::report::{SchemaReport, Stranded};

/// The program as it is now.
#[derive(Default)]
pub(super) struct Program {
    pub(super) orchestrations: BTreeSet<String>,
    pub(super) minions: BTreeMap<String, Now>,
}

/// One minion as it is now.
pub(super) struct Now {
    pub(super) kind: &'static dyn Kind,
    pub(super) location: Location,
    pub(super) version: u32,
    pub(super) steps: &'static [StepInfo],
    pub(super) events: Vec<Value>,
    pub(super) contexts: Vec<Value>,
    /// What could not be learnt of it, and its own samples that it cannot read.
    pub(super) unknown: Vec<String>,
}

const QUARANTINED: &str = "they are set aside in quarantine when the program starts, and run no further by themselves";
const KEPT: &str = "they stay stored and are reported at every start, but do not run until it is back";

/// Compares `program` with what is locked.
pub(super) fn compare(program: &Program, locked: &Lock) -> SchemaReport {
    let mut found = Found::default();
    let mut lock = Lock { format: FORMAT, ..Lock::default() };
    let mut retired = lock.clone();
    for (id, versions) in &locked.minions {
        match program.minions.get(id) {
            Some(now) => {
                let (kept, alive) = found.minion(id, now, versions);
                lock.minions.insert(id.clone(), kept);
                retired.minions.insert(id.clone(), alive);
            }
            None => {
                found.gone(id);
                lock.minions.insert(id.clone(), versions.clone());
            }
        }
    }
    for (id, now) in &program.minions {
        found.unknown.extend(now.unknown.iter().map(|unknown| format!("`{id}` ({}): {unknown}", now.location)));
        if !locked.minions.contains_key(id) {
            found.changed.push(format!("`{id}`: the minion is new"));
        }
        for lock in [&mut lock, &mut retired] {
            now.enter(lock.minions.entry(id.clone()).or_default());
        }
    }
    found.orchestrations(program, locked);
    lock.orchestrations = locked.orchestrations.union(&program.orchestrations).cloned().collect();
    retired.orchestrations.clone_from(&program.orchestrations);
    SchemaReport {
        stranded: found.stranded,
        unknown: found.unknown,
        changed: found.changed,
        lock: lock.text(),
        retired: retired.text(),
    }
}

impl Now {
    /// Adds what it stores to the versions that are locked.
    fn enter(&self, versions: &mut BTreeMap<u32, Locked>) {
        let locked = versions.entry(self.version).or_default();
        let names = self.steps.iter().map(|step| step.name);
        let aliases = self.steps.iter().flat_map(|step| step.aliases.iter().copied());
        let mut steps: Vec<String> = Vec::new();
        for step in names.chain(aliases).map(str::to_owned).chain(locked.steps.drain(..)) {
            if !steps.contains(&step) {
                steps.push(step);
            }
        }
        locked.steps = steps;
        // What an earlier schema of the same version wrote is still stored, so it stays.
        for (known, now) in [(&mut locked.events, &self.events), (&mut locked.contexts, &self.contexts)] {
            for sample in now {
                if !known.contains(sample) {
                    known.push(sample.clone());
                }
            }
        }
    }

    /// The remedy that always helps.
    fn migrates(&self) -> String {
        let next = self.version.saturating_add(1);
        format!("`#[minion(version = {next})]` with a `fn migrate(stored: &mut Stored) -> Result<()>`")
    }
}

#[derive(Default)]
struct Found {
    stranded: Vec<Stranded>,
    unknown: Vec<String>,
    changed: Vec<String>,
}

impl Found {
    /// Judges what is locked of a minion; answers all of it, and what of it is alive.
    fn minion(
        &mut self,
        id: &str,
        now: &Now,
        versions: &BTreeMap<u32, Locked>,
    ) -> (BTreeMap<u32, Locked>, BTreeMap<u32, Locked>) {
        let mut alive = BTreeMap::new();
        for (version, locked) in versions {
            let left = if *version > now.version {
                self.newer(id, now, *version);
                None
            } else if *version == now.version {
                Some(self.same(id, now, *version, locked))
            } else {
                Some(self.older(id, now, *version, locked))
            };
            alive.extend(left.map(|left| (*version, left)));
        }
        self.changes(id, now, versions);
        (versions.clone(), alive)
    }

    /// What this version stored earlier is read as it is.
    fn same(&mut self, id: &str, now: &Now, version: u32, locked: &Locked) -> Locked {
        let mut alive = Locked::default();
        for event in &locked.events {
            match now.kind.read_event(event) {
                Ok(()) => alive.events.push(event.clone()),
                Err(error) => self.unreadable(id, now, version, event, &error),
            }
        }
        for context in &locked.contexts {
            match now.kind.read_context(context) {
                Ok(()) => alive.contexts.push(context.clone()),
                Err(error) => self.unreadable(id, now, version, context, &error),
            }
        }
        for step in &locked.steps {
            if StepInfo::find(now.steps, step).is_some() {
                alive.steps.push(step.clone());
            } else {
                self.stepless(id, now, version, step);
            }
        }
        alive
    }

    /// What an older version stored goes through the migration: each step, event and context of it with one of the others.
    fn older(&mut self, id: &str, now: &Now, version: u32, locked: &Locked) -> Locked {
        let mut alive = Locked::default();
        let first = |samples: &[Value]| samples.first().cloned().unwrap_or_default();
        let (step, event, context) =
            (locked.steps.first().cloned().unwrap_or_default(), first(&locked.events), first(&locked.contexts));
        let mut judge = |step: &str, event: &Value, context: &Value| match migrated(now, version, step, event, context)
        {
            Ok(()) => true,
            Err(Unmigrated { what, fix }) => {
                let sample = format!("at `{step}`, event {event}, context {context}");
                let what = format!("what version {version} stored {what}");
                // The first of each kind says it all.
                let known = self.stranded.iter().any(|known| known.of == id && known.what == what);
                if !known {
                    let (of, location) = (id.to_owned(), Some(now.location));
                    self.stranded.push(Stranded { of, location, what, sample: Some(sample), fate: QUARANTINED, fix });
                }
                false
            }
        };
        for sample in &locked.events {
            if judge(&step, sample, &context) {
                alive.events.push(sample.clone());
            }
        }
        for sample in &locked.contexts {
            if judge(&step, &event, sample) {
                alive.contexts.push(sample.clone());
            }
        }
        for name in &locked.steps {
            if judge(name, &event, &context) {
                alive.steps.push(name.clone());
            }
        }
        alive
    }

    fn unreadable(&mut self, id: &str, now: &Now, version: u32, sample: &Value, error: &Error) {
        let told = told(error);
        let what = format!("{told}, as version {version} stored it");
        if self.stranded.iter().any(|known| known.of == id && known.what == what) {
            return;
        }
        let migrate = now.migrates();
        let fix = match hint(&told) {
            Some(hint) => format!("{hint}, or {migrate}"),
            None => migrate,
        };
        self.stranded.push(Stranded {
            of: id.to_owned(),
            location: Some(now.location),
            what,
            sample: Some(sample.to_string()),
            fate: QUARANTINED,
            fix,
        });
    }

    fn stepless(&mut self, id: &str, now: &Now, version: u32, step: &str) {
        self.stranded.push(Stranded {
            of: id.to_owned(),
            location: Some(now.location),
            what: format!(
                "no step is called `{step}` any more, and version {version} stored workflows that wait at it"
            ),
            sample: None,
            fate: QUARANTINED,
            fix: format!(
                "`#[minion_step(alias = \"{step}\")]` on the step that it has become, or {} that moves `stored.step`",
                now.migrates()
            ),
        });
    }

    fn newer(&mut self, id: &str, now: &Now, version: u32) {
        self.stranded.push(Stranded {
            of: id.to_owned(),
            location: Some(now.location),
            what: format!("version {version} has stored workflows, and the minion has version {} now", now.version),
            sample: None,
            fate: QUARANTINED,
            fix: format!("`#[minion(version = {version})]`, or a greater one; versions only grow"),
        });
    }

    fn gone(&mut self, id: &str) {
        self.stranded.push(Stranded {
            of: id.to_owned(),
            location: None,
            what: "the program has no minion of this id any more".to_owned(),
            sample: None,
            fate: KEPT,
            fix: format!("`#[minion(id = \"{id}\")]` on the struct that it has become"),
        });
    }

    fn orchestrations(&mut self, program: &Program, locked: &Lock) {
        for id in &locked.orchestrations {
            let minion = id.split_once('/').map_or("", |(_, rest)| rest.split('@').next().unwrap_or_default());
            // One whose minion is gone has been told of.
            if !program.orchestrations.contains(id) && program.minions.contains_key(minion) {
                self.stranded.push(Stranded {
                    of: id.clone(),
                    location: None,
                    what: "the program has no orchestration of this id any more".to_owned(),
                    sample: None,
                    fate: KEPT,
                    fix:
                        "`id = \"..\"` with the old id on the pipeline or in the line of `app!`, whichever has changed"
                            .to_owned(),
                });
            }
        }
        let new = program.orchestrations.difference(&locked.orchestrations);
        self.changed.extend(new.map(|id| format!("`{id}`: the orchestration is new")));
    }

    /// What is new of a minion that is locked.
    fn changes(&mut self, id: &str, now: &Now, versions: &BTreeMap<u32, Locked>) {
        let Some(locked) = versions.get(&now.version) else {
            if versions.keys().all(|version| *version < now.version) {
                self.changed.push(format!("`{id}`: version {} is new", now.version));
            }
            return;
        };
        let mut entered = BTreeMap::from([(now.version, locked.clone())]);
        now.enter(&mut entered);
        let entered = &entered[&now.version];
        let steps = entered.steps.iter().filter(|step| !locked.steps.contains(step));
        self.changed.extend(steps.map(|step| format!("`{id}`: the name `{step}` of a step is new")));
        let (mut before, mut after) = (locked.steps.clone(), entered.steps.clone());
        let moved = before != after;
        before.sort();
        after.sort();
        if moved && before == after {
            self.changed.push(format!("`{id}`: the steps have another order"));
        }
        for (what, before, after) in
            [("events", &locked.events, &entered.events), ("contexts", &locked.contexts, &entered.contexts)]
        {
            let new = after.len() - before.len();
            if new > 0 {
                self.changed.push(format!("`{id}`: its {what} have another form, such as {}", after[before.len()]));
            }
        }
    }
}

/// Why a migration strands something, and what to do.
struct Unmigrated {
    what: String,
    fix: String,
}

/// Migrates as a start does, without the store.
fn migrated(now: &Now, version: u32, step: &str, event: &Value, context: &Value) -> Result<(), Unmigrated> {
    let mut stored = Stored::new(version, step, event.clone(), context.clone());
    let migrate = |what: String| Unmigrated {
        what,
        fix: format!("in `migrate`, which brings version {version} to {}", now.version),
    };
    if let Err(error) = now.kind.migrate(&mut stored) {
        return Err(migrate(format!("cannot be migrated to version {}: {error:#}", now.version)));
    }
    if StepInfo::find(now.steps, &stored.step).is_none() {
        let what = format!("waits at the step `{}` after its migration, and no step is called that", stored.step);
        let fix = format!(
            "`#[minion_step(alias = \"{0}\")]` on the step that it has become, or move `stored.step` in `migrate`",
            stored.step
        );
        return Err(Unmigrated { what, fix });
    }
    let read = now.kind.read_event(&stored.event).and_then(|()| now.kind.read_context(&stored.context));
    read.map_err(|error| migrate(format!("cannot be read after its migration: {}", told(&error))))
}

/// An error and its causes, without the place in a text that nobody sees.
pub(super) fn told(error: &Error) -> String {
    let text = format!("{error:#}");
    match text.rsplit_once(" at line ") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

/// What helps against a complaint of serde's, besides a migration.
fn hint(told: &str) -> Option<String> {
    let quoted = |after: &str| Some(told.split_once(after)?.1.split('`').next().unwrap_or_default().to_owned());
    if let Some(field) = quoted("missing field `") {
        return Some(format!(
            "`#[serde(default)]` on the field `{field}`, or `#[serde(alias = \"..\")]` if it was renamed"
        ));
    }
    if let Some(variant) = quoted("unknown variant `") {
        return Some(format!(
            "keep the variant `{variant}`, or `#[serde(alias = \"{variant}\")]` on the one that it has become"
        ));
    }
    quoted("unknown field `")
        .map(|field| format!("drop `#[serde(deny_unknown_fields)]`, which refuses the field `{field}`"))
}
