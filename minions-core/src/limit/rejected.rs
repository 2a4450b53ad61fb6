//! Why a call may not go on.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Failure, NotBefore, Verdict};

/// A limit has refused a call, which was not made; it may be tried again after a time.
///
/// It is a [`NotBefore`]: a step that passes it on with `?` is put off until then, which uses up none of its attempts and
/// needs no memory meanwhile. An error type of one's own takes it by `From`:
///
/// ```
/// use minions_core::limit::Rejected;
///
/// #[derive(Debug, thiserror::Error)]
/// enum HttpError {
///     #[error("the page cannot be fetched now")]
///     Limited(#[from] Rejected),
///     #[error("there is no such page")]
///     NotFound,
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Rejected {
    limit: Arc<str>,
    why: Why,
    after: NotBefore,
}

/// Why a limit refuses a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Why {
    /// As many calls wait, or as many keys are known, as may be.
    Overloaded,
    /// The call would wait, or has waited, for longer than it may.
    MaxWait,
    /// The circuit is open.
    Circuit,
}

impl Why {
    pub(super) const ALL: [Self; 3] = [Self::Overloaded, Self::MaxWait, Self::Circuit];

    /// The word for it in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Overloaded => "overloaded",
            Self::MaxWait => "max_wait",
            Self::Circuit => "circuit",
        }
    }
}

impl Rejected {
    pub(super) fn new(limit: Arc<str>, why: Why, after: Duration) -> Self {
        Self { limit, why, after: NotBefore::new(after) }
    }

    /// The limited method, as `resource.method`.
    #[must_use]
    pub fn limit(&self) -> &str {
        &self.limit
    }

    /// Why.
    #[must_use]
    pub fn why(&self) -> Why {
        self.why
    }

    /// After which time it makes sense to try again.
    #[must_use]
    pub fn after(&self) -> Duration {
        self.after.after()
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = &self.limit;
        match self.why {
            Why::Overloaded => write!(f, "`{limit}` is overloaded: as many calls wait as may"),
            Why::MaxWait => write!(f, "a permit of `{limit}` takes longer than the call may wait"),
            Why::Circuit => write!(f, "the circuit of `{limit}` is open"),
        }
    }
}

impl StdError for Rejected {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.after)
    }
}

impl Failure for Rejected {
    fn verdict(&self) -> Verdict {
        Verdict::NotBefore(self.after())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[derive(Debug, thiserror::Error)]
    enum Http {
        #[error("no page now")]
        Named(#[source] Rejected),
        #[error(transparent)]
        Hidden(Rejected),
    }

    #[test]
    fn w10_a_rejection_is_a_not_before_wherever_it_stands() {
        let time = Duration::from_secs(7);
        let rejected = || Rejected::new("http.get".into(), Why::Overloaded, time);
        for error in [Error::new(rejected()), Error::new(Http::Named(rejected())), Error::new(Http::Hidden(rejected()))]
        {
            assert_eq!(error.context("fetch").verdict(), Some(Verdict::NotBefore(time)));
        }
        assert_eq!(rejected().verdict(), Verdict::NotBefore(time));
    }
}
