//! The known input, and what becomes of it: shared by the program that works and by the parent that checks.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The files of numbered lines, each a partition of its source.
pub const FILES: [&str; 2] = ["a", "b"];

/// The name under which the messages of the queue go.
pub const QUEUE: &str = "queue";

/// An event: from a source, or a copy that a workflow has emitted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    pub source: String,
    pub number: u64,
    /// 0 from a source.
    pub copy: u64,
    /// Now and then too long to lie in the row of a workflow.
    pub note: String,
}

impl Order {
    pub fn new(source: &str, number: u64, copy: u64) -> Self {
        let note = if number % 11 == 5 { "a long story ".repeat(200) } else { String::new() };
        Self { source: source.to_owned(), number, copy, note }
    }

    pub fn label(&self) -> String {
        format!("{}#{}.{}", self.source, self.number, self.copy)
    }

    /// The copy that its workflow emits for its own minion, if any.
    pub fn next(&self) -> Option<Self> {
        let copies = if self.number % 4 == 1 { self.number % 3 } else { 0 };
        (self.copy < copies).then(|| Self::new(&self.source, self.number, self.copy + 1))
    }

    /// What its workflow emits for another minion; neighbours share one, by its key.
    pub fn parcel(&self) -> Parcel {
        Parcel { label: format!("{}#{}..{}", self.source, self.number / 2, self.copy), number: self.number / 2 }
    }

    /// How often its step of that name fails before it works.
    pub fn failures(&self, step: &str) -> u32 {
        match step {
            "take" => (self.number % 5 % 3) as u32,
            // After it has handed over everything that joins its checkpoint.
            "post" => u32::from(self.number % 7 == 3),
            "check" => (self.number % 3) as u32,
            _ => 0,
        }
    }

    pub fn sleeps(&self) -> Option<Duration> {
        self.number.is_multiple_of(3).then(|| Duration::from_millis(3 + self.number % 20))
    }

    pub fn polls(&self) -> bool {
        self.number.is_multiple_of(4)
    }

    pub fn waits(&self) -> bool {
        self.number % 6 == 5
    }

    /// Whether the auditor takes it.
    pub fn is_audited(&self) -> bool {
        self.number % 3 != 2
    }

    /// The lane of its audit.
    pub fn lane(&self) -> u64 {
        self.number % 3
    }

    pub fn end(&self) -> End {
        match self.number % 10 {
            6 => End::Returns,
            7 => End::Fails,
            8 => End::Aborts,
            9 => End::IsDone,
            _ => End::Finishes,
        }
    }
}

/// What a courier carries.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Parcel {
    pub label: String,
    pub number: u64,
}

impl Parcel {
    pub fn lane(&self) -> u64 {
        self.number % 5
    }

    pub fn failures(&self) -> u32 {
        u32::from(self.number % 4 == 1)
    }
}

/// How the workflow of an order ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Finishes,
    /// By a jump back, once, and then as usual.
    Returns,
    /// For good, which has a step of its own.
    Fails,
    Aborts,
    /// Early, without its last step.
    IsDone,
}

/// One visit of a workflow to a step: it may be interrupted and made again, but none is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    pub step: &'static str,
    /// How many visits before it have changed the context.
    pub done: u64,
    pub attempt: u32,
    /// The number of the checkpoint before it, which is part of the idempotency key.
    pub seq: u32,
}

/// All visits of one workflow, in order.
pub type Script = Vec<Visit>;

/// A workflow that should be, by its orchestration and the label of its event.
pub type Case = (String, String);

/// What is known of a case beforehand.
#[derive(Debug)]
pub struct Known {
    pub script: Script,
    /// Where it comes from.
    pub from: From,
}

#[derive(Debug)]
pub enum From {
    /// This line of this file.
    Line(&'static str, u64),
    Message(u64),
    /// The checkpoints after `post` of these cases, whichever is first.
    Emitted(BTreeSet<Case>),
}

#[derive(Default)]
struct Writer {
    script: Script,
    done: u64,
    seq: u32,
}

impl Writer {
    /// So many failed attempts, and one that leads to another step.
    fn step(&mut self, step: &'static str, failures: u32) {
        self.fail(step, failures);
        self.visit(step, failures + 1);
        (self.done, self.seq) = (self.done + 1, self.seq + 1);
    }

    fn fail(&mut self, step: &'static str, failures: u32) {
        (1..=failures).for_each(|attempt| self.visit(step, attempt));
    }

    fn visit(&mut self, step: &'static str, attempt: u32) {
        self.script.push(Visit { step, done: self.done, attempt, seq: self.seq });
    }
}

/// What a clerk does with an order.
pub fn clerk(order: &Order) -> Script {
    let mut script = Writer::default();
    script.step("take", order.failures("take"));
    script.step("rest", 0);
    if order.polls() {
        script.visit("poll", 1);
        script.done += 1;
    }
    script.step("poll", 0);
    script.step("post", order.failures("post"));
    script.step("wait", 0);
    match order.end() {
        End::Finishes => {}
        End::Returns => {
            script.step("decide", 0);
            script.step("wait", 0);
        }
        End::Fails => {
            // What a failed step leaves in the context is forgotten.
            script.fail("decide", 1);
            script.seq += 1;
        }
        End::Aborts => script.step("decide", 0),
        End::IsDone => {}
    }
    match order.end() {
        End::Finishes | End::Returns => {
            script.step("decide", 0);
            script.step("finish", 0);
        }
        End::Fails | End::Aborts => script.step("refund", 0),
        End::IsDone => script.step("decide", 0),
    }
    script.script
}

/// The lane of a case, if it has one: known by the number in its label.
pub fn lane_of((orchestration, label): &Case) -> Option<u64> {
    let number = label.split(['#', '.']).nth(1)?.parse().ok()?;
    match orchestration.as_str() {
        "queue/auditor" => Some(Order::new(QUEUE, number, 0).lane()),
        "clerk/courier" => Some(Parcel { label: label.clone(), number }.lane()),
        _ => None,
    }
}

pub fn auditor(order: &Order) -> Script {
    let mut script = Writer::default();
    script.step("check", order.failures("check"));
    script.step("file", 0);
    script.script
}

pub fn courier(parcel: &Parcel) -> Script {
    let mut script = Writer::default();
    script.step("carry", parcel.failures());
    script.step("hand", 0);
    script.script
}

/// Every workflow that there has to be of so many lines in each file and messages in the queue.
pub fn cases(lines: u64, messages: u64) -> BTreeMap<Case, Known> {
    let mut cases = BTreeMap::new();
    let lines = FILES.iter().flat_map(|file| (1..=lines).map(|number| (*file, number)));
    for (file, number) in lines {
        add(&mut cases, "lines/clerk", &Order::new(file, number, 0), From::Line(file, number));
    }
    for number in 1..=messages {
        let order = Order::new(QUEUE, number, 0);
        add(&mut cases, "queue/clerk", &order, From::Message(number));
        if order.is_audited() {
            let case = ("queue/auditor".to_owned(), order.label());
            cases.insert(case, Known { script: auditor(&order), from: From::Message(number) });
        }
    }
    cases
}

/// Adds the workflow of an order and of everything that it emits.
fn add(cases: &mut BTreeMap<Case, Known>, orchestration: &str, order: &Order, from: From) {
    let case = (orchestration.to_owned(), order.label());
    cases.insert(case.clone(), Known { script: clerk(order), from });
    let parcel = order.parcel();
    let courier = ("clerk/courier".to_owned(), parcel.label.clone());
    let known = cases
        .entry(courier)
        .or_insert_with(|| Known { script: self::courier(&parcel), from: From::Emitted(BTreeSet::new()) });
    if let From::Emitted(by) = &mut known.from {
        by.insert(case.clone());
    }
    if let Some(next) = order.next() {
        add(cases, "clerk/clerk", &next, From::Emitted([case].into()));
    }
}
