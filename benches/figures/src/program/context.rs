//! The context of the steps.

use minions::prelude::*;

/// A context of so many bytes of text, and a few more.
#[derive(Debug, Serialize, Deserialize)]
pub struct Visit<const TEXT: usize> {
    /// How many steps have been there.
    pub steps: u32,
    /// When the step before began, if that is measured.
    pub began_ns: u64,
    pub text: String,
}

impl<const TEXT: usize> Default for Visit<TEXT> {
    fn default() -> Self {
        Self { steps: 0, began_ns: 0, text: "x".repeat(TEXT) }
    }
}

impl<const TEXT: usize> Visit<TEXT> {
    /// What it occupies, which is the user's own and not the runtime's.
    #[must_use]
    pub fn own_bytes(&self) -> usize {
        size_of::<Self>() + self.text.capacity()
    }
}

#[cfg(test)]
mod tests {
    use crate::program::{LongVisit, ShortVisit};

    #[test]
    fn the_contexts_are_as_long_as_they_are_called() {
        let length = |context: &dyn Fn() -> serde_json::Result<Vec<u8>>| context().unwrap().len();
        assert!((190..=230).contains(&length(&|| serde_json::to_vec(&ShortVisit::default()))));
        assert!((10_000..=10_300).contains(&length(&|| serde_json::to_vec(&LongVisit::default()))));
    }
}
