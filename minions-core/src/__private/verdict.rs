//! Errors that know their verdict, recognized where their type is still known.

use std::error::Error as StdError;
use std::time::Duration;

use crate::error::{Error, Failure, Result, Verdict, verdict_of};

/// What a step returned: the inherent method wins for a result whose error knows its verdict.
pub struct Returned<T>(pub T);

impl<T, E: Failure> Returned<Result<T, E>> {
    /// # Errors
    ///
    /// The step's own, with its verdict.
    pub fn kept(self) -> Result<T> {
        self.0.map_err(Error::failure)
    }
}

/// The answer for any other output; imported as `_`.
pub trait Unjudged {
    type Output;
    fn kept(self) -> Self::Output;
}

impl<T> Unjudged for Returned<T> {
    type Output = T;

    fn kept(self) -> T {
        self.0
    }
}

/// The field that `#[failure(transparent)]` asks: the inherent method wins for one that knows its verdict.
pub struct Asked<'a, T>(pub &'a T);

impl<T: Failure> Asked<'_, T> {
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.0.verdict()
    }
}

impl Asked<'_, Error> {
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.0.verdict().unwrap_or(Verdict::Retry)
    }
}

impl Asked<'_, Box<dyn StdError + Send + Sync>> {
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        said(&**self.0)
    }
}

fn said(error: &(dyn StdError + 'static)) -> Verdict {
    verdict_of(error).unwrap_or(Verdict::Retry)
}

/// The answer for any other error: that of the outermost of its causes which asks for patience. Imported as `_`.
pub trait Silent<T> {
    fn verdict(&self) -> Verdict
    where
        T: AsError;
}

impl<T> Silent<T> for Asked<'_, T> {
    fn verdict(&self) -> Verdict
    where
        T: AsError,
    {
        said(self.0.as_error())
    }
}

/// An error of the standard library.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an error, so it cannot be asked for a verdict",
    label = "not an error",
    note = "`#[failure(transparent)]` asks the only field of the variant, or the one that is marked `#[source]` or `#[from]`"
)]
pub trait AsError: 'static {
    fn as_error(&self) -> &(dyn StdError + 'static);
}

#[diagnostic::do_not_recommend]
impl<T: StdError + 'static> AsError for T {
    fn as_error(&self) -> &(dyn StdError + 'static) {
        self
    }
}

/// What `#[failure(retry_after = ..)]` computes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a duration",
    label = "not a duration",
    note = "fields are seen by reference: write `*wait` for one that is a `Duration`, `Duration::from_secs(*seconds)` for a number"
)]
pub trait Pause {
    fn pause(self) -> Duration;
}

impl Pause for Duration {
    fn pause(self) -> Duration {
        self
    }
}

impl Pause for &Duration {
    fn pause(self) -> Duration {
        *self
    }
}
