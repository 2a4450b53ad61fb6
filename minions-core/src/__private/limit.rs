//! Limited methods: the key of a call, how a refusal is returned, and what came of a call.

use std::error::Error as StdError;
use std::fmt::Display;

use crate::error::{Error, Failure, Result, Verdict, verdict_of};
use crate::limit::{Outcome, Rejected};

/// What `per = ..` computes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of a limit: it has no text form",
    label = "cannot be written as text",
    note = "the key is an expression over the arguments of the method that implements `Display`: `per = url.host()`"
)]
pub trait LimitKey {
    fn text(&self) -> String;
}

#[diagnostic::do_not_recommend]
impl<T: Display + ?Sized> LimitKey for T {
    fn text(&self) -> String {
        self.to_string()
    }
}

pub fn key<K: LimitKey + ?Sized>(key: &K) -> String {
    key.text()
}

/// What a limited method may return: a result whose error can say that the limit has refused the call.
#[diagnostic::on_unimplemented(
    message = "a limited method cannot return `{Self}`: the limit may refuse the call, and there is no place to say so",
    label = "has no place for `limit::Rejected`",
    note = "return `Result<T>`, or `Result<T, E>` with an error that takes it: `#[from] minions::limit::Rejected` in a variant, \
            or `impl From<minions::limit::Rejected> for E`"
)]
pub trait LimitedOutput {
    fn rejected(rejected: Rejected) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T, E: From<Rejected>> LimitedOutput for Result<T, E> {
    fn rejected(rejected: Rejected) -> Self {
        Err(rejected.into())
    }
}

/// What a limited method returned: the inherent method wins for a result whose error knows its verdict.
pub struct Judged<'a, T>(pub &'a T);

impl<T> Clone for Judged<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Judged<'_, T> {}

impl<T, E: Failure> Judged<'_, Result<T, E>> {
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        outcome(self.0.as_ref().err().map(|error| Some(error.verdict())))
    }
}

impl<T> Judged<'_, Result<T, Error>> {
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        outcome(self.0.as_ref().err().map(Error::verdict))
    }
}

impl<T> Judged<'_, Result<T, Box<dyn StdError + Send + Sync>>> {
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        outcome(self.0.as_ref().err().map(|error| verdict_of(&**error)))
    }
}

/// The answer for any other error: that of the outermost of its causes which asks for patience. Imported as `_`.
pub trait Chained {
    fn outcome(&self) -> Outcome;
}

impl<T, E: StdError + 'static> Chained for Judged<'_, Result<T, E>> {
    fn outcome(&self) -> Outcome {
        outcome(self.0.as_ref().err().map(|error| verdict_of(error)))
    }
}

/// The answer for what is no error of the standard library. Imported as `_`.
pub trait Mute {
    fn outcome(&self) -> Outcome;
}

impl<T, E> Mute for &Judged<'_, Result<T, E>> {
    fn outcome(&self) -> Outcome {
        Outcome::of(self.0)
    }
}

/// What is no result at all, which [`LimitedOutput`] has refused: so that this is said once. Imported as `_`.
pub trait NoResult {
    fn outcome(self) -> Outcome;
}

impl<T> NoResult for Judged<'_, T> {
    fn outcome(self) -> Outcome {
        Outcome::Unknown
    }
}

/// What an error with this verdict says; nothing if there is no error.
fn outcome(error: Option<Option<Verdict>>) -> Outcome {
    match error {
        // Terminal and abort are answers: the other side works.
        None | Some(Some(Verdict::Terminal | Verdict::Abort)) => Outcome::Succeeded,
        Some(Some(Verdict::NotBefore(time))) => Outcome::NotBefore(time),
        Some(Some(Verdict::Retry) | None) => Outcome::Failed,
    }
}
