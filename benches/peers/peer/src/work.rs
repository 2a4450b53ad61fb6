//! The event, the context, and what a step does to it.

use serde::{Deserialize, Serialize};

use crate::Error;

/// The event.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Page {
    pub number: u64,
}

/// The context: about 200 bytes, other ones after every step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Visit {
    pub number: u64,
    pub steps: u32,
    pub text: String,
}

impl Visit {
    pub fn of(page: &Page) -> Self {
        Self { number: page.number, steps: 0, text: "x".repeat(165) }
    }

    /// What each step does.
    #[must_use]
    pub fn step(mut self) -> Self {
        self.steps += 1;
        self
    }

    /// Whether all three have.
    pub fn finish(&self) -> Result<(), Error> {
        if self.steps == 3 { Ok(()) } else { Err(format!("{} steps instead of 3", self.steps).into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visit_has_ended_after_three_steps() {
        let visit = Visit::of(&Page { number: 7 }).step().step();
        assert_eq!(visit.finish().unwrap_err().to_string(), "2 steps instead of 3");
        assert!(visit.clone().step().finish().is_ok());
        assert!(visit.step().step().finish().is_err());
    }

    #[test]
    fn a_visit_has_about_two_hundred_bytes() {
        let bytes = serde_json::to_vec(&Visit::of(&Page { number: 100_000 })).unwrap().len();
        assert!((195..=215).contains(&bytes), "{bytes}");
    }
}
