//! What should become of a step that failed, said by the error itself.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use super::{Error, Failure, Result};

/// What an error says about another attempt.
///
/// An error without a verdict is one that may be tried again: the step's `retry(..)` decides. See [`ResultExt`] for errors
/// of others, [`Failure`] for an error type of one's own, and [`NotBefore`] for limiters and clients of services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Another attempt is worth it, if the step has one left.
    Retry,
    /// Another attempt after this time and not before: it is no failure of the step, uses up none of its attempts, and also
    /// happens to a step without `retry(..)`.
    NotBefore(Duration),
    /// No attempt will ever succeed; the workflow has failed for good.
    Terminal,
    /// There is nothing left to do; the workflow ends as aborted, which is no failure.
    Abort,
}

/// Gives a result's error a [`Verdict`], where the error happens.
///
/// The verdict stays with the error through `?`, [`Error::context`] and boxing; of several the outermost counts.
///
/// ```
/// # use std::time::Duration;
/// use minions_core::error::{ResultExt, Verdict};
/// use minions_core::Result;
///
/// fn port(text: &str) -> Result<u16> {
///     // Another attempt would read the same text.
///     Ok(text.parse().terminal()?)
/// }
///
/// let error = port("http").unwrap_err().context("read the settings");
/// assert_eq!(error.verdict(), Some(Verdict::Terminal));
/// assert_eq!(format!("{error:#}"), "read the settings: invalid digit found in string");
/// ```
pub trait ResultExt<T> {
    /// Says that no attempt will ever succeed.
    ///
    /// # Errors
    ///
    /// The same, with [`Verdict::Terminal`].
    fn terminal(self) -> Result<T>;

    /// Asks for the next attempt after this time and not before, whether the step has `retry(..)` or not.
    ///
    /// # Errors
    ///
    /// The same, with [`Verdict::NotBefore`].
    fn retry_after(self, time: Duration) -> Result<T>;

    /// Says that there is nothing left to do, and that this is no failure.
    ///
    /// # Errors
    ///
    /// The same, with [`Verdict::Abort`].
    fn abort(self) -> Result<T>;
}

impl<T, E: Into<Error>> ResultExt<T> for Result<T, E> {
    fn terminal(self) -> Result<T> {
        self.map_err(|error| error.into().with_verdict(Verdict::Terminal))
    }

    fn retry_after(self, time: Duration) -> Result<T> {
        self.map_err(|error| error.into().with_verdict(Verdict::NotBefore(time)))
    }

    fn abort(self) -> Result<T> {
        self.map_err(|error| error.into().with_verdict(Verdict::Abort))
    }
}

impl Error {
    /// Says what should become of the step that fails with it; of several verdicts the last one given counts.
    #[must_use]
    pub fn with_verdict(self, verdict: Verdict) -> Self {
        Self::new(Judged { verdict, source: self.source })
    }

    /// What the error, or the outermost of its causes that has an opinion, says about another attempt.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        verdict_of(&*self.source)
    }

    /// The error, or the outermost of its causes, that is of type `E`; one that was given a verdict is found as it was.
    #[must_use]
    pub fn find<E: StdError + 'static>(&self) -> Option<&E> {
        links(&*self.source).find_map(|link| link.downcast_ref())
    }
}

/// What `error` or the outermost of its causes that has an opinion says, as far as that can be seen without knowing types.
pub(crate) fn verdict_of(error: &(dyn StdError + 'static)) -> Option<Verdict> {
    links(error).find_map(|link| {
        let judged = link.downcast_ref().map(|judged: &Judged| judged.verdict);
        judged.or_else(|| link.downcast_ref().map(|after: &After| Verdict::NotBefore(after.0)))
    })
}

/// `error` and its causes, outermost first, with those that answer for another error and hide it.
pub(super) fn links<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let inside = |error: &'a (dyn StdError + 'static)| -> Option<&'a (dyn StdError + 'static)> {
        if let Some(judged) = error.downcast_ref::<Judged>() {
            return Some(&*judged.source);
        }
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        }
    };
    // As long as any chain that is printed.
    std::iter::successors(Some(error), move |&error| inside(error)).take(super::LONGEST_CHAIN)
}

/// An error with a verdict; to everyone else it is that error.
struct Judged {
    verdict: Verdict,
    source: Box<dyn StdError + Send + Sync>,
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl fmt::Debug for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.source, f)
    }
}

impl StdError for Judged {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.source()
    }
}

/// An error that asks for patience: limiters, and clients of services that say when to come again.
///
/// It works wherever it stands among the causes of an error, also of one that hides its cause, such as an [`io::Error`] or a
/// `#[error(transparent)]` of `thiserror`.
///
/// ```
/// # use std::time::Duration;
/// # use minions_core::error::{NotBefore, Verdict};
/// # use minions_core::Error;
/// let busy = std::io::Error::other(NotBefore::new(Duration::from_secs(30)));
/// assert_eq!(Error::new(busy).verdict(), Some(Verdict::NotBefore(Duration::from_secs(30))));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotBefore {
    after: After,
}

impl NotBefore {
    /// Asks for the next attempt after this time.
    #[must_use]
    pub fn new(after: Duration) -> Self {
        Self { after: After(after) }
    }

    /// How long to wait.
    #[must_use]
    pub fn after(&self) -> Duration {
        self.after.0
    }
}

impl fmt::Display for NotBefore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused for now")
    }
}

impl StdError for NotBefore {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.after)
    }
}

impl Failure for NotBefore {
    fn verdict(&self) -> Verdict {
        Verdict::NotBefore(self.after())
    }
}

/// The time stands in an error of its own, because whoever hides an error still shows that error's cause.
#[derive(Clone, Debug, PartialEq, Eq)]
struct After(Duration);

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "to be tried again after {:?}", self.0)
    }
}

impl StdError for After {}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: Duration = Duration::from_secs(7);

    #[test]
    fn w10_results_give_verdicts() {
        let fail = || -> Result<(), &str> { Err("gone") };
        assert_eq!(fail().terminal().unwrap_err().verdict(), Some(Verdict::Terminal));
        assert_eq!(fail().retry_after(LATER).unwrap_err().verdict(), Some(Verdict::NotBefore(LATER)));
        assert_eq!(fail().abort().unwrap_err().verdict(), Some(Verdict::Abort));
        assert_eq!(Error::new("gone").verdict(), None);
        assert_eq!("7".parse::<u8>().terminal().unwrap(), 7);
    }

    #[test]
    fn w10_a_verdict_changes_nothing_that_is_shown() {
        let plain = Error::new("refused").context("connect");
        let shown = (plain.to_string(), format!("{plain:#}"), format!("{plain:?}"));
        let judged = plain.with_verdict(Verdict::Terminal);
        assert_eq!((judged.to_string(), format!("{judged:#}"), format!("{judged:?}")), shown);
        assert_eq!(judged.context("fetch").chain(), ["fetch", "connect", "refused"]);
    }

    #[test]
    fn w10_a_verdict_survives_context_boxing_and_question_marks() {
        fn inner() -> Result<()> {
            Err("gone").terminal()
        }
        fn boxed() -> Result<(), Box<dyn StdError + Send + Sync>> {
            inner().map_err(|error| error.context("inner").into_boxed())
        }
        fn outer() -> Result<()> {
            boxed()?;
            Ok(())
        }
        assert_eq!(outer().unwrap_err().context("outer").verdict(), Some(Verdict::Terminal));
    }

    #[test]
    fn w10_of_several_verdicts_the_outermost_counts() {
        let error = Error::new("gone").with_verdict(Verdict::Terminal).context("a").with_verdict(Verdict::Abort);
        assert_eq!(error.verdict(), Some(Verdict::Abort));
        let error = Error::new(NotBefore::new(LATER)).context("a").with_verdict(Verdict::Retry);
        assert_eq!(error.verdict(), Some(Verdict::Retry));
    }

    #[derive(Debug, thiserror::Error)]
    enum Http {
        #[error("the service is busy")]
        Busy(#[source] NotBefore),
        #[error(transparent)]
        Hidden(NotBefore),
        #[error(transparent)]
        Any(Box<dyn StdError + Send + Sync>),
    }

    #[test]
    fn w10_patience_is_found_wherever_it_stands() {
        let patience = || NotBefore::new(LATER);
        let errors: [Box<dyn StdError + Send + Sync>; 8] = [
            anyhow::Error::new(patience()).into(),
            anyhow::Error::new(Http::Busy(patience())).context("get").into(),
            Box::new(patience()),
            Box::new(Http::Busy(patience())),
            Box::new(Http::Hidden(patience())),
            Box::new(Http::Any(Box::new(io::Error::other(Http::Busy(patience()))))),
            Box::new(io::Error::other(patience())),
            Box::new(std::sync::Arc::new(patience())),
        ];
        for error in errors {
            let text = error.to_string();
            assert_eq!(Error::new(error).context("get").verdict(), Some(Verdict::NotBefore(LATER)), "{text}");
        }
        let told = Error::new(Http::Busy(patience())).chain();
        assert_eq!(told, ["the service is busy", "refused for now", "to be tried again after 7s"]);
    }

    #[test]
    fn an_error_is_found_by_its_type() {
        let error = Error::new(Http::Busy(NotBefore::new(LATER))).with_verdict(Verdict::Retry).context("get");
        assert!(matches!(error.find(), Some(Http::Busy(_))));
        assert_eq!(error.find(), Some(&NotBefore::new(LATER)));
        assert!(error.find::<fmt::Error>().is_none());
        let error = Error::new(io::Error::other(Http::Busy(NotBefore::new(LATER))));
        assert!(error.find::<Http>().is_some());
    }

    #[test]
    fn a_chain_without_end_is_looked_at_for_a_while() {
        #[derive(Debug)]
        struct Own;
        impl fmt::Display for Own {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("again")
            }
        }
        impl StdError for Own {
            fn source(&self) -> Option<&(dyn StdError + 'static)> {
                Some(&Self)
            }
        }
        assert_eq!(Error::new(Own).verdict(), None);
    }
}
