//! The time of day, which a simulation derives from its virtual time.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch.
pub(crate) fn now_ms() -> i64 {
    #[cfg(any(test, feature = "testing"))]
    if let Some(now) = simulated::now_ms() {
        return now;
    }
    // A clock before 1970 is as good as its start: only the order of identities matters, and that is kept.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// Whether the time of day on this thread follows virtual time.
pub(crate) fn is_simulated() -> bool {
    #[cfg(any(test, feature = "testing"))]
    return simulated::now_ms().is_some();
    #[cfg(not(any(test, feature = "testing")))]
    return false;
}

#[cfg(any(test, feature = "testing"))]
pub(crate) mod simulated {
    use std::cell::Cell;

    use tokio::time::Instant;

    thread_local! {
        /// When virtual time began.
        static BEGAN: Cell<Option<Instant>> = const { Cell::new(None) };
    }

    /// Noon of the first day of 2025, in UTC: when every simulation begins.
    const EPOCH_MS: i64 = 1_735_732_800_000;

    pub(super) fn now_ms() -> Option<i64> {
        let began = BEGAN.get()?;
        Some(EPOCH_MS + i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX - EPOCH_MS))
    }

    /// Lets the time of day of this thread follow tokio's from now on, or no more.
    pub(crate) fn set(began: Option<Instant>) {
        BEGAN.set(began);
    }
}
