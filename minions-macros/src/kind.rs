//! The three kinds of component and their words.

/// What an attribute declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Resource,
    Pipeline,
    Minion,
}

impl Kind {
    /// The word in a message, which is also the attribute's name.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Resource => "resource",
            Self::Pipeline => "pipeline",
            Self::Minion => "minion",
        }
    }

    /// The trait people know it by.
    pub(crate) fn trait_name(self) -> &'static str {
        match self {
            Self::Resource => "Resource",
            Self::Pipeline => "Pipeline",
            Self::Minion => "Minion",
        }
    }
}
