//! Runs one hook: on behalf of its component, within a deadline, apart from everything else.
//!
//! On a runtime of several threads every hook has a thread of its own, so that one that blocks holds up nobody: its
//! deadline still passes, and it is named. A runtime of one thread has only that one.

use std::future::Future;
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::component::Bounds;

/// What a hook gets beyond its deadline to let go by itself, before it counts as one that blocks its thread.
const GRACE: Duration = Duration::from_millis(100);

/// Why a hook gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silent {
    /// It does not come back to its runtime, and what it holds is gone with it.
    Blocks,
    /// Its thread could not be started, or ended under it.
    Gone,
}

/// Runs `hook`, which keeps its bounds itself if it can, where it can block nobody.
pub(super) async fn run<T: Send + 'static>(
    what: String,
    bounds: &Bounds,
    hook: impl Future<Output = T> + Send + 'static,
) -> Result<T, Silent> {
    let entry = Entry::new(what);
    let hook = async move {
        // Until it really ends, also when nobody waits for it any more.
        let _entry = entry;
        hook.await
    };
    let (answer, answered) = oneshot::channel();
    let runtime = Handle::current();
    let work = async move {
        // Nobody waits any more when it has taken too long.
        let _ = answer.send(hook.await);
    };
    if runtime.runtime_flavor() == RuntimeFlavor::CurrentThread {
        runtime.spawn(work);
    } else {
        let block = move || runtime.block_on(work);
        if thread::Builder::new().name("minions-hook".to_owned()).spawn(block).is_err() {
            return Err(Silent::Gone);
        }
    }
    let overrun = async {
        // Whichever comes first ends the hook, if it can be ended.
        let _ = timeout(bounds.deadline, bounds.cancel.cancelled()).await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        biased;
        answered = answered => answered.map_err(|_| Silent::Gone),
        () = overrun => Err(Silent::Blocks),
    }
}

/// The hooks that run in this process at this moment: which, of whom, and for how long.
///
/// For the last words of a process whose stop overruns its deadline; the longest first.
#[must_use]
pub fn hooks_under_way() -> Vec<String> {
    let hooks = UNDER_WAY.lock();
    hooks.iter().map(|(_, what, since)| format!("{what}, for {:.1?}", since.elapsed())).collect()
}

static UNDER_WAY: LazyLock<Mutex<UnderWay>> = LazyLock::new(Mutex::default);

type UnderWay = Vec<(u64, String, Instant)>;

struct Entry(u64);

impl Entry {
    fn new(what: String) -> Self {
        let mut hooks = UNDER_WAY.lock();
        let id = hooks.last().map_or(0, |(id, ..)| id + 1);
        hooks.push((id, what, Instant::now()));
        Self(id)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        UNDER_WAY.lock().retain(|(id, ..)| *id != self.0);
    }
}
