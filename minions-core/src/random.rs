//! Chance, which a simulation derives from its seed.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Any number.
pub(crate) fn number() -> u64 {
    #[cfg(any(test, feature = "testing"))]
    if let Some(number) = simulated::number() {
        return number;
    }
    // The standard library's hasher keys are random per instance, which is all that jitter and tails of ids need.
    RandomState::new().build_hasher().finish()
}

/// Somewhere in 0..1.
pub(crate) fn fraction() -> f64 {
    (number() >> 11) as f64 / (1u64 << 53) as f64
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
pub(crate) const fn mix(state: u64) -> u64 {
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(any(test, feature = "testing"))]
pub(crate) mod simulated {
    use std::cell::Cell;

    thread_local! {
        static STATE: Cell<Option<u64>> = const { Cell::new(None) };
    }

    /// The next number of SplitMix64.
    pub(super) fn number() -> Option<u64> {
        let state = STATE.get()?.wrapping_add(0x9e37_79b9_7f4a_7c15);
        STATE.set(Some(state));
        Some(super::mix(state))
    }

    /// Lets chance on this thread follow from a seed from now on, or no more.
    pub(crate) fn set(seed: Option<u64>) {
        STATE.set(seed);
    }
}
