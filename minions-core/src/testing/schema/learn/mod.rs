//! Samples of a type: values that it accepts, made up field by field, as it writes them.
//!
//! A type tells what it wants only while it deserialises. So it is given made-up values, and whatever it refuses is a
//! *fact* for the next try: another value there, a key that was missing, a variant out of those that it named. Once it is
//! content, it is serialised, and that is the sample.
//!
//! Flattened and tagged types are buffered by serde before they say what they want; their values are made up as texts that
//! know their place, so that a complaint about one tells which it was. Untagged types complain about nothing in
//! particular: of them, only what accepts a simple value is learnt.

use std::panic::AssertUnwindSafe;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

mod access;
mod failure;
mod maker;
mod plan;
#[cfg(test)]
mod tests;

use self::maker::{Maker, Run, Seen};
use self::plan::Plan;

/// What is known of a type.
#[derive(Clone, Debug, Default)]
pub(crate) struct Learnt {
    /// Different encoded values, the fullest one first.
    pub(crate) samples: Vec<Value>,
    /// What of the type could not be made up, and why.
    pub(crate) refused: Vec<String>,
}

/// Ends the search in types that refuse in ever new ways.
const MOST_RUNS: usize = 1_000;
/// No schema needs more, and each is kept in the lock.
const MOST_SAMPLES: usize = 200;

/// Learns what `T` looks like when it is stored.
///
/// The samples are a value with everything in it, one with nothing in it that may be left out, and both for every variant
/// of every enum that occurs.
pub(crate) fn samples<T: Serialize + DeserializeOwned>() -> Learnt {
    let mut learnt = Learnt::default();
    let mut known = Vec::new();
    let mut plans = vec![Plan::default()];
    let mut next = 0;
    while let Some(plan) = plans.get(next).cloned() {
        next += 1;
        for plan in [plan.clone(), plan.bare()] {
            match make::<T>(plan.clone()) {
                Ok((sample, seen)) => {
                    if !learnt.samples.contains(&sample) {
                        learnt.samples.push(sample);
                    }
                    for choice in seen.choices {
                        if known.contains(&choice.of) {
                            continue;
                        }
                        let others = (0..choice.of.variants.len()).filter(|index| *index != choice.taken);
                        plans.extend(others.map(|index| plan.choosing(&choice, index)));
                        known.push(choice.of);
                    }
                }
                Err(why) => {
                    let why = plan.described(&why);
                    if !learnt.refused.contains(&why) {
                        learnt.refused.push(why);
                    }
                }
            }
        }
        if learnt.samples.len() >= MOST_SAMPLES {
            break;
        }
    }
    learnt
}

/// Makes one value and encodes it.
fn make<T: Serialize + DeserializeOwned>(mut plan: Plan) -> Result<(Value, Seen), String> {
    for _ in 0..MOST_RUNS {
        let run = Run::of(&plan);
        let made = guarded(|| T::deserialize(Maker::root(&run)));
        let seen = run.seen();
        match made {
            Some(Ok(value)) => {
                let sample = guarded(|| serde_json::to_value(&value)).ok_or("writing it panics")?;
                return Ok((sample.map_err(|error| error.to_string())?, seen));
            }
            Some(Err(failure)) => plan.learn(&failure, &seen)?,
            // It may compute with a number that is as great as can be.
            None if !plan.tame => plan.tame = true,
            None => return Err("reading a made-up value panics".to_owned()),
        }
    }
    Err("it refuses made-up values again and again".to_owned())
}

fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    std::panic::catch_unwind(AssertUnwindSafe(work)).ok()
}
