//! What the next value is made of, and what is learnt from a refusal.

use std::collections::BTreeMap;

use crate::config::{KeyPath, made_up};

use super::failure::{Failure, Why};
use super::maker::{Choice, Seen};

/// What the next value is made of.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    /// Whatever may be left out is.
    pub(super) bare: bool,
    /// Numbers are small.
    pub(super) tame: bool,
    pub(super) facts: BTreeMap<KeyPath, Fact>,
    /// The variant that this value is made for.
    wanted: Option<String>,
}

/// What is known of one place.
#[derive(Clone, Debug, Default)]
pub(super) struct Fact {
    /// How many values it has refused.
    pub(super) attempt: usize,
    /// It is an option or a collection, and nothing fits into it.
    pub(super) empty: bool,
    /// The key is another name of a field that is there already.
    pub(super) omit: bool,
    /// Keys that were missing, in the order in which that was found.
    pub(super) keys: Vec<&'static str>,
    /// What it is, if serde asked for anything.
    pub(super) form: Option<Form>,
    /// The variant to take.
    pub(super) variant: Option<usize>,
    /// The texts that it is one of.
    pub(super) known: Option<&'static [&'static str]>,
    /// The variant was asked for, so another one will not do.
    forced: bool,
}

/// A kind of value, where serde asked for anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A text that knows its place.
    Known,
    Text(usize),
    Map,
    Seq,
    Integer,
    Float,
    Bool,
    Null,
}

impl Plan {
    pub(super) fn bare(&self) -> Self {
        Self { bare: true, ..self.clone() }
    }

    /// The same with another variant at one place.
    pub(super) fn choosing(&self, choice: &Choice, index: usize) -> Self {
        // What was learnt of the places inside belongs to the variant that was there.
        let mut facts: BTreeMap<_, _> = self
            .facts
            .iter()
            .filter(|(place, _)| !place.is_within(&choice.place))
            .map(|(a, b)| (a.clone(), b.clone()))
            .collect();
        let mut fact = self.facts.get(&choice.place).cloned().unwrap_or_default();
        (fact.variant, fact.forced, fact.attempt) = (Some(index), true, 0);
        facts.insert(choice.place.clone(), fact);
        let wanted = Some(format!("the variant `{}`", choice.of.variants[index]));
        Self { bare: false, tame: self.tame, facts, wanted }
    }

    /// `why`, with what it was made for.
    pub(super) fn described(&self, why: &str) -> String {
        match &self.wanted {
            Some(wanted) => format!("{wanted}: {why}"),
            None => why.to_owned(),
        }
    }

    pub(super) fn fact(&mut self, place: &KeyPath) -> &mut Fact {
        self.facts.entry(place.clone()).or_default()
    }

    /// Takes in why a value was refused.
    ///
    /// # Errors
    ///
    /// When there is nothing else to try.
    pub(super) fn learn(&mut self, failure: &Failure, seen: &Seen) -> Result<(), String> {
        let place = failure.place.clone().unwrap_or_default();
        match &failure.why {
            Why::Missing(field) if self.adds(&place, field, seen) => return Ok(()),
            Why::Twice(_) => {
                if let Some(key) = seen.last_key.clone() {
                    let fact = self.fact(&key);
                    if !std::mem::replace(&mut fact.omit, true) {
                        return Ok(());
                    }
                }
            }
            Why::Variant { found, known } => {
                let place = seen.texts.get(found).cloned().unwrap_or_else(|| place.clone());
                let fact = self.fact(&place);
                if fact.known.replace(known).is_none() && !known.is_empty() {
                    return Ok(());
                }
            }
            Why::Value { found, expected } => {
                if let Some(place) = seen.texts.get(found)
                    && let Some(form) = Form::of(expected)
                {
                    let fact = self.fact(place);
                    if fact.form.replace(form) != Some(form) {
                        return Ok(());
                    }
                }
            }
            Why::Endless => return self.give_way(&place, failure, seen),
            Why::Missing(_) | Why::Other(_) => {}
        }
        let anything = seen.anything.contains(&place);
        let fact = self.fact(&place);
        fact.attempt += 1;
        if anything {
            match fact.form.unwrap_or(Form::Known).next() {
                Some(form) => fact.form = Some(form),
                None => return self.give_way(&place, failure, seen),
            }
        } else if fact.attempt >= made_up::ATTEMPTS {
            return self.give_way(&place, failure, seen);
        }
        Ok(())
    }

    /// Adds a missing key where there is a table without it; the last one to be found comes first, since what it wants is
    /// asked before the rest of what is around it.
    fn adds(&mut self, place: &KeyPath, field: &'static str, seen: &Seen) -> bool {
        let tables = seen.tables.iter().rev().filter(|table| table.is_within(place));
        for table in tables {
            let fact = self.fact(table);
            if !fact.keys.contains(&field) {
                fact.keys.push(field);
                return true;
            }
        }
        false
    }

    /// Nothing fits at `place`: leaves out what it lies in, or takes another variant around it.
    fn give_way(&mut self, place: &KeyPath, failure: &Failure, seen: &Seen) -> Result<(), String> {
        let mut around = Some(place.clone());
        while let Some(place) = around {
            if seen.optional.contains(&place) {
                let fact = self.fact(&place);
                if !std::mem::replace(&mut fact.empty, true) {
                    return Ok(());
                }
            }
            if let Some(choice) = seen.choices.iter().find(|choice| choice.place == place) {
                let next = choice.taken + 1;
                let fact = self.fact(&place);
                if !fact.forced && next < choice.of.variants.len() {
                    fact.variant = Some(next);
                    self.facts.retain(|inner, _| *inner == place || !inner.is_within(&place));
                    return Ok(());
                }
            }
            around = place.parent();
        }
        Err(failure.to_string())
    }
}

impl Form {
    /// What to try after it.
    fn next(self) -> Option<Self> {
        Some(match self {
            Self::Known => Self::Map,
            Self::Map => Self::Seq,
            Self::Seq => Self::Integer,
            Self::Integer => Self::Float,
            Self::Float => Self::Bool,
            Self::Bool => Self::Null,
            Self::Null => Self::Text(0),
            Self::Text(attempt) if attempt + 1 < made_up::ATTEMPTS => Self::Text(attempt + 1),
            Self::Text(_) => return None,
        })
    }

    /// What a type means that says it expected this.
    fn of(expected: &str) -> Option<Self> {
        let number = |kind: char| {
            let bits = expected.strip_prefix(kind)?;
            matches!(bits, "8" | "16" | "32" | "64" | "128" | "size").then_some(())
        };
        if number('u').is_some() || number('i').is_some() || expected.starts_with("a nonzero ") {
            return Some(Self::Integer);
        }
        Some(match expected {
            "f32" | "f64" => Self::Float,
            "a boolean" => Self::Bool,
            "a sequence" => Self::Seq,
            "a map" => Self::Map,
            "unit" => Self::Null,
            "a character" => Self::Text(1),
            text if text.starts_with("struct ") || text.contains("tagged enum") => Self::Map,
            text if text.starts_with("unit struct") => Self::Null,
            text if text.starts_with("a tuple") || text.starts_with("tuple ") || text.starts_with("an array") => {
                Self::Seq
            }
            _ => return None,
        })
    }
}
