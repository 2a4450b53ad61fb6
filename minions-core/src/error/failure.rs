//! Error types that know what should become of the step.

use std::any::{TypeId, type_name};
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use super::verdict::links;
use super::{Error, Verdict};

/// An error type of one's own that knows its [`Verdict`]; derivable with `#[derive(Failure)]`.
///
/// A step that returns `Result<_, E>` of such a type keeps the verdict. Through `?` into [`Error`](super::Error) the type
/// is only found again where it is declared, with `#[minion(failures(E))]`.
///
/// ```
/// use std::fmt;
/// use std::time::Duration;
///
/// use minions_core::error::{Failure, Verdict};
///
/// #[derive(Debug)]
/// enum HttpError {
///     Busy { seconds: u64 },
///     NotFound,
/// }
///
/// impl fmt::Display for HttpError {
///     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         write!(f, "the page cannot be fetched")
///     }
/// }
///
/// impl std::error::Error for HttpError {}
///
/// impl Failure for HttpError {
///     fn verdict(&self) -> Verdict {
///         match self {
///             Self::Busy { seconds } => Verdict::NotBefore(Duration::from_secs(*seconds)),
///             Self::NotFound => Verdict::Terminal,
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` says nothing about another attempt",
    label = "not a failure with a verdict",
    note = "derive it: `#[derive(Failure)]` on `{Self}`, or implement `minions::error::Failure`"
)]
pub trait Failure: StdError + Send + Sync + 'static {
    /// What should become of the step that fails with it.
    fn verdict(&self) -> Verdict;
}

impl<F: Failure> Failure for Box<F> {
    fn verdict(&self) -> Verdict {
        (**self).verdict()
    }
}

impl<F: Failure> Failure for Arc<F> {
    fn verdict(&self) -> Verdict {
        (**self).verdict()
    }
}

impl Error {
    /// An error of a type that knows its verdict, which is kept.
    #[must_use]
    pub fn failure(failure: impl Failure) -> Self {
        let verdict = failure.verdict();
        Self::new(failure).with_verdict(verdict)
    }

    /// Gives an error without a verdict that of the outermost of its causes whose type is known.
    pub(crate) fn judged_by(self, known: &[FailureInfo]) -> Self {
        if known.is_empty() || self.verdict().is_some() {
            return self;
        }
        let said = links(&*self.source).find_map(|link| known.iter().find_map(|known| (known.verdict)(link)));
        match said {
            Some(verdict) => self.with_verdict(verdict),
            None => self,
        }
    }
}

/// A [`Failure`] type that is looked for among the causes of an error.
#[derive(Clone, Copy)]
pub struct FailureInfo {
    id: fn() -> TypeId,
    name: fn() -> &'static str,
    verdict: fn(&(dyn StdError + 'static)) -> Option<Verdict>,
}

impl FailureInfo {
    /// The type `F`.
    #[must_use]
    pub const fn of<F: Failure>() -> Self {
        Self {
            id: TypeId::of::<F>,
            name: type_name::<F>,
            verdict: |error| error.downcast_ref().map(|failure: &F| failure.verdict()),
        }
    }

    /// The type.
    #[must_use]
    pub fn type_id(&self) -> TypeId {
        (self.id)()
    }

    /// The path of the type.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        (self.name)()
    }
}

impl fmt::Debug for FailureInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FailureInfo({})", self.type_name())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{NotBefore, Result};
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("no such page")]
    struct Missing;

    impl Failure for Missing {
        fn verdict(&self) -> Verdict {
            Verdict::Terminal
        }
    }

    const KNOWN: &[FailureInfo] = &[FailureInfo::of::<Missing>()];

    #[test]
    fn w10_a_failure_keeps_its_verdict() {
        let error = Error::failure(Missing);
        assert_eq!((error.verdict(), error.to_string()), (Some(Verdict::Terminal), "no such page".to_owned()));
    }

    #[test]
    fn w10_a_declared_type_is_found_behind_question_marks() {
        fn call() -> Result<()> {
            Err(std::io::Error::other(Missing))?;
            Ok(())
        }
        let error = call().unwrap_err().context("fetch");
        assert_eq!(error.verdict(), None, "the conversion forgets the type");
        assert_eq!(error.judged_by(KNOWN).verdict(), Some(Verdict::Terminal));
        assert_eq!(Error::new("other").judged_by(KNOWN).verdict(), None);
        let error = anyhow::Error::new(Missing).context("fetch");
        assert_eq!(Error::new(error).judged_by(KNOWN).verdict(), Some(Verdict::Terminal));
    }

    #[test]
    fn w10_a_declared_type_that_its_wrapper_hides_is_not_found() {
        for hiding in [Error::new(anyhow::Error::new(Missing)), Error::new(Arc::new(Missing))] {
            assert_eq!(hiding.judged_by(KNOWN).verdict(), None);
        }
    }

    #[test]
    fn w10_what_was_said_explicitly_counts_before_what_a_type_says() {
        let error = Error::new(Missing).with_verdict(Verdict::Retry).judged_by(KNOWN);
        assert_eq!(error.verdict(), Some(Verdict::Retry));
        let patience = NotBefore::new(std::time::Duration::from_secs(1));
        let error = Error::new(patience.clone()).judged_by(KNOWN);
        assert_eq!(error.verdict(), Some(patience.verdict()));
    }
}
