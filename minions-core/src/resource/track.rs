//! Tracked methods: latency, errors and callers of a resource, without a field in it.

use std::future::Future;
use std::sync::{Arc, OnceLock};

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use parking_lot::RwLock;
use tokio::time::Instant;

use crate::component::Kind;
use crate::telemetry::activity::{Entered, Frames};
use crate::telemetry::caller::{Caller, CallerId, Scope};
use crate::telemetry::handles::change;
use crate::telemetry::names;
use crate::telemetry::tally::{Tally, Tell, told_by_flush};

/// One tracked method of a resource: a static beside the method, holding its registered metrics by caller.
///
/// `#[resource]` puts one into every public async method of an impl block. By hand:
///
/// ```
/// use minions_core::resource::{Call, TrackedMethod};
/// struct Clock;
/// impl Clock {
///     async fn read(&self) -> Result<u64, std::io::Error> {
///         static READ: TrackedMethod = TrackedMethod::new("clock", "read");
///         let call = Call::begin(&READ);
///         let answer = call.scope(async { Ok(7) }).await;
///         call.end(answer.is_err());
///         answer
///     }
/// }
/// ```
pub struct TrackedMethod {
    resource: &'static str,
    method: &'static str,
    /// Never dropped: there are as many as callers, and both are for the life of the process.
    by_caller: RwLock<Vec<Option<&'static Handles>>>,
    /// Those of the first callers, each at what remains of its number: found without a lock that all threads would write.
    first: [OnceLock<&'static Handles>; FIRST],
}

const FIRST: usize = 8;

/// Of one method and one caller, counted by all threads.
struct Handles {
    caller: CallerId,
    /// Begun, left, and how many have ended, and with an error.
    tally: Tally<4>,
    calls: Counter,
    errors: Counter,
    duration: [Histogram; 1],
    in_flight: Gauge,
    /// Whose name nested calls carry: this resource's, for the same orchestration.
    nested: CallerId,
}

impl TrackedMethod {
    /// The method `method` of the resource named `resource`.
    #[must_use]
    pub const fn new(resource: &'static str, method: &'static str) -> Self {
        let first = [const { OnceLock::new() }; FIRST];
        Self { resource, method, by_caller: RwLock::new(Vec::new()), first }
    }

    fn handles(&self, caller: CallerId) -> &'static Handles {
        let first = self.first[caller.index() % FIRST].get_or_init(|| self.find(caller));
        if first.caller.index() == caller.index() { first } else { self.find(caller) }
    }

    fn find(&self, caller: CallerId) -> &'static Handles {
        if let Some(Some(handles)) = self.by_caller.read().get(caller.index()) {
            return handles;
        }
        let mut by_caller = self.by_caller.write();
        if by_caller.len() <= caller.index() {
            by_caller.resize_with(caller.index() + 1, || None);
        }
        by_caller[caller.index()].get_or_insert_with(|| {
            let handles = Arc::new(self.register(caller));
            told_by_flush(&handles);
            // One owner is left over for ever.
            let handles: &'static Arc<Handles> = Box::leak(Box::new(handles));
            handles
        })
    }

    fn register(&self, id: CallerId) -> Handles {
        let caller = id.caller();
        let labels = [
            ("resource", self.resource.to_owned()),
            ("method", self.method.to_owned()),
            ("caller_kind", caller.kind.map_or("unknown", Kind::as_str).to_owned()),
            ("caller", caller.name.to_owned()),
            ("orchestration", caller.orchestration.to_string()),
        ];
        let nested = CallerId::intern(Caller {
            kind: Some(Kind::Resource),
            name: self.resource,
            orchestration: caller.orchestration.clone(),
        });
        Handles {
            caller: id,
            calls: counter!(names::RESOURCE_CALLS, &labels),
            errors: counter!(names::RESOURCE_ERRORS, &labels),
            duration: [histogram!(names::RESOURCE_CALL_DURATION, &labels)],
            tally: Tally::new(),
            in_flight: gauge!(names::RESOURCE_CALLS_IN_FLIGHT, &labels[..2]),
            nested,
        }
    }
}

impl Tell for Handles {
    fn tell(&self) {
        let new = self.tally.take(&self.duration);
        change(&self.in_flight, new[BEGUN], new[LEFT]);
        self.calls.increment(new[ENDED]);
        self.errors.increment(new[FAILED]);
    }
}

const BEGUN: usize = 0;
const LEFT: usize = 1;
const ENDED: usize = 2;
const FAILED: usize = 3;

/// As `resource.method`.
impl std::fmt::Display for TrackedMethod {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.resource, self.method)
    }
}

impl std::fmt::Debug for TrackedMethod {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TrackedMethod({}.{})", self.resource, self.method)
    }
}

/// One call of a tracked method; dropped before its end it counts as neither success nor error.
#[must_use = "a call that is not ended is counted as interrupted"]
pub struct Call {
    handles: &'static Handles,
    caller: CallerId,
    began: Instant,
    /// Its place in what the workflow does, if it is called for one.
    entered: Option<Entered>,
}

impl Call {
    /// Begins a call on behalf of whoever runs on this task.
    pub fn begin(method: &'static TrackedMethod) -> Self {
        let began = Instant::now();
        let enter = |scope: &Scope| {
            let standing = scope.standing.as_ref();
            (scope.caller, standing.and_then(|standing| standing.enter(Frames::Call(method), began)))
        };
        let (caller, entered) = Scope::look(enter).unwrap_or((CallerId::UNKNOWN, None));
        let handles = method.handles(caller);
        handles.tally.count(BEGUN);
        Self { handles, caller, began, entered }
    }

    /// Runs the body of the method; calls of other resources inside it are counted as this resource's.
    pub fn scope<F: Future>(&self, body: F) -> impl Future<Output = F::Output> + use<F> {
        let caller = self.handles.nested.in_program(self.caller.program());
        Scope { caller, standing: self.entered.as_ref().map(Entered::inside) }.around(body)
    }

    /// Counts the call.
    pub fn end(self, failed: bool) {
        let Handles { tally, duration, .. } = self.handles;
        tally.sample(0, self.began.elapsed().as_secs_f64(), duration);
        tally.count(ENDED);
        if failed {
            tally.count(FAILED);
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.handles.tally.count(LEFT);
    }
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use metrics_util::debugging::{DebugValue, DebuggingRecorder};

    use crate::telemetry::flush;

    use super::*;

    #[test]
    fn callers_are_told_apart_however_many_there_are() {
        static READ: TrackedMethod = TrackedMethod::new("clock", "read");
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        let callers = 3 * FIRST;
        metrics::with_local_recorder(&recorder, || {
            for number in (0..callers).chain(0..callers) {
                let orchestration = format!("tracked/{number}").into();
                let caller = CallerId::intern(Caller { kind: Some(Kind::Minion), name: "tracked", orchestration });
                caller.scope_sync(|| Call::begin(&READ).end(number == 7));
            }
        });
        flush();
        let (mut calls, mut errors) = (Vec::new(), Vec::new());
        for (key, _, _, value) in snapshotter.snapshot().into_vec() {
            match (key.key().name(), value) {
                (names::RESOURCE_CALLS, DebugValue::Counter(count)) => calls.push(count),
                (names::RESOURCE_ERRORS, DebugValue::Counter(count)) if count > 0 => errors.push(count),
                _ => {}
            }
        }
        assert_eq!((calls, errors), (vec![2; callers], vec![2]));
    }
}
