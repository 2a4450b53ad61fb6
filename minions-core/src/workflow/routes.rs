//! Where emitted events go: from a minion and a type of event to the orchestrations that react.

use std::any::TypeId;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tracing::{error, warn};

use crate::clock::now_ms;
use crate::error::{Error, Result};
use crate::minion::{Emission, MinionFactory};
use crate::store::{Admit, Dedupe, NewWorkflow, Op};
use crate::telemetry::{Kept, WorkflowLedger};

use super::orchestration::{Orchestration, Start};
use super::{Asked, Engine, WorkflowId};

/// For how long the key of an emitted event is remembered.
const KEEP_KEYS: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What the program declares, and what of it runs.
#[derive(Default)]
pub(crate) struct Routes {
    declared: RwLock<HashMap<(&'static str, TypeId), Vec<Route>>>,
    running: RwLock<HashMap<Arc<str>, Running>>,
    /// Whose events nobody takes: said once each.
    unheard: Mutex<HashSet<(&'static str, TypeId)>>,
}

/// An orchestration that runs, or has been stopped and may be started again.
struct Running {
    minion: &'static str,
    /// Nothing can be upgraded while it is stopped.
    orchestration: Weak<Orchestration>,
}

/// One orchestration whose events a minion emits.
#[derive(Clone)]
struct Route {
    orchestration: Arc<str>,
    minion: &'static dyn MinionFactory,
}

impl Routes {
    /// Lets the events of the type that `to` takes go from the minion `from` to the orchestration `id`.
    pub(crate) fn declare(&self, from: &'static str, id: &Arc<str>, to: &'static dyn MinionFactory) {
        let mut declared = self.declared.write();
        let routes = declared.entry((from, to.event().0)).or_default();
        if routes.iter().all(|route| route.orchestration != *id) {
            routes.push(Route { orchestration: id.clone(), minion: to });
        }
    }

    /// Says that an orchestration runs.
    pub(crate) fn enlist(&self, orchestration: &Arc<Orchestration>) {
        let running = Running { minion: orchestration.name, orchestration: Arc::downgrade(orchestration) };
        self.running.write().insert(orchestration.id.clone(), running);
    }

    /// Says that an orchestration runs no more; one that was `stopped` may come back.
    pub(crate) fn leave(&self, id: &str, stopped: bool) {
        if !stopped {
            self.running.write().remove(id);
        }
    }

    /// The orchestration of that id, if it runs.
    pub(crate) fn live(&self, id: &str) -> Option<Arc<Orchestration>> {
        self.running.read().get(id).and_then(|running| running.orchestration.upgrade())
    }

    /// Who can still emit events of `minion`: the orchestrations of that minion, and of those that emit for them; nothing
    /// if there is one that takes events of a pipeline, or that is stopped.
    fn emitters(&self, minion: &'static str) -> Option<Vec<Arc<Orchestration>>> {
        let (declared, running) = (self.declared.read(), self.running.read());
        let (mut minions, mut found) = (vec![minion], Vec::new());
        let mut next = 0;
        while let Some(minion) = minions.get(next).copied() {
            next += 1;
            for (id, running) in running.iter().filter(|(_, running)| running.minion == minion) {
                let from = |((from, _), routes): (&(&'static str, TypeId), &Vec<Route>)| {
                    routes.iter().any(|route| route.orchestration == *id).then_some(*from)
                };
                // One that is fed by a pipeline is waited for as a whole; so is one that may be started again.
                let emitting = declared.iter().find_map(from)?;
                found.push(running.orchestration.upgrade()?);
                if !minions.contains(&emitting) {
                    minions.push(emitting);
                }
            }
        }
        Some(found)
    }

    /// The orchestrations that run.
    pub(crate) fn all_live(&self) -> Vec<Arc<Orchestration>> {
        self.running.read().values().filter_map(|running| running.orchestration.upgrade()).collect()
    }

    fn of(&self, minion: &'static str, event: TypeId) -> Vec<Route> {
        let routes = self.declared.read().get(&(minion, event)).cloned().unwrap_or_default();
        if routes.is_empty() && self.unheard.lock().insert((minion, event)) {
            warn!(
                minion,
                "the minion emits an event that no line of the program takes; add one with it on the left side"
            );
        }
        routes
    }
}

impl Engine {
    /// Waits until nobody can emit an event of `minion` any more.
    ///
    /// Those that emit for each other in a circle have to be quiet all at the same time: each is looked at once, and what
    /// has begun or come to rest meanwhile shows in their counts.
    pub(crate) async fn silence_of(&self, minion: &'static str) {
        loop {
            if let Some(emitters) = self.routes.emitters(minion) {
                let stirred = || emitters.iter().map(|emitter| emitter.stirred()).sum::<u64>();
                let before = stirred();
                let mut quiet = true;
                for emitter in &emitters {
                    quiet = quiet && emitter.is_quiet().await;
                }
                if quiet && stirred() == before {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The admission of an event that the minion `from` emits.
    pub(crate) fn admission(&self, from: &'static str, emission: &Emission, at_ms: i64) -> Result<Admit> {
        let wake_ms = at_ms.saturating_add(i64::try_from(emission.delay.as_millis()).unwrap_or(i64::MAX));
        let mut create = Vec::new();
        for Route { orchestration, minion } in self.routes.of(from, emission.item.type_id()) {
            if !self.accepts(&orchestration, emission)? {
                continue;
            }
            let lane = crate::panics::contain_sync(|| minion.lane(&*emission.item.event))?;
            let blank = minion.blank()?;
            create.push(NewWorkflow {
                id: self.ids.next(),
                orchestration,
                step: blank.step.into(),
                steps_hash: blank.steps_hash,
                version: blank.version,
                context: blank.context,
                // One that waits for its turn only has no time besides.
                wake_ms: (lane.is_none() || !emission.delay.is_zero()).then_some(wake_ms),
                waits: lane.is_some(),
                lane,
            });
        }
        let until_ms = at_ms.saturating_add(i64::try_from(KEEP_KEYS.as_millis()).unwrap_or(i64::MAX));
        let dedupe = emission.key.clone().map(|key| Dedupe { scope: from.into(), key, until_ms });
        let event = crate::panics::contain_sync(|| emission.encode())
            .map_err(|error| error.context("an emitted event cannot be stored"))?;
        Ok(Admit { event: event.into(), create, at_ms, cursor: None, dedupe })
    }

    /// Whether the minion of an orchestration takes an event; one that does not run is not asked.
    fn accepts(&self, orchestration: &str, emission: &Emission) -> Result<bool> {
        let Some(live) = self.routes.live(orchestration) else { return Ok(true) };
        crate::panics::contain_sync(|| live.seat.minion().accept(&*emission.item.event))
    }

    /// Books what an operation emits, before it is durable: whoever it is for may begin as soon as it is.
    pub(crate) fn emitting(&self, op: &Op) -> Emitting {
        let create = emits(op).iter().flat_map(|emit| &emit.create);
        let ledgers: Vec<_> = create.map(|new| self.ledger(&new.orchestration)).collect();
        for ledger in &ledgers {
            ledger.book(|ledger| {
                ledger.emitted += 1;
                ledger.pending += 1;
            });
        }
        Emitting { ledgers }
    }

    /// Wakes whoever an operation that is durable now has stored workflows for.
    pub(crate) fn emitted(&self, op: &Op, emitting: Emitting) {
        emitting.are_stored();
        for new in emits(op).iter().flat_map(|emit| &emit.create) {
            match (&new.lane, new.wake_ms) {
                (Some(lane), None) => self.arrive(&new.orchestration, lane, new.id),
                (_, wake_ms) => self.note(&new.orchestration, wake_ms.unwrap_or_default()),
            }
        }
    }

    /// Says that a workflow of an orchestration rests, durably, until `wake_ms`.
    pub(crate) fn note(&self, orchestration: &str, wake_ms: i64) {
        if let Some(live) = self.routes.live(orchestration) {
            live.waker.note(wake_ms);
        }
    }

    /// Says that a workflow of an orchestration waits, durably, for its turn in its lane.
    pub(crate) fn arrive(&self, orchestration: &str, lane: &Arc<str>, id: WorkflowId) {
        if let Some(live) = self.routes.live(orchestration) {
            live.lanes.arrive(lane, id);
        }
    }

    /// Hands over what a step asked for where there is no store: each event begins its workflows in memory.
    pub(crate) fn deliver(&self, from: &'static str, asked: Asked) -> Result<()> {
        if let Some(work) = asked.work.first() {
            return Err(Error::new(format!(
                "the step hands over `{}`, which only a store of the kind `{}` can do; this program has none",
                work.label(),
                work.kind()
            )));
        }
        for emission in asked.emits {
            for Route { orchestration, .. } in self.routes.of(from, emission.item.type_id()) {
                let Some(live) = self.routes.live(&orchestration) else {
                    error!(
                        minion = from,
                        orchestration = &*orchestration,
                        "an emitted event is gone: who takes it does not run, and no store keeps it"
                    );
                    continue;
                };
                if !self.accepts(&orchestration, &emission)? {
                    continue;
                }
                let (instance, minion) = (live.seat.instance(), live.seat.minion());
                let loaded = crate::panics::contain_sync(|| minion.begin(emission.item.event.clone()))?;
                let lane = crate::panics::contain_sync(|| live.seat.minion().lane(&*emission.item.event))?;
                let start = Box::new(Start { lane, ..Start::new(self.ids.next(), loaded, instance, now_ms()) });
                let (token, delay) = (live.admission(), emission.delay);
                live.ledger.book(|ledger| ledger.emitted += 1);
                // Its place is waited for elsewhere: the workflow that emits holds one, perhaps of the same orchestration.
                tokio::spawn(async move {
                    let _token = token;
                    tokio::time::sleep(delay).await;
                    if let Some(lane) = start.lane.clone().filter(|_| !live.stopping.is_cancelled()) {
                        return live.lanes.keep(&lane, start);
                    }
                    tokio::select! {
                        biased;
                        () = live.stopping.cancelled() => live.ledger.book(|ledger| ledger.dropped += 1),
                        slot = live.room() => {
                            live.metrics.started.increment(1);
                            live.spawn(start, slot);
                        }
                    }
                });
            }
        }
        Ok(())
    }
}

fn emits(op: &Op) -> &[Admit] {
    match op {
        Op::Advance(advance) => &advance.emits,
        Op::Resolve(resolve) => &resolve.emits,
        _ => &[],
    }
}

/// Emitted workflows on their way to durability, in the ledgers of those that they are for.
#[must_use]
pub(crate) struct Emitting {
    ledgers: Vec<Arc<Kept<WorkflowLedger>>>,
}

impl Emitting {
    fn are_stored(mut self) {
        for ledger in std::mem::take(&mut self.ledgers) {
            ledger.book(|ledger| ledger.pending -= 1);
        }
    }
}

impl Drop for Emitting {
    fn drop(&mut self) {
        // As if the step had emitted nothing. What is stored nevertheless is found by the next process.
        for ledger in &self.ledgers {
            ledger.book(|ledger| {
                ledger.emitted -= 1;
                ledger.pending -= 1;
            });
        }
    }
}
