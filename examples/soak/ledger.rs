//! What happened to every event: told by sources and steps, compared with the store when everything rests.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use minions::prelude::*;
use minions::store::{Status, StoredWorkflow};
use minions::workflow::WorkflowId;
use parking_lot::Mutex;

use crate::parts::STEPS;

/// An event: its number is never used again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    pub number: u64,
    pub source: String,
}

/// The driver's end; clones are the same.
#[derive(Clone, Default)]
pub struct Book(Arc<Mutex<Pages>>);

#[derive(Default)]
struct Pages {
    last: u64,
    /// Whether sources panic by themselves.
    nervous: bool,
    /// How many events each source may still produce in this round.
    quota: HashMap<&'static str, u64>,
    /// The events of this round, and where they come from.
    produced: BTreeMap<u64, &'static str>,
    /// What has ended in this round: orchestration and event, and as which workflow.
    finished: HashMap<(String, u64), WorkflowId>,
    workflows: HashMap<WorkflowId, Record>,
    lives: HashMap<String, Life>,
    wrong: Vec<String>,
    /// How many workflows have ended, over the whole run.
    ended: u64,
    /// How many steps ran again after they had been interrupted, over the whole run.
    repeated: u64,
}

/// One workflow that has begun and is not known to be gone from the store.
struct Record {
    orchestration: String,
    event: u64,
    step: usize,
    /// Whether that step has ended.
    left: bool,
    /// The life of the orchestration in which it began.
    life: u64,
    active: bool,
}

/// The lives of an orchestration: each from a start to a stop.
#[derive(Default)]
struct Life {
    number: u64,
    /// The last one that did not end in order, so that what it interrupted runs again.
    rough: Option<u64>,
    /// Orders for it cross each other, so that nobody knows in which life a step runs.
    blurred: bool,
    /// The orchestration has been running from before this event on, without a break, and gets every event since.
    fed_since: Option<u64>,
}

impl Book {
    pub fn allow(&self, source: &'static str, events: u64) {
        self.0.lock().quota.insert(source, events);
    }

    /// How many hold on to it, whoever asks included.
    pub fn holders(&self) -> usize {
        Arc::strong_count(&self.0)
    }

    /// From now on a source panics now and then.
    pub fn make_nervous(&self) {
        self.0.lock().nervous = true;
    }

    pub fn no_more(&self) {
        self.0.lock().quota.clear();
    }

    /// From now on the orchestration surely gets every event of its source.
    pub fn fed(&self, orchestration: &str) {
        let mut pages = self.0.lock();
        let last = pages.last;
        pages.lives.entry(orchestration.to_owned()).or_default().fed_since.get_or_insert(last + 1);
    }

    /// From now on it may miss some.
    pub fn unfed(&self, orchestration: &str) {
        if let Some(life) = self.0.lock().lives.get_mut(orchestration) {
            life.fed_since = None;
        }
    }

    /// The orchestration is down; `rough` unless every workflow came to the end of its step.
    pub fn died(&self, orchestration: &str, rough: bool) {
        let mut pages = self.0.lock();
        let life = pages.lives.entry(orchestration.to_owned()).or_default();
        life.fed_since = None;
        if rough {
            life.rough = Some(life.number);
        }
        life.number += 1;
        life.blurred = false;
    }

    /// Until it is told to be [down](Self::died) or at rest, the lives of the orchestration cannot be told apart.
    pub fn blur(&self, orchestration: &str) {
        self.0.lock().lives.entry(orchestration.to_owned()).or_default().blurred = true;
    }

    pub fn ended(&self) -> (u64, u64) {
        let pages = self.0.lock();
        (pages.ended, pages.repeated)
    }

    /// Compares with what is stored while nothing runs, and forgets what is settled. Answers the rows in quarantine,
    /// which whoever calls throws away.
    pub fn settle(
        &self,
        rows: &[StoredWorkflow],
        source_of: &HashMap<String, String>,
    ) -> Result<Vec<WorkflowId>, Vec<String>> {
        let mut pages = self.0.lock();
        let pages = &mut *pages;
        let mut wrong = std::mem::take(&mut pages.wrong);
        let mut stored = HashMap::new();
        for row in rows {
            let Ok(event) = serde_json::from_slice::<Event>(&row.event) else {
                wrong.push(format!("the row {} holds no event", row.id));
                continue;
            };
            if event.number > pages.last || source_of.get(&row.orchestration) != Some(&event.source) {
                wrong.push(format!(
                    "the row {} of {} holds an event that its source never produced",
                    row.id, row.orchestration
                ));
            }
            if let Some(twin) = stored.insert((row.orchestration.clone(), event.number), row.id) {
                wrong.push(format!(
                    "event {} is stored twice for {}: {twin} and {}",
                    event.number, row.orchestration, row.id
                ));
            }
            // Its own row may be left when it was interrupted before its end was recorded.
            let ended = pages.finished.get(&(row.orchestration.clone(), event.number));
            if let Some(other) = ended.filter(|id| **id != row.id) {
                wrong.push(format!(
                    "event {} ended for {} as {other} and is stored as {}",
                    event.number, row.orchestration, row.id
                ));
            }
        }
        for (number, source) in &pages.produced {
            let takers = source_of.iter().filter(|(_, of)| *of == source).map(|(taker, _)| taker);
            let has = |taker: &String| {
                let what = (taker.clone(), *number);
                pages.finished.contains_key(&what) || stored.contains_key(&what)
            };
            let mut any = false;
            for taker in takers {
                let fed = pages.lives.get(taker).and_then(|life| life.fed_since).is_some_and(|since| since <= *number);
                if has(taker) {
                    any = true;
                } else if fed {
                    wrong.push(format!("event {number} of {source} neither ran nor is stored for {taker}"));
                }
            }
            if !any {
                wrong.push(format!("event {number} of {source} is gone: it ran for nobody and is stored for nobody"));
            }
        }
        let ids: HashMap<_, _> = rows.iter().map(|row| (row.id, row.status)).collect();
        pages.workflows.retain(|id, record| {
            let here = ids.get(id);
            if record.active {
                wrong.push(format!("{id} of {} still runs", record.orchestration));
            }
            if here.is_none() && !record.ended() {
                wrong.push(format!(
                    "{id} of {} is gone after its step {}, event {}",
                    record.orchestration, STEPS[record.step], record.event
                ));
            }
            // One in quarantine is thrown away.
            here.is_some_and(|status| *status == Status::Running)
        });
        pages.produced.clear();
        pages.finished.clear();
        let quarantined = rows.iter().filter(|row| row.status == Status::Quarantined).map(|row| row.id).collect();
        if wrong.is_empty() { Ok(quarantined) } else { Err(wrong) }
    }
}

impl Record {
    fn ended(&self) -> bool {
        self.left && self.step + 1 == STEPS.len()
    }
}

/// The components' end.
#[resource]
pub struct Ledger {
    #[default]
    book: Book,
}

#[resource]
impl Ledger {}

impl Ledger {
    pub fn of(book: Book) -> Self {
        Self { book }
    }

    /// The next event of a source, as long as it may produce any.
    pub fn produce(&self, source: &'static str) -> Option<Event> {
        let mut pages = self.book.0.lock();
        let quota = pages.quota.get_mut(source)?;
        *quota = quota.checked_sub(1)?;
        pages.last += 1;
        let number = pages.last;
        pages.produced.insert(number, source);
        Some(Event { number, source: source.to_owned() })
    }

    /// Whether the source loses its nerve over this event, which it has not told to anybody then.
    pub fn is_too_much(&self, event: &Event) -> bool {
        let mut pages = self.book.0.lock();
        let panics = pages.nervous && event.number % 500 == 499;
        if panics {
            pages.produced.remove(&event.number);
        }
        panics
    }

    /// A step begins; `seen` is what the context says: its event, and how many steps it has behind it.
    pub fn enter(&self, wf: &Workflow, step: usize, event: &Event, seen: (u64, usize)) -> Entry {
        let mut pages = self.book.0.lock();
        let pages = &mut *pages;
        let (id, life) = (wf.id(), pages.lives.entry(wf.orchestration().to_owned()).or_default());
        let mut say =
            |what: String| pages.wrong.push(format!("{id} of {}, event {}: {what}", wf.orchestration(), event.number));
        if wf.step() != STEPS[step] || seen != (event.number, step) {
            say(format!("the step {} found another one's name or context: {}, {seen:?}", STEPS[step], wf.step()));
        }
        match pages.workflows.get_mut(&id) {
            None => {
                if step != 0 {
                    say(format!("it began at {}", STEPS[step]));
                }
                let (orchestration, number) = (wf.orchestration().to_owned(), life.number);
                let record =
                    Record { orchestration, event: event.number, step, left: false, life: number, active: true };
                pages.workflows.insert(id, record);
            }
            Some(record) => {
                if record.active {
                    say(format!("{} runs at the same time as {}", STEPS[step], STEPS[record.step]));
                }
                if step == record.step {
                    pages.repeated += 1;
                    if life.blurred {
                        // Anything goes.
                    } else if life.number == record.life {
                        say(format!("{} ran twice between a start and a stop", STEPS[step]));
                    } else if life.rough.is_none_or(|rough| rough < record.life) {
                        say(format!("{} ran again although every stop since had ended in order", STEPS[step]));
                    }
                    if !wf.may_have_run() {
                        say(format!("{} ran before, and was told that it certainly has not", STEPS[step]));
                    }
                } else if step != record.step + 1 || !record.left {
                    say(format!("{} came after {}, left: {}", STEPS[step], STEPS[record.step], record.left));
                }
                (record.step, record.left, record.life, record.active) = (step, false, life.number, true);
            }
        }
        Entry { book: self.book.clone(), id, left: false }
    }
}

/// A step under way.
pub struct Entry {
    book: Book,
    id: WorkflowId,
    left: bool,
}

impl Entry {
    /// The step has done its work.
    pub fn leave(mut self) {
        self.left = true;
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut pages = self.book.0.lock();
        let pages = &mut *pages;
        let Some(record) = pages.workflows.get_mut(&self.id) else { return };
        (record.active, record.left) = (false, self.left);
        if record.ended() {
            match pages.finished.insert((record.orchestration.clone(), record.event), self.id) {
                None => pages.ended += 1,
                Some(other) if other == self.id => {}
                Some(other) => {
                    let (orchestration, event) = (&record.orchestration, record.event);
                    pages.wrong.push(format!("event {event} ended twice for {orchestration}: {other} and {}", self.id));
                }
            }
        }
    }
}
