//! The one error type of user code, and what an error says about another attempt.

use std::error::Error as StdError;
use std::fmt;

mod failure;
mod verdict;

pub use failure::{Failure, FailureInfo};
pub(crate) use verdict::verdict_of;
pub use verdict::{NotBefore, ResultExt, Verdict};

/// A result of user code; the error type may be replaced, as in `Result<Page, HttpError>`.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong in a step, a hook or a pipeline.
///
/// Everything that is an error, a boxed error, an `anyhow::Error` or a string becomes one through `?`. It does not
/// implement [`std::error::Error`] itself, because that would forbid the conversion.
///
/// ```
/// # use minions_core::{Error, Result};
/// fn port(text: &str) -> Result<u16> {
///     if text.is_empty() {
///         return Err("no port was given".into());
///     }
///     Ok(text.parse()?)
/// }
/// assert_eq!(port("").unwrap_err().to_string(), "no port was given");
/// assert!(port("99999").is_err());
/// ```
pub struct Error {
    source: Box<dyn StdError + Send + Sync>,
}

impl Error {
    /// Makes an error of anything that converts into a boxed one.
    pub fn new(error: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { source: error.into() }
    }

    /// Says what was attempted; the error becomes its cause.
    #[must_use]
    pub fn context(self, what: impl Into<String>) -> Self {
        Self::new(Context { what: what.into(), source: self.source })
    }

    /// The error as the standard library's trait object, for example to downcast it.
    #[must_use]
    pub fn as_std(&self) -> &(dyn StdError + Send + Sync + 'static) {
        &*self.source
    }

    /// The error as a boxed one of the standard library.
    #[must_use]
    pub fn into_boxed(self) -> Box<dyn StdError + Send + Sync> {
        self.source
    }

    /// The messages of the error and its causes, outermost first.
    #[must_use]
    pub fn chain(&self) -> Vec<String> {
        error_chain(&*self.source)
    }
}

/// The messages of `error` and its causes, outermost first.
pub(crate) fn error_chain(error: &(dyn StdError + 'static)) -> Vec<String> {
    std::iter::successors(Some(error), |&error| error.source()).take(LONGEST_CHAIN).map(ToString::to_string).collect()
}

/// A chain is finite in any sane program; the bound keeps a cyclic one from hanging the runtime.
const LONGEST_CHAIN: usize = 32;

impl<E> From<E> for Error
where
    E: Into<Box<dyn StdError + Send + Sync>>,
{
    fn from(error: E) -> Self {
        Self::new(error)
    }
}

/// The message alone; with `{:#}` its causes too, separated by colons.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() { f.write_str(&self.chain().join(": ")) } else { self.source.fmt(f) }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:#}")
    }
}

struct Context {
    what: String,
    source: Box<dyn StdError + Send + Sync>,
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.what, self.source)
    }
}

impl StdError for Context {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn question_mark_takes_every_common_error() {
        fn all(which: u8) -> Result<()> {
            match which {
                0 => Err(std::io::Error::other("io"))?,
                1 => Err("text")?,
                2 => Err(String::from("owned"))?,
                3 => Err(Box::<dyn StdError + Send + Sync>::from("boxed"))?,
                _ => Err(Error::new("ours"))?,
            }
            Ok(())
        }
        let texts: Vec<_> = (0..5).map(|which| all(which).unwrap_err().to_string()).collect();
        assert_eq!(texts, ["io", "text", "owned", "boxed", "ours"]);
    }

    #[test]
    fn context_keeps_the_cause() {
        let error = Error::new("refused").context("connect to the archive");
        assert_eq!(error.to_string(), "connect to the archive");
        assert_eq!(format!("{error:#}"), "connect to the archive: refused");
        assert_eq!(error.chain(), ["connect to the archive", "refused"]);
    }
}
