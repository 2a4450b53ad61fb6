//! Keeps to a limit.

use std::borrow::Cow;
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::random;
use crate::telemetry::activity::Standing;
use crate::telemetry::caller::Scope;

use super::breaker::{Change, nanos};
use super::metrics::LimitMetrics;
use super::scheduler::{Asked, Refusal, Scheduler, Ticket, Turn};
use super::waiting::{Seat, Waiting};
use super::{Circuits, Limit, Rejected};

/// Keeps the calls of a method to a [`Limit`]. Cheap to clone: all clones are one limiter.
///
/// ```
/// use minions_core::limit::{Bounds, Limit, Limiter, Outcome, Rate};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), minions_core::Error> {
/// # async fn fetch(_url: &str) -> Result<(), std::io::Error> { Ok(()) }
/// let limiter = Limiter::new("http", "get", Limit::per_key(Bounds::new().rate(Rate::per_second(20))));
/// let permit = limiter.acquire("example.org").await?;
/// let answer = fetch("https://example.org").await;
/// permit.end(Outcome::of(&answer));
/// # answer?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Limiter(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub(super) name: Arc<str>,
    resource: Arc<str>,
    method: Arc<str>,
    pub(super) limit: Limit,
    /// Where the clock of the scheduler begins.
    began: Instant,
    state: Mutex<State>,
    pub(super) metrics: LimitMetrics,
    /// Who is told of the circuit, in a program.
    circuits: Option<Circuits>,
}

pub(super) struct State {
    pub(super) scheduler: Scheduler<Arc<Seat>>,
    /// Who looks at the clock for everybody, and until when.
    watch: Option<(Arc<Seat>, u64)>,
}

impl Limiter {
    /// A limiter for the method `method` of the resource `resource`, under whose names it is counted.
    ///
    /// # Panics
    ///
    /// When the limit is none: a number is zero, or a burst has no rate.
    #[must_use]
    pub fn new(resource: &str, method: &str, limit: Limit) -> Self {
        let problems = limit.check();
        assert!(problems.is_empty(), "the limit of `{resource}.{method}` is wrong: {}", problems.join("; "));
        Self::of(resource, method, limit, None)
    }

    /// The same in a program; the limit was checked.
    pub(super) fn of(resource: &str, method: &str, limit: Limit, circuits: Option<Circuits>) -> Self {
        Self(Arc::new(Shared {
            name: format!("{resource}.{method}").into(),
            metrics: LimitMetrics::register(resource, method),
            resource: resource.into(),
            method: method.into(),
            limit,
            began: Instant::now(),
            state: Mutex::new(State { scheduler: Scheduler::new(limit), watch: None }),
            circuits,
        }))
    }

    /// Waits for its turn among the calls of all keys. A limit that is not per key has one key, whatever is given here.
    ///
    /// # Errors
    ///
    /// When the call would wait or has waited too long, too many wait already, or the circuit is open.
    ///
    /// # Cancel safety
    ///
    /// Safe: a call that is dropped gives its place in the queue to the next one.
    pub async fn acquire(&self, key: &str) -> Result<Permit, Rejected> {
        match self.ask(key) {
            Ok(permit) => Ok(permit),
            Err(Refused::Rejected(rejected)) => Err(rejected),
            Err(Refused::Waits(waiting)) => waiting.await,
        }
    }

    /// A permit for a call that may go on at once.
    pub(super) fn ask(&self, key: &str) -> Result<Permit, Refused> {
        let shared = &self.0;
        let standing = Scope::look(|scope| scope.standing.clone()).flatten();
        let of_step = standing.as_ref().and_then(Standing::time_left);
        let patience = of_step.into_iter().chain(shared.limit.max_wait).min();
        let key = if shared.limit.keyed { &*short(key) } else { "" };
        let seat = || Arc::new(Seat::new(self.0.clone()));
        let mut made = None;
        let (asked, now) = shared.with(|state, now| {
            let who = || made.insert(seat()).clone();
            (state.scheduler.ask(now, key, patience.map_or(u64::MAX, nanos), who), now)
        });
        match asked {
            Asked::Goes(ticket) => {
                shared.metrics.held.increment(1.0);
                shared.metrics.waited.record(0.0);
                Ok(Permit::new(shared.clone(), ticket, standing))
            }
            Asked::Refused(refusal) => Err(Refused::Rejected(shared.rejected(refusal))),
            Asked::Waits(spot) => {
                let seat = made.expect("it was made for the queue");
                Err(Refused::Waits(Box::new(Waiting::new(seat, spot, now, patience, standing))))
            }
        }
    }

    /// How many keys it knows.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.0.state.lock().scheduler.keys()
    }

    /// How many calls wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.state.lock().scheduler.waiting() as usize
    }

    /// How many calls go on.
    #[must_use]
    pub fn held(&self) -> usize {
        self.0.state.lock().scheduler.held() as usize
    }

    /// How many bytes the longest key takes that it knows.
    #[cfg(test)]
    pub(super) fn longest_key(&self) -> usize {
        self.0.state.lock().scheduler.longest_key()
    }

    pub(super) fn downgrade(&self) -> Weak<Shared> {
        Arc::downgrade(&self.0)
    }
}

/// Why there is no permit yet.
pub(super) enum Refused {
    Rejected(Rejected),
    Waits(Box<Waiting>),
}

impl Shared {
    pub(super) fn now(&self) -> u64 {
        nanos(self.began.elapsed())
    }

    pub(super) fn instant(&self, at: u64) -> Instant {
        self.began + Duration::from_nanos(at)
    }

    /// Changes the state, and then gives everybody a turn whose turn it is.
    pub(super) fn with<T>(&self, change: impl FnOnce(&mut State, u64) -> T) -> T {
        self.with_turns(|state, now, _| change(state, now))
    }

    fn with_turns<T>(&self, change: impl FnOnce(&mut State, u64, &mut Vec<Turn<Arc<Seat>>>) -> T) -> T {
        let mut turns = Vec::new();
        let mut wake = Vec::new();
        let mut state = self.state.lock();
        let now = self.now();
        // Those before whoever comes now.
        state.scheduler.turn(now, &mut turns);
        let changed = change(&mut state, now, &mut turns);
        state.scheduler.turn(now, &mut turns);
        let circuit = state.scheduler.change();
        if let Some(change) = circuit {
            self.tell(change);
        }
        for (seat, turn) in turns {
            wake.extend(seat.answer(turn));
        }
        self.appoint(&mut state, now, &mut wake);
        drop(state);
        // Wakers, metrics and logs are code of others.
        wake.into_iter().for_each(Waker::wake);
        if let Some(change) = circuit {
            self.log(change, now);
        }
        changed
    }

    /// Lets whoever is next look at the clock.
    fn appoint(&self, state: &mut State, now: u64, wake: &mut Vec<Waker>) {
        let next = state.scheduler.next(now).and_then(|(at, key)| Some((state.scheduler.first(key)?.clone(), at)));
        let same = match (&state.watch, &next) {
            (None, None) => true,
            (Some((watch, at)), Some((seat, next))) => at == next && Arc::ptr_eq(watch, seat),
            _ => false,
        };
        if same {
            return;
        }
        if let Some((before, _)) = state.watch.take() {
            before.watch(None);
        }
        if let Some((seat, at)) = &next {
            wake.extend(seat.watch(Some(self.instant(*at))));
        }
        state.watch = next;
    }

    pub(super) fn end(&self, ticket: Ticket, outcome: Outcome) {
        self.with_turns(|state, now, turns| state.scheduler.end(now, ticket, outcome, turns));
        self.metrics.held.decrement(1.0);
    }

    /// Looks without a change.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Scheduler<Arc<Seat>>, u64) -> T) -> T {
        let state = self.state.lock();
        look(&state.scheduler, self.now())
    }

    pub(super) fn rejected(&self, refusal: Refusal) -> Rejected {
        self.metrics.rejected(refusal.why);
        let after = Duration::from_nanos(refusal.after).max(SHORTEST);
        // Those who are refused together should not come back together.
        let spread = after.min(MOST_SPREAD).mul_f64(random::fraction() / 4.0);
        Rejected::new(self.name.clone(), refusal.why, after + spread)
    }

    /// Tells the program, in the order in which it happens.
    fn tell(&self, change: Change) {
        let Some(circuits) = &self.circuits else { return };
        match change {
            Change::Opened(until) => circuits.opened(&self.resource, &self.method, self.instant(until)),
            Change::Closed => circuits.closed(&self.resource, &self.method),
        }
    }

    fn log(&self, change: Change, now: u64) {
        match change {
            Change::Opened(until) => {
                let again_in = Duration::from_nanos(until.saturating_sub(now));
                warn!(limit = &*self.name, ?again_in, "a circuit opens: the calls of this method fail");
                self.metrics.circuit.set(1.0);
            }
            Change::Closed => {
                info!(limit = &*self.name, "a circuit closes: the calls of this method succeed again");
                self.metrics.circuit.set(0.0);
            }
        }
    }
}

/// The longest key that is kept as it is: it lies in memory for as long as something is known of it, and people see it.
const LONGEST_KEY: usize = 256;

/// A longer key by its beginning and a hash of the whole.
fn short(key: &str) -> Cow<'_, str> {
    if key.len() <= LONGEST_KEY {
        return Cow::Borrowed(key);
    }
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    let begins = &key[..key.floor_char_boundary(LONGEST_KEY)];
    Cow::Owned(format!("{begins}…{:016x}", hasher.finish()))
}

/// The shortest time after which a call is tried again; less would only be a busy loop through the store.
const SHORTEST: Duration = Duration::from_millis(50);
const MOST_SPREAD: Duration = Duration::from_secs(60);

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter").field("name", &self.0.name).field("limit", &self.0.limit).finish_non_exhaustive()
    }
}

/// What came of a call, for the circuit and for the key that it was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It succeeded, or failed in a way that says that the other side works.
    Succeeded,
    /// It failed.
    Failed,
    /// The other side asks for patience: no call of the same key goes on before this time.
    NotBefore(Duration),
    /// It was dropped, or says nothing about the other side.
    Unknown,
}

impl Outcome {
    /// The outcome of a call whose error is only known as one.
    #[must_use]
    pub fn of<T, E>(answer: &Result<T, E>) -> Self {
        if answer.is_ok() { Self::Succeeded } else { Self::Failed }
    }
}

/// One call that may go on. Dropped before its [end](Self::end) it counts as a failure if its step ran out of time, and says
/// nothing otherwise.
#[must_use = "the call may go on for as long as the permit lives"]
pub struct Permit {
    shared: Arc<Shared>,
    ticket: Option<Ticket>,
    standing: Option<Standing>,
}

impl Permit {
    pub(super) fn new(shared: Arc<Shared>, ticket: Ticket, standing: Option<Standing>) -> Self {
        Self { shared, ticket: Some(ticket), standing }
    }

    /// Ends the call.
    pub fn end(mut self, outcome: Outcome) {
        if let Some(ticket) = self.ticket.take() {
            self.shared.end(ticket, outcome);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            let overrun = self.standing.as_ref().is_some_and(Standing::is_overrun);
            self.shared.end(ticket, if overrun { Outcome::Failed } else { Outcome::Unknown });
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permit({})", self.shared.name)
    }
}
