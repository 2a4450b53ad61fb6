//! Turns values into a user's types and finds every problem on the way.
//!
//! Serde stops at the first error. To find them all, the decoder runs again after each one, answering the place that
//! failed with a made-up value of whatever type is asked there, until nothing new turns up. Made-up values may in
//! turn break a rule of the user's own (`min` must not exceed `max`); an error at a place with made-up values inside
//! is therefore not reported. Only a run without any made-up value yields a result.
//!
//! Serde buffers flattened, untagged and internally tagged data before the type is known. Inside those, only the
//! first error is found, its place is the table around it, and keys that nobody reads cannot be noticed.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;

use crate::config::{KeyPath, Problem, Segment, Settings, Value};

mod access;
mod decoder;
mod fail;
pub(crate) mod made_up;

use self::decoder::{Decoder, Input};
use self::fail::{Failure, Placed, Wrong};

/// A decoded section.
#[derive(Debug)]
pub struct Decoded<T> {
    /// The user's value.
    pub value: T,
    /// What was learnt about the keys of the section.
    pub keys: SectionKeys,
}

/// What decoding tells about the keys of a section.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SectionKeys {
    /// Places that hold a [`Secret`](crate::config::Secret); what lies inside them is secret too.
    pub secrets: BTreeSet<KeyPath>,
    /// Keys which the type knows and nobody set, so that their defaults are in force.
    pub defaults: BTreeSet<KeyPath>,
}

impl SectionKeys {
    /// Whether the value at this place must not be shown.
    #[must_use]
    pub fn is_secret(&self, path: &KeyPath) -> bool {
        self.secrets.iter().any(|secret| path.is_within(secret))
    }
}

/// Decodes one section of the settings into a user's type.
///
/// A section that is absent or empty decodes as an empty table, so a type whose fields all have defaults needs none.
///
/// # Errors
///
/// All problems of the section, in reading order.
pub fn decode_section<T: DeserializeOwned>(settings: &Settings, section: &str) -> Result<Decoded<T>, Vec<Problem>> {
    let value = settings.get(section);
    let file = settings.file_of(section);
    decode(section, &file, value)
}

/// What the decoder must answer instead of the configured value at a place.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Patch {
    /// A made-up value; the number counts the attempts, since a type may refuse the first one.
    MadeUp(usize),
    /// Nothing, as if the key were not there: it is itself at fault, or the type refuses whatever we make up.
    Omit,
    /// The type insists on a value and refuses all of ours; it is read last, so that its neighbours are read before.
    Stuck,
}

/// The state of one run.
struct Run<'a> {
    patches: &'a BTreeMap<KeyPath, Patch>,
    notes: RefCell<Notes>,
}

/// What is learnt during one run.
#[derive(Default)]
struct Notes {
    unknown: Vec<Placed>,
    expected: BTreeMap<KeyPath, String>,
    keys: SectionKeys,
}

/// What is learnt over all runs.
#[derive(Default)]
struct Findings {
    patches: BTreeMap<KeyPath, Patch>,
    found: Vec<Placed>,
}

/// Ends the search in types that fail in ever new ways; far more than a readable report holds.
const MOST_RUNS: usize = 1_000;

fn decode<T: DeserializeOwned>(section: &str, file: &str, value: Option<&Value>) -> Result<Decoded<T>, Vec<Problem>> {
    let mut findings = Findings::default();
    for _ in 0..MOST_RUNS {
        let run = Run { patches: &findings.patches, notes: RefCell::default() };
        let input = value.map_or(Input::Absent, Input::Given);
        let result = T::deserialize(Decoder::root(&run, input));
        let notes = run.notes.into_inner();
        findings.note(notes.unknown, &notes.expected);
        match result {
            Ok(value) if findings.found.is_empty() => {
                return Ok(Decoded { value, keys: notes.keys });
            }
            Ok(_) => break,
            Err(failure) => {
                if !findings.learn(failure) {
                    break;
                }
            }
        }
    }
    let found = findings.found.into_iter();
    let mut problems: Vec<_> = found.map(|placed| placed.into_problem(section, file)).collect();
    problems.sort_by(Problem::reading_order);
    Err(problems)
}

impl Findings {
    /// Keeps what a run noticed without failing.
    fn note(&mut self, unknown: Vec<Placed>, expected: &BTreeMap<KeyPath, String>) {
        for placed in unknown {
            if !self.found.contains(&placed) {
                self.found.push(placed);
            }
        }
        for placed in &mut self.found {
            if let Wrong::Missing { expected: words @ None, .. } = &mut placed.wrong {
                *words = expected.get(&placed.path).cloned();
            }
        }
    }

    /// Takes in the failure that ended a run; whether another run can tell more.
    fn learn(&mut self, failure: Failure) -> bool {
        let placed = match failure {
            Failure::Placed(placed) => *placed,
            Failure::Loose(wrong) => Placed { path: KeyPath::root(), origin: None, wrong, in_key: false },
        };
        match self.patches.get_mut(&placed.path) {
            Some(Patch::MadeUp(attempt)) if *attempt + 1 < made_up::ATTEMPTS => *attempt += 1,
            // Leaving the key out is the last hope: it helps where the type has a default.
            Some(patch @ Patch::MadeUp(_)) if matches!(placed.path.last(), Some(Segment::Key(_))) => {
                *patch = Patch::Omit;
            }
            Some(patch @ (Patch::MadeUp(_) | Patch::Omit)) => *patch = Patch::Stuck,
            Some(Patch::Stuck) => return false,
            None => {
                let patch = if placed.in_key { Patch::Omit } else { Patch::MadeUp(0) };
                let path = placed.path.clone();
                let is_ours = self.patches.keys().any(|made_up| path.is_within(made_up) || made_up.is_within(&path));
                if !is_ours {
                    self.found.push(placed);
                }
                self.patches.insert(path, patch);
            }
        }
        true
    }
}

impl Run<'_> {
    /// The patch at exactly this place.
    fn patch(&self, path: &KeyPath) -> Option<Patch> {
        self.patches.get(path).copied()
    }

    /// Whether this place or one inside it refuses all made-up values.
    fn is_stuck(&self, path: &KeyPath) -> bool {
        self.patches.iter().any(|(stuck, patch)| *patch == Patch::Stuck && stuck.is_within(path))
    }

    /// The patched places directly inside this one.
    fn patched_children<'a>(&'a self, path: &'a KeyPath) -> impl Iterator<Item = &'a KeyPath> {
        let depth = path.segments().len() + 1;
        self.patches.keys().filter(move |patched| patched.segments().len() == depth && patched.is_within(path))
    }
}

#[cfg(test)]
mod tests;
