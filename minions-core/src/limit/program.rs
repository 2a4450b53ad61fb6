//! The limiters of one program.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Weak};

use parking_lot::{Mutex, RwLock};

use super::{Circuits, Instances, Limit, LimitSettings, Limiter};

/// The limiters of one program by method: they outlive the instances of their resources, and no other program has them.
pub(crate) struct Limits {
    number: u32,
    limiters: RwLock<HashMap<(&'static str, &'static str), Limiter>>,
    /// What is configured, by resource and method.
    settings: Mutex<BTreeMap<(String, String), LimitSettings>>,
    circuits: Circuits,
}

static LAST: AtomicU32 = AtomicU32::new(0);
static PROGRAMS: LazyLock<RwLock<HashMap<u32, Weak<Limits>>>> = LazyLock::new(RwLock::default);

impl Limits {
    pub(crate) fn new() -> Arc<Self> {
        let number = LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let limits = Arc::new(Self {
            number,
            limiters: RwLock::default(),
            settings: Mutex::default(),
            circuits: Circuits::default(),
        });
        PROGRAMS.write().insert(number, Arc::downgrade(&limits));
        limits
    }

    /// The program of this number, if it still lives.
    pub(super) fn of_program(number: u32) -> Option<Arc<Self>> {
        PROGRAMS.read().get(&number).and_then(Weak::upgrade)
    }

    /// Whether any program lives in this process.
    pub(super) fn any_program() -> bool {
        !PROGRAMS.read().is_empty()
    }

    /// The number of the program, never 0.
    pub(crate) fn program(&self) -> u32 {
        self.number
    }

    pub(crate) fn circuits(&self) -> &Circuits {
        &self.circuits
    }

    pub(crate) fn configure(&self, resource: String, method: String, settings: LimitSettings) {
        self.settings.lock().insert((resource, method), settings);
    }

    pub(crate) fn configured(&self) -> BTreeMap<(String, String), LimitSettings> {
        self.settings.lock().clone()
    }

    /// The limiter of a method, which declares `limit`.
    pub(super) fn limiter(&self, resource: &'static str, method: &'static str, limit: Limit) -> Limiter {
        if let Some(limiter) = self.limiters.read().get(&(resource, method)) {
            return limiter.clone();
        }
        let settings = self.settings.lock().get(&(resource.to_owned(), method.to_owned())).cloned();
        // What is wrong with them was reported before the start.
        let limit = settings.and_then(|settings| settings.over(limit).ok()).unwrap_or(limit);
        let made = Limiter::of(resource, method, limit, Some(self.circuits.clone()));
        self.limiters.write().entry((resource, method)).or_insert(made).clone()
    }
}

impl Drop for Limits {
    fn drop(&mut self) {
        PROGRAMS.write().remove(&self.number);
        Instances::forget(self.number);
    }
}
