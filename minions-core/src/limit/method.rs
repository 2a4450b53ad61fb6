//! A limited method: a static beside it, which finds the limiter of whatever program calls.

use std::fmt;
use std::sync::Weak;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;
use tracing::warn;

use crate::telemetry::caller::CallerId;

use super::limiter::{Permit, Refused, Shared};
use super::program::Limits;
use super::waiting::Waiting;
use super::{Instances, Limit, Limiter, Outcome, Rejected};

/// What the manifest knows of a limited method.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct LimitInfo {
    /// The name of the method.
    pub method: &'static str,
    /// What it declares.
    pub limit: Limit,
}

impl LimitInfo {
    /// The method `method`, which declares `limit`.
    #[must_use]
    pub const fn new(method: &'static str, limit: Limit) -> Self {
        Self { method, limit }
    }
}

/// One limited method of a resource: a static beside it. Each program has a limiter of its own for it.
///
/// `#[limit(..)]` puts one into a method. By hand:
///
/// ```
/// use minions_core::limit::{Bounds, Limit, LimitedMethod, Outcome};
/// # use minions_core::Result;
/// struct Archive;
/// impl Archive {
///     async fn save(&self, row: &str) -> Result<()> {
///         static SAVE: LimitedMethod = LimitedMethod::new("archive", "save", Limit::new(Bounds::new().concurrency(4)));
///         let permit = SAVE.ask(self, String::new).taken().await?;
///         let answer: Result<()> = Ok(());
///         permit.end(Outcome::of(&answer));
///         answer
///     }
/// }
/// ```
///
/// A call belongs to the program whose task makes it; from a task of `tokio::spawn`, to the program that runs the instance.
/// An instance that no program runs, in a unit test for example, is not limited.
pub struct LimitedMethod {
    resource: &'static str,
    method: &'static str,
    limit: Limit,
    /// The last program that called.
    last: RwLock<Option<(u32, Weak<Shared>)>>,
    has_warned: AtomicBool,
}

impl LimitedMethod {
    /// The method `method` of the resource named `resource`.
    #[must_use]
    pub const fn new(resource: &'static str, method: &'static str, limit: Limit) -> Self {
        Self { resource, method, limit, last: RwLock::new(None), has_warned: AtomicBool::new(false) }
    }

    /// Asks for a permit for a call of `instance`; `key` says which key it is for, if the limit is one per key.
    pub fn ask<T: ?Sized>(&self, instance: &T, key: impl FnOnce() -> String) -> Turn {
        let called = CallerId::current().program();
        let program = Some(called).filter(|program| *program != 0).or_else(|| Instances::program_of(instance));
        let Some(limiter) = program.and_then(|program| self.limiter(program)) else {
            self.warn();
            return Turn(Asked::Goes(None));
        };
        let asked = if self.limit.is_keyed() { limiter.ask(&key()) } else { limiter.ask("") };
        Turn(match asked {
            Ok(permit) => Asked::Goes(Some(permit)),
            Err(Refused::Rejected(rejected)) => Asked::Rejected(rejected),
            Err(Refused::Waits(waiting)) => Asked::Waits(waiting),
        })
    }

    fn limiter(&self, program: u32) -> Option<Limiter> {
        if let Some((_, limiter)) = self.last.read().as_ref().filter(|(last, _)| *last == program)
            && let Some(limiter) = limiter.upgrade()
        {
            return Some(Limiter(limiter));
        }
        let limiter = Limits::of_program(program)?.limiter(self.resource, self.method, self.limit);
        *self.last.write() = Some((program, limiter.downgrade()));
        Some(limiter)
    }

    /// Tells once of calls that nobody limits, where they may be a mistake.
    fn warn(&self) {
        if !self.has_warned.load(Ordering::Relaxed)
            && Limits::any_program()
            && !self.has_warned.swap(true, Ordering::Relaxed)
        {
            warn!(
                resource = self.resource,
                method = self.method,
                "a call is not limited: neither its task nor its instance belongs to a program; spawn the task with \
                 `minions::spawn`, and call the instance that was injected instead of a copy"
            );
        }
    }
}

impl fmt::Debug for LimitedMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LimitedMethod({}.{})", self.resource, self.method)
    }
}

/// A call that has asked for a permit.
#[must_use = "the call has asked, and waits for its turn with `taken`"]
pub struct Turn(Asked);

enum Asked {
    Goes(Option<Permit>),
    Rejected(Rejected),
    Waits(Box<Waiting>),
}

impl Turn {
    /// Waits for its turn.
    ///
    /// # Errors
    ///
    /// As those of [`Limiter::acquire`].
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn taken(self) -> Result<Admitted, Rejected> {
        match self.0 {
            Asked::Goes(permit) => Ok(Admitted(permit)),
            Asked::Rejected(rejected) => Err(rejected),
            Asked::Waits(waiting) => waiting.await.map(|permit| Admitted(Some(permit))),
        }
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").finish_non_exhaustive()
    }
}

/// A call of a limited method that may go on.
#[derive(Debug)]
#[must_use = "the call may go on for as long as this lives"]
pub struct Admitted(Option<Permit>);

impl Admitted {
    /// Ends the call.
    pub fn end(self, outcome: Outcome) {
        if let Some(permit) = self.0 {
            permit.end(outcome);
        }
    }
}
