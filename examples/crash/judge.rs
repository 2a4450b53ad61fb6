//! What must hold when a process is gone, and when the work is done.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::evidence::{Entry, Evidence, Row};
use crate::input::{Case, From, Known, QUEUE, Visit, lane_of};

/// What is expected, and what is known of the life of one state directory.
pub struct Judge {
    cases: BTreeMap<Case, Known>,
    lines: u64,
    messages: u64,
    /// The runs that have parked their workflows in order: nothing of them runs again.
    pub parked: BTreeSet<u64>,
    /// Workflows that were set aside although they are innocent, and were sent on from there: the attempts at that step are
    /// counted anew.
    pub pardoned: BTreeSet<String>,
    figures: Figures,
}

/// What was counted at the last look.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    pub finished: usize,
    pub stored: usize,
    pub quarantined: usize,
    /// Those that wait in lanes which are held by workflows in quarantine.
    pub behind: usize,
    pub visits: usize,
    pub repeated: usize,
}

type Wrong = Vec<String>;

impl Judge {
    pub fn new(cases: BTreeMap<Case, Known>, lines: u64, messages: u64) -> Self {
        Self { cases, lines, messages, parked: BTreeSet::new(), pardoned: BTreeSet::new(), figures: Figures::default() }
    }

    pub fn figures(&self) -> Figures {
        self.figures
    }

    /// Looks at what a process has left, and tells everything that is wrong.
    pub fn look(&mut self, evidence: &Evidence) -> Wrong {
        let mut wrong = Vec::new();
        wrong.extend(evidence.damage.as_ref().map(|damage| format!("the database is damaged: {damage}")));
        let known = |case: &&Case| !self.cases.contains_key(*case);
        let found = evidence.stored.keys().chain(evidence.finished.keys()).chain(evidence.posted.keys());
        wrong.extend(found.filter(known).map(|case| format!("{case:?} should not be at all")));
        let mut journal: HashMap<&Case, Vec<&Entry>> = HashMap::new();
        evidence.journal.iter().for_each(|entry| journal.entry(&entry.case).or_default().push(entry));
        let mut figures = Figures { visits: evidence.journal.len(), ..Figures::default() };
        for (case, known) in &self.cases {
            let entries = journal.remove(case).unwrap_or_default();
            let mut look = Look { judge: self, evidence, case, known, wrong: &mut wrong };
            figures.repeated += look.all(&entries);
            figures.finished += usize::from(evidence.finished.contains_key(case));
        }
        wrong.extend(journal.keys().map(|case| format!("{case:?} has run, and should not be at all")));
        wrong.extend(lanes(&evidence.journal));
        let rows = || evidence.stored.values().flatten();
        figures.stored = rows().count();
        figures.quarantined = rows().filter(|row| row.quarantined).count();
        figures.behind = evidence.stored.iter().filter(|(case, _)| evidence.is_held(case)).count();
        self.figures = figures;
        wrong
    }

    /// What must hold besides when a process has gone through everything.
    pub fn look_at_the_end(&self, evidence: &Evidence) -> Wrong {
        let mut wrong = Vec::new();
        let unfinished = self.cases.keys().filter(|case| !evidence.finished.contains_key(*case));
        wrong.extend(unfinished.map(|case| format!("{case:?} is not finished")));
        let left = evidence.left.iter().filter(|(_, count)| **count > 0);
        wrong.extend(left.map(|(table, count)| format!("{count} rows are left over in `{table}`")));
        let acknowledged: BTreeSet<_> = evidence.acknowledged.iter().copied().collect();
        if acknowledged != (1..=self.messages).collect() {
            wrong.push(format!("not every message is acknowledged: {acknowledged:?}"));
        }
        for (file, cursor) in &evidence.cursors {
            let lines = self.lines.cast_signed();
            if *cursor != (lines, lines) {
                wrong.push(format!("the cursor of `{file}` ends at {cursor:?}, not at {lines}"));
            }
        }
        let messages = (1..=self.messages).map(|number| (QUEUE.to_owned(), number.to_string()));
        let parcels = self.cases.keys().filter(|(orchestration, _)| orchestration == "clerk/courier");
        let keys: BTreeSet<_> = messages.chain(parcels.map(|(_, label)| ("clerk".to_owned(), label.clone()))).collect();
        wrong.extend(
            keys.symmetric_difference(&evidence.keys).map(|key| format!("the key {key:?} is on one side only")),
        );
        wrong
    }
}

/// A look at one case.
struct Look<'a> {
    judge: &'a Judge,
    evidence: &'a Evidence,
    case: &'a Case,
    known: &'a Known,
    wrong: &'a mut Wrong,
}

impl Look<'_> {
    fn say(&mut self, what: impl std::fmt::Display) {
        self.wrong.push(format!("{} {}: {what}", self.case.0, self.case.1));
    }

    /// Answers how many visits were made again.
    fn all(&mut self, entries: &[&Entry]) -> usize {
        let (rows, finished) = (self.rows(), count(&self.evidence.finished, self.case));
        let admitted = rows.len() + finished;
        if admitted > 1 {
            self.say(format_args!("it is there {admitted} times: {finished} finished, {rows:?}"));
        }
        self.admission(admitted);
        let workflows: BTreeSet<_> = entries.iter().map(|entry| &entry.workflow).collect();
        let here =
            rows.iter().map(|row| &row.workflow).chain(self.evidence.finished.get(self.case).into_iter().flatten());
        let workflows: BTreeSet<_> = workflows.into_iter().chain(here).collect();
        if workflows.len() > 1 {
            self.say(format_args!("it was admitted more than once: {workflows:?}"));
        }
        if admitted == 0 && !entries.is_empty() {
            self.say("it has run, and is neither stored nor finished");
        }
        let (last, repeated) = self.order(entries);
        let reached = match rows.first() {
            _ if finished > 0 => Some(self.known.script.len()),
            Some(row) => self.row(row, last),
            None => None,
        };
        if finished > 0 && last.map(|last| last + 1) != Some(self.known.script.len()) {
            self.say(format_args!("it is finished after visit {last:?} of {}", self.known.script.len()));
        }
        if let Some(reached) = reached {
            self.effects(reached);
        }
        repeated
    }

    fn rows(&self) -> Vec<Row> {
        self.evidence.stored.get(self.case).cloned().unwrap_or_default()
    }

    /// Whether it is there exactly if its source says so.
    fn admission(&mut self, admitted: usize) {
        match &self.known.from {
            From::Line(file, number) => {
                let (count, position) = self.evidence.cursors.get(*file).copied().unwrap_or_default();
                if count != position {
                    self.say(format_args!(
                        "the cursor of `{file}` has counted {count} events up to position {position}"
                    ));
                }
                if (admitted > 0) != (number.cast_signed() <= position) {
                    self.say(format_args!("it is there {admitted} times, and the cursor of `{file}` is at {position}"));
                }
            }
            From::Message(number) => {
                let key = (QUEUE.to_owned(), number.to_string());
                let (is_known, is_acknowledged) =
                    (self.evidence.keys.contains(&key), self.evidence.acknowledged.contains(number));
                if (admitted > 0) != is_known {
                    self.say(format_args!("it is there {admitted} times; whether its key is: {is_known}"));
                }
                if is_acknowledged && admitted == 0 {
                    self.say("it was acknowledged, and is lost");
                }
            }
            From::Emitted(by) => {
                let emitted = by.iter().filter(|case| self.evidence.posted.contains_key(*case)).count();
                if (admitted > 0) != (emitted > 0) {
                    self.say(format_args!("it is there {admitted} times, and {emitted} of its emitters were through"));
                }
            }
        }
    }

    /// Whether its visits began in order; answers the last one, and how many were made again.
    fn order(&mut self, entries: &[&Entry]) -> (Option<usize>, usize) {
        let (mut last, mut repeated): (Option<(usize, &Entry)>, usize) = (None, 0);
        for &entry in entries {
            let Some(at) = self.position(&entry.step, entry.done, entry.attempt) else {
                self.say(format_args!("no such visit should be: {entry:?}"));
                continue;
            };
            if self.known.script[at].seq != entry.seq {
                self.say(format_args!(
                    "the visit has another key than expected, {:?}: {entry:?}",
                    self.known.script[at]
                ));
            }
            let expected = last.map_or(0, |(last, _)| last + 1);
            match last {
                _ if at == expected => {}
                Some((before, earlier)) if at == before && earlier.run < entry.run => {
                    repeated += 1;
                    if !entry.may_have_run {
                        self.say(format_args!("the visit may have run, and is told that it has not: {entry:?}"));
                    }
                    if self.judge.parked.contains(&earlier.run) {
                        self.say(format_args!("it was parked in order, and its visit is made again: {entry:?}"));
                    }
                }
                // From the first attempt on.
                Some((before, _)) if at < before && self.is_pardoned(entry, before) => {}
                _ => self.say(format_args!("visit {expected} was to come, and visit {at} came: {entry:?}")),
            }
            last = Some((at, entry));
        }
        (last.map(|(at, _)| at), repeated)
    }

    fn is_pardoned(&self, entry: &Entry, before: usize) -> bool {
        let Visit { step, done, .. } = &self.known.script[before];
        *step == entry.step && *done == entry.done && self.judge.pardoned.contains(&entry.workflow)
    }

    fn position(&self, step: &str, done: u64, attempt: u32) -> Option<usize> {
        self.known.script.iter().position(|visit| visit.step == step && visit.done == done && visit.attempt == attempt)
    }

    /// Whether its row is at the last visit that began, or at the one after it; answers at which one.
    fn row(&mut self, row: &Row, last: Option<usize>) -> Option<usize> {
        if row.quarantined || self.judge.pardoned.contains(&row.workflow) {
            if row.quarantined && !row.failures.contains("\"death\"") {
                self.say(format_args!("it was set aside: {row:?}"));
            }
            // Its attempt is that of the death.
            return self.known.script.iter().position(|visit| visit.step == row.step && visit.done == row.done);
        }
        let Some(at) = self.position(&row.step, row.done, row.attempt + 1) else {
            self.say(format_args!("it is stored where it should never be: {row:?}"));
            return None;
        };
        if self.known.script[at].seq != row.seq {
            self.say(format_args!("its number of checkpoints is not that of {:?}: {row:?}", self.known.script[at]));
        }
        let next = last.map_or(0, |last| last + 1);
        if at != next && last != Some(at) {
            self.say(format_args!("it is stored at visit {at}, and the last one that began is {last:?}: {row:?}"));
        }
        Some(at)
    }

    /// Whether its row in the other table is there exactly once, if it is past that visit.
    fn effects(&mut self, reached: usize) {
        let Some(post) = self.known.script.iter().rposition(|visit| visit.step == "post") else { return };
        let (posted, expected) = (count(&self.evidence.posted, self.case), usize::from(reached > post));
        if posted != expected {
            self.say(format_args!("it has posted {posted} times instead of {expected}, and is at visit {reached}"));
        }
    }
}

/// Whether the workflows of each lane ran one after another; those of a source in the order of its messages as well.
fn lanes(journal: &[Entry]) -> Wrong {
    let mut wrong = Vec::new();
    let mut lanes: HashMap<(&str, u64), Vec<&Entry>> = HashMap::new();
    for entry in journal {
        let Some(lane) = lane_of(&entry.case) else { continue };
        let begun = lanes.entry((entry.case.0.as_str(), lane)).or_default();
        if begun.last().is_some_and(|last| last.workflow == entry.workflow) {
            continue;
        }
        if begun.iter().any(|earlier| earlier.workflow == entry.workflow) {
            wrong.push(format!("lane {lane}: {:?} goes on after {:?} has begun", entry, begun.last()));
        }
        let is_emitted = entry.case.0.starts_with("clerk/");
        if !is_emitted && begun.last().is_some_and(|last| last.workflow > entry.workflow) {
            wrong.push(format!("lane {lane}: {:?} begins after {:?}, which is younger", entry, begun.last()));
        }
        begun.push(entry);
    }
    wrong
}

fn count(found: &BTreeMap<Case, Vec<String>>, case: &Case) -> usize {
    found.get(case).map_or(0, Vec::len)
}
