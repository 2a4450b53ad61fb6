//! The fields of spans and events, recorded once for all outputs.
//!
//! Spans may be opened far more often than a line is written. So recording is two growing
//! buffers and no allocation per field: one text that holds all values, and one list that says which part is whose.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tracing::field::{Field, Visit};

use minions_core::telemetry::CurrentStep;

/// Longest chain of causes that is recorded; an error that names itself as its source must not hang the process.
const LONGEST_CHAIN: usize = 32;

/// Recorded fields in the order they came; of several with one name the last one counts.
#[derive(Debug, Default, Clone)]
pub(super) struct Fields {
    text: String,
    entries: Vec<Entry>,
    message: Option<Range<usize>>,
}

#[derive(Debug, Clone)]
struct Entry {
    name: &'static str,
    shape: Shape,
    value: Range<usize>,
}

/// How the recorded text is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A number or a boolean, already spelt as JSON spells it.
    Literal,
    /// Anything else.
    Text,
    /// What an error says about itself; the causes follow as entries of their own.
    Error,
    /// The next cause of the error before it.
    Cause,
}

/// One field as an output sees it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value<'a> {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) text: &'a str,
}

impl Fields {
    /// Room for `count` fields of usual length, as growing field by field would cost an allocation for each.
    pub(super) fn with_room_for(count: usize) -> Self {
        Self { text: String::with_capacity(count * 16), entries: Vec::with_capacity(count), message: None }
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.entries.clear();
        self.message = None;
    }

    /// Number of bytes held in reserve for the next use.
    pub(super) fn capacity(&self) -> usize {
        self.text.capacity()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// What the event says, without its fields.
    pub(super) fn message(&self) -> &str {
        self.message.clone().map_or("", |range| &self.text[range])
    }

    /// Appends what the span of a step says.
    pub(super) fn identify(&mut self, step: &CurrentStep) {
        let names = [("component", step.minion), ("minion", step.minion), ("orchestration", &step.orchestration)];
        for (name, value) in names {
            self.record(name, Shape::Text, |text| text.write_str(value));
        }
        self.record("workflow", Shape::Text, |text| write!(text, "{}", step.workflow));
        self.record("step", Shape::Text, |text| text.write_str(step.step));
        self.record("attempt", Shape::Literal, |text| write!(text, "{}", step.attempt));
    }

    /// A visitor for a span, where `message` is a field like any other.
    pub(super) fn span(&mut self) -> Recorder<'_> {
        Recorder { fields: self, event: false }
    }

    /// A visitor for an event, which takes `message` apart from the fields.
    pub(super) fn event(&mut self) -> Recorder<'_> {
        Recorder { fields: self, event: true }
    }

    /// Appends the fields of a span inside the ones recorded so far.
    pub(super) fn append(&mut self, inner: &Self) {
        let offset = self.text.len();
        self.text.push_str(&inner.text);
        self.entries.extend(inner.entries.iter().map(|entry| Entry {
            name: entry.name,
            shape: entry.shape,
            value: entry.value.start + offset..entry.value.end + offset,
        }));
    }

    /// The fields from `start` on that no later one of the same name replaces.
    pub(super) fn winners(&self, start: usize) -> impl Iterator<Item = (usize, Value<'_>)> {
        let entries = self.entries.iter().enumerate().skip(start);
        entries
            .filter(|(at, entry)| {
                entry.shape != Shape::Cause
                    && !self.entries[at + 1..]
                        .iter()
                        .any(|later| later.shape != Shape::Cause && later.name == entry.name)
            })
            .map(|(at, entry)| (at, self.value(entry)))
    }

    /// The field of this name that counts.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut entries = self.entries.iter().rev();
        let entry = entries.find(|entry| entry.shape != Shape::Cause && entry.name == name)?;
        Some(&self.text[entry.value.clone()])
    }

    /// The error at `at` and its causes, outermost first.
    pub(super) fn chain(&self, at: usize) -> impl Iterator<Item = &str> {
        let causes = self.entries[at + 1..].iter();
        let causes = causes.take_while(|entry| entry.shape == Shape::Cause);
        std::iter::once(&self.entries[at]).chain(causes).map(|entry| &self.text[entry.value.clone()])
    }

    fn value(&self, entry: &Entry) -> Value<'_> {
        Value { name: entry.name, shape: entry.shape, text: &self.text[entry.value.clone()] }
    }

    /// Records what `write` writes, or nothing at all if it fails or panics: the formatting code is the user's, and a
    /// bad field must cost neither the line nor the step that logs it.
    fn record(&mut self, name: &'static str, shape: Shape, write: impl FnOnce(&mut String) -> fmt::Result) -> bool {
        let start = self.text.len();
        let text = &mut self.text;
        let written = catch_unwind(AssertUnwindSafe(|| write(text)));
        if !matches!(written, Ok(Ok(()))) {
            self.text.truncate(start);
            return false;
        }
        let value = start..self.text.len();
        self.entries.push(Entry { name, shape, value });
        true
    }
}

/// Takes values from `tracing`.
pub(super) struct Recorder<'a> {
    fields: &'a mut Fields,
    event: bool,
}

impl Recorder<'_> {
    fn put(&mut self, field: &Field, shape: Shape, write: impl FnOnce(&mut String) -> fmt::Result) -> bool {
        let name = field.name();
        let name = name.strip_prefix("r#").unwrap_or(name);
        if !self.fields.record(name, shape, write) {
            return false;
        }
        if self.event && name == "message" && matches!(shape, Shape::Text | Shape::Literal) {
            self.fields.message = self.fields.entries.pop().map(|entry| entry.value);
        }
        true
    }

    fn literal(&mut self, field: &Field, value: impl fmt::Display) {
        self.put(field, Shape::Literal, |text| write!(text, "{value}"));
    }

    fn text(&mut self, field: &Field, value: impl fmt::Display) {
        self.put(field, Shape::Text, |text| write!(text, "{value}"));
    }
}

impl Visit for Recorder<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Shape::Text, |text| {
            text.push_str(value);
            Ok(())
        });
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.literal(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.literal(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.literal(field, value);
    }

    // Readers of JSON round what is beyond 64 bits, so such a number is kept exact as a text.
    fn record_i128(&mut self, field: &Field, value: i128) {
        if i64::try_from(value).is_ok() {
            self.literal(field, value);
        } else {
            self.text(field, value);
        }
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        if u64::try_from(value).is_ok() {
            self.literal(field, value);
        } else {
            self.text(field, value);
        }
    }

    // JSON has no word for these, and `null` would hide which one it was.
    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.put(field, Shape::Literal, |text| write!(text, "{value:?}"));
        } else {
            self.text(field, value);
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        if !self.put(field, Shape::Error, |text| write!(text, "{value}")) {
            return;
        }
        let mut next = value.source();
        for _ in 0..LONGEST_CHAIN {
            let Some(cause) = next else { return };
            self.put(field, Shape::Cause, |text| write!(text, "{cause}"));
            next = cause.source();
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Shape::Text, |text| write!(text, "{value:?}"));
    }
}
