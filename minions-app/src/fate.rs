//! What becomes of unfinished workflows, in words that claim no more than is known.

use minions_core::gru::Durability;
use serde::Deserialize;

use crate::text;

/// Whether everything that was to be kept at a stop is kept; [`Durability`] as it is read from the control socket too.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase", tag = "state", content = "why")]
pub(crate) enum Kept {
    Intact,
    Nothing,
    Doubtful(String),
}

impl From<&Durability> for Kept {
    fn from(durability: &Durability) -> Self {
        match durability {
            Durability::Intact => Self::Intact,
            Durability::Nothing => Self::Nothing,
            Durability::Doubtful(why) => Self::Doubtful(why.clone()),
            _ => Self::Doubtful("it cannot be told".to_owned()),
        }
    }
}

impl Kept {
    /// Where so many unfinished workflows are now; `next` is what they go on with.
    pub(crate) fn fate_of(&self, workflows: u64, next: &str) -> String {
        let count = text::count(workflows, "workflow");
        match self {
            Self::Intact => format!("{count} stored, to go on with {next}"),
            Self::Nothing => format!("{count} dropped, as nothing is stored"),
            Self::Doubtful(_) => format!("{count} unfinished, of which the last steps may not be stored"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn only_what_is_stored_is_called_stored() {
        let doubtful = Durability::Doubtful("disk full".to_owned());
        let said = |durability: &Durability| Kept::from(durability).fate_of(1, "the next start");
        assert_eq!(said(&Durability::Intact), "1 workflow stored, to go on with the next start");
        assert_eq!(said(&Durability::Nothing), "1 workflow dropped, as nothing is stored");
        assert_eq!(said(&doubtful), "1 workflow unfinished, of which the last steps may not be stored");
    }

    #[test]
    fn it_reads_what_the_runtime_writes() {
        for durability in [Durability::Intact, Durability::Nothing, Durability::Doubtful("disk full".to_owned())] {
            let written: Value = serde_json::to_value(&durability).unwrap();
            assert_eq!(serde_json::from_value::<Kept>(written).unwrap(), Kept::from(&durability));
        }
        let written = serde_json::to_value(Durability::Doubtful("x".to_owned())).unwrap();
        assert_eq!(written, json!({"state": "doubtful", "why": "x"}));
    }
}
